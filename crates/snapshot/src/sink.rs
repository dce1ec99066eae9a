//! The [`Sink`] that writes one file per table in a [`Format`](crate::Format) and publishes them together.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use fortilake_sink::{
    Batch, Context, Error, Kind, Outcome, Partial, Receipt, RecordBatch, Result, Sink, TableSpec,
};
use sha2::{Digest as _, Sha256};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::commit::Publication;
use crate::format::{AnyEncoder, AnyFormat, Output};
use crate::local::joined;
use crate::manifest::{File, Manifest, PublishedTable};
use crate::place::{Place, Upload};
use crate::rules;
use crate::target::FileTarget;
use crate::token::token;
use crate::uploads::{self, Uploads};

/// The number of encoded bytes to collect before passing them to the upload.
const CHUNK: usize = 128 * 1024;

/// Writes and publishes one crawl.
pub(crate) struct FileSink {
    place: Arc<dyn Place>,
    target: FileTarget,
    format: Box<dyn AnyFormat>,
    context: Context,
    name: String,
    token: String,
    /// The manifest, if an earlier sink already published this crawl. Batches are then accepted and ignored.
    published: Option<Manifest>,
    tables: Vec<OpenTable>,
    by_name: HashMap<String, usize>,
}

struct OpenTable {
    spec: Arc<TableSpec>,
    path: String,
    encoder: EncoderState,
    upload: Box<dyn Upload>,
    rows: u64,
}

/// Whether the encoder of a table can take a batch.
enum EncoderState {
    Idle(Encoding),
    /// It is still taking the previous batch. So the tables are encoded at the same time, each of them in order, and at
    /// most one batch of each table waits in memory. An error is returned by the next call for the table.
    Busy(JoinHandle<Result<(Encoding, Vec<Vec<u8>>)>>),
    /// A call failed or was dropped, so the encoder may have taken only part of a batch.
    Lost,
}

/// The part that runs on blocking threads, because encoding and hashing use the CPU for long.
struct Encoding {
    encoder: Box<dyn AnyEncoder>,
    written: Hashed,
}

/// The size and digest of what was taken from an output.
struct Hashed {
    output: Output,
    digest: Sha256,
    bytes: u64,
}

impl FileSink {
    fn new(
        place: Arc<dyn Place>,
        target: FileTarget,
        format: Box<dyn AnyFormat>,
        context: Context,
        name: String,
    ) -> Self {
        Self {
            place,
            target,
            format,
            context,
            name,
            token: token(),
            published: None,
            tables: Vec::new(),
            by_name: HashMap::new(),
        }
    }

    /// A sink for a crawl that is already published. It ignores batches and repeats the steps after the commit.
    pub(crate) fn published(
        place: Arc<dyn Place>,
        target: FileTarget,
        format: Box<dyn AnyFormat>,
        context: Context,
        name: String,
        published: Manifest,
    ) -> Self {
        let mut sink = Self::new(place, target, format, context, name);
        sink.published = Some(published);
        sink
    }

    /// A sink that has started one upload for each table.
    pub(crate) async fn begin(
        place: Arc<dyn Place>,
        target: FileTarget,
        format: Box<dyn AnyFormat>,
        context: Context,
        name: String,
    ) -> Result<Self> {
        let mut sink = Self::new(place, target, format, context, name);
        for spec in sink.context.tables.clone() {
            if let Err(error) = sink.add(spec).await {
                sink.discard().await?;
                return Err(error);
            }
        }
        Ok(sink)
    }

    async fn add(&mut self, spec: Arc<TableSpec>) -> Result<()> {
        let extension = self.format.extension();
        let layout = self.target.layout;
        let path = layout.file(&spec.name, &self.name, &self.token, extension);
        let output = Output::new(PathBuf::from(&path));
        let crawl = &self.context.crawl;
        let encoder = self
            .format
            .encoder(crawl, &self.name, &spec, output.clone())?;
        let upload = uploads::begin(self.place.as_ref(), &self.context.store, &path).await?;
        self.by_name.insert(spec.name.clone(), self.tables.len());
        self.tables.push(OpenTable {
            spec,
            path,
            encoder: EncoderState::Idle(Encoding {
                encoder,
                written: Hashed {
                    output,
                    digest: Sha256::new(),
                    bytes: 0,
                },
            }),
            upload,
            rows: 0,
        });
        Ok(())
    }

    /// Finishes all files, which stay invisible, and describes them in a manifest.
    async fn close(&mut self, outcome: &Outcome) -> Result<Manifest> {
        // The ends of all files are encoded at the same time.
        let mut ends = Vec::with_capacity(self.tables.len());
        for table in &mut self.tables {
            let encoding = table.idle_encoder().await?;
            ends.push(spawn_blocking(move || encoding.finish()));
        }
        let mut tables = Vec::with_capacity(self.tables.len());
        for (table, end) in self.tables.iter_mut().zip(ends) {
            let (rest, bytes, sha256) = joined(end).await?;
            for piece in rest {
                table.upload.write(piece).await?;
            }
            let file = File {
                path: table.path.clone(),
                format: self.format.name().to_owned(),
                layout: self.target.layout,
                rows: table.rows,
                bytes,
                sha256,
            };
            tables.push(PublishedTable::new(&table.spec, file));
        }
        let crawl = &self.context.crawl;
        let summary = outcome.summary();
        let mut manifest = Manifest::new(crawl, &self.name, &self.token, summary, tables);
        let notes = self.format.notes();
        if !notes.is_empty() {
            manifest.notes.insert(self.format.name().to_owned(), notes);
        }
        Ok(manifest)
    }

    async fn publish(&mut self, outcome: &Outcome) -> Result<Receipt> {
        let names = self.context.tables.iter().map(|table| table.name.clone());
        let names: Vec<_> = names.collect();
        let manifest = match self.published.take() {
            Some(published) => return self.publication(&names).repair(&published).await,
            None => self.close(outcome).await?,
        };
        let mut uploads = self.take_uploads();
        let publication = self.publication(&names);
        let published = publication.publish(manifest, &mut uploads).await;
        // Uploads that are left belong to a failed attempt, or another attempt committed first. An error here must not
        // replace the result; the next run discards them again.
        let _ = uploads.discard().await;
        published
    }

    fn take_uploads(&mut self) -> Uploads {
        let mut uploads = Uploads::new(Arc::clone(&self.context.store));
        for table in self.tables.drain(..).rev() {
            uploads.add(table.path, table.upload);
        }
        uploads
    }

    fn publication<'a>(&'a self, tables: &'a [String]) -> Publication<'a> {
        let chosen = self.target.partial.map(Partial::from);
        let partial = self.context.partial.or(chosen);
        Publication {
            place: self.place.as_ref(),
            layout: self.target.layout,
            crawl: &self.context.crawl,
            name: &self.name,
            format: self.format.name(),
            tables,
            partial: partial.unwrap_or_else(|| rules::default_partial(self.target.layout)),
            keep: self.target.keep,
            catalog: self.target.catalog.as_deref(),
        }
    }

    async fn discard(&mut self) -> Result<()> {
        self.take_uploads().discard().await
    }
}

impl OpenTable {
    async fn write(&mut self, records: &RecordBatch) -> Result<()> {
        let records = conform(&self.spec, records)?;
        let count = records.num_rows() as u64;
        let mut encoding = self.idle_encoder().await?;
        self.encoder = EncoderState::Busy(spawn_blocking(move || {
            encoding.encoder.write(&records)?;
            let pieces = encoding.written.take(CHUNK);
            Ok((encoding, pieces))
        }));
        self.rows += count;
        Ok(())
    }

    /// Waits until the encoder has taken the previous batch, and uploads what it wrote. The encoder is lost unless the
    /// caller returns it.
    async fn idle_encoder(&mut self) -> Result<Encoding> {
        match std::mem::replace(&mut self.encoder, EncoderState::Lost) {
            EncoderState::Idle(encoding) => Ok(encoding),
            EncoderState::Busy(task) => {
                let (encoding, pieces) = joined(task).await?;
                for piece in pieces {
                    self.upload.write(piece).await?;
                }
                Ok(encoding)
            }
            EncoderState::Lost => Err(spent()),
        }
    }
}

impl Encoding {
    /// The remaining bytes, and the size and digest of the whole file.
    fn finish(self) -> Result<(Vec<Vec<u8>>, u64, String)> {
        let mut written = self.written;
        self.encoder.finish()?;
        let rest = written.take(0);
        Ok((
            rest,
            written.bytes,
            format!("{:x}", written.digest.finalize()),
        ))
    }
}

impl Hashed {
    /// Takes what was written; nothing if there are fewer than `least` bytes.
    fn take(&mut self, least: usize) -> Vec<Vec<u8>> {
        let pieces = self.output.take(least);
        for piece in &pieces {
            self.digest.update(piece);
            self.bytes += piece.len() as u64;
        }
        pieces
    }
}

#[async_trait]
impl Sink for FileSink {
    async fn write(&mut self, batch: &Batch) -> Result<()> {
        if self.published.is_some() {
            return Ok(());
        }
        let table = self.by_name.get(&batch.table.name).copied();
        match table.and_then(|index| self.tables.get_mut(index)) {
            Some(table) => table.write(&batch.records).await,
            None => Err(spent()),
        }
    }

    async fn finish(mut self: Box<Self>, outcome: &Outcome) -> Result<Receipt> {
        let published = self.publish(outcome).await;
        if published.is_err() {
            // Discard uploads that `publish` had not taken when it failed.
            let _ = self.discard().await;
        }
        published
    }

    async fn abort(mut self: Box<Self>) -> Result<()> {
        self.discard().await
    }
}

/// The records under the schema that the file was started with. The metadata of a batch's schema may differ.
fn conform(spec: &TableSpec, records: &RecordBatch) -> Result<RecordBatch> {
    RecordBatch::try_new(Arc::clone(&spec.schema), records.columns().to_vec()).map_err(|error| {
        let text = format!("a batch does not have the columns of table `{}`", spec.name);
        Error::new(Kind::Internal, text).with_source(error)
    })
}

fn spent() -> Error {
    let text = "an earlier call of this sink failed or was cancelled";
    Error::new(Kind::Internal, text)
}
