//! A [`Format`] as a [`Sink`].

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use tracing::debug;

use super::format::{Encoder, Format, Output};
use super::layout::{Layout, check_name};
use super::manifest::{File, Manifest, Table};
use super::plan::{Move, Plan};
use super::root::Root;
use super::staging::Staging;
use crate::{
    Batch, Context, Crawl, Error, Kind, Outcome, Receipt, RecordBatch, Result, Sink, TableSpec,
};

/// Where files are published, and how they are arranged.
#[derive(Clone, Debug)]
pub struct Target {
    /// The folder.
    pub path: PathBuf,
    /// The arrangement below it.
    pub layout: Layout,
}

/// Opens a sink that writes `format` into `target`: one file for each table of the context.
///
/// # Errors
///
/// [`Kind::Config`] if the folder cannot be written, or whatever the format finds wrong with a table.
///
/// # Cancellation
///
/// If the future is dropped, the staging folder is removed by the thread that makes it.
pub async fn open<F: Format>(format: F, target: Target, context: Context) -> Result<Box<dyn Sink>> {
    let files = blocking(move || Files::open(format, target, context)).await?;
    Ok(Box::new(FileSink { files: Some(files) }))
}

/// The asynchronous half: hands the other half to a blocking thread and takes it back.
struct FileSink<F: Format> {
    /// Nothing once a call has failed: an encoder that took half a batch cannot go on.
    files: Option<Files<F>>,
}

#[async_trait]
impl<F: Format> Sink for FileSink<F> {
    async fn write(&mut self, batch: &Batch) -> Result<()> {
        let mut files = self.files.take().ok_or_else(spent)?;
        let batch = batch.clone();
        let files = blocking(move || files.write(&batch).map(|()| files)).await?;
        self.files = Some(files);
        Ok(())
    }

    async fn finish(self: Box<Self>, outcome: &Outcome) -> Result<Receipt> {
        let files = self.files.ok_or_else(spent)?;
        let outcome = outcome.clone();
        blocking(move || files.finish(&outcome)).await
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        match self.files {
            Some(files) => blocking(move || files.staging.remove()).await,
            None => Ok(()),
        }
    }
}

fn spent() -> Error {
    Error::new(
        Kind::Internal,
        "an earlier call of this sink did not end well",
    )
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| {
        Err(Error::new(Kind::Internal, "the file writer stopped").with_source(error))
    })
}

/// The blocking half: one open file for each table.
struct Files<F: Format> {
    format: F,
    root: Root,
    layout: Layout,
    crawl: Crawl,
    /// The crawl whose snapshot of the same name was there before; ours may replace it.
    replaces: Option<String>,
    tables: Vec<OpenTable<F::Encoder>>,
    by_name: HashMap<String, usize>,
    staging: Staging,
}

struct OpenTable<E> {
    spec: Arc<TableSpec>,
    file_name: String,
    encoder: E,
    rows: u64,
}

impl<F: Format> Files<F> {
    fn open(format: F, target: Target, context: Context) -> Result<Self> {
        if target.path.as_os_str().is_empty() {
            return Err(Error::new(Kind::Config, "option `path` is empty"));
        }
        check_name("snapshot", &context.crawl.snapshot)?;
        for table in &context.tables {
            check_name("table", &table.name)?;
        }
        let root = Root::open(target.path)?;
        let lock = root.lock()?;
        Staging::recover(&root, &lock, format.name())?;
        let replaces = root
            .manifest(&context.crawl.snapshot)?
            .map(|there| there.crawl.id);
        let staging = Staging::create(&root, &lock, &context.crawl.snapshot, format.name())?;
        drop(lock);

        let mut files = Self {
            format,
            root,
            layout: target.layout,
            crawl: context.crawl,
            replaces,
            tables: Vec::with_capacity(context.tables.len()),
            by_name: HashMap::new(),
            staging,
        };
        context
            .tables
            .into_iter()
            .try_for_each(|spec| files.add(spec))?;
        Ok(files)
    }

    fn add(&mut self, spec: Arc<TableSpec>) -> Result<()> {
        let file_name = format!("{}.{}", spec.name, self.format.extension());
        if self
            .by_name
            .insert(spec.name.clone(), self.tables.len())
            .is_some()
        {
            let text = format!("there are two tables `{}`", spec.name);
            return Err(Error::new(Kind::Internal, text));
        }
        let output = Output::create(self.staging.path().join(&file_name))?;
        let encoder = self.format.encoder(&self.crawl, &spec, output)?;
        self.tables.push(OpenTable {
            spec,
            file_name,
            encoder,
            rows: 0,
        });
        Ok(())
    }

    fn write(&mut self, batch: &Batch) -> Result<()> {
        let name = batch.table.name.as_str();
        let Some(index) = self.by_name.get(name) else {
            let text = format!("table `{name}` was not announced when the sink was opened");
            return Err(Error::new(Kind::Internal, text));
        };
        let table = &mut self.tables[*index];
        let records = conform(&table.spec, &batch.records)?;
        table.encoder.write(&records)?;
        table.rows += records.num_rows() as u64;
        Ok(())
    }

    fn finish(self, outcome: &Outcome) -> Result<Receipt> {
        check_totals(&self.tables, outcome)?;
        let mut moves = Vec::with_capacity(self.tables.len());
        let mut tables = Vec::with_capacity(self.tables.len());
        let mut receipt = Receipt {
            location: self.root.path().display().to_string(),
            rows: 0,
            files: 0,
            bytes: 0,
        };
        for table in self.tables {
            let written = table.encoder.finish()?.close()?;
            let extension = self.format.extension();
            let file = File {
                path: self
                    .layout
                    .path(&table.spec.name, &self.crawl.snapshot, extension),
                format: self.format.name().to_owned(),
                layout: self.layout,
                rows: table.rows,
                bytes: written.bytes,
                sha256: written.sha256,
            };
            receipt.rows += file.rows;
            receipt.files += 1;
            receipt.bytes += file.bytes;
            moves.push(Move {
                from: table.file_name,
                to: file.path.clone(),
            });
            tables.push(Table::new(&table.spec, file));
        }
        let mut manifest = Manifest::new(&self.crawl, outcome, tables);
        let notes = self.format.notes();
        if !notes.is_empty() {
            manifest.notes.insert(self.format.name().to_owned(), notes);
        }
        let plan = Plan {
            layout: self.layout,
            moves,
            replaces: self.replaces.clone(),
            manifest,
        };

        let lock = self.root.lock()?;
        check_owner(&self.root, &self.crawl, self.replaces.as_deref())?;
        self.staging.publish(&self.root, &lock, &plan)?;
        debug!(
            path = receipt.location,
            rows = receipt.rows,
            "snapshot published"
        );
        Ok(receipt)
    }
}

/// The records in the very schema that the file was begun with.
fn conform(spec: &TableSpec, records: &RecordBatch) -> Result<RecordBatch> {
    let text = || format!("a batch does not have the columns of table `{}`", spec.name);
    let schema = records.schema();
    let given = schema.fields().iter().map(|field| field.name());
    if !given.eq(spec.schema.fields().iter().map(|field| field.name())) {
        return Err(Error::new(Kind::Internal, text()));
    }
    RecordBatch::try_new(Arc::clone(&spec.schema), records.columns().to_vec())
        .map_err(|error| Error::new(Kind::Internal, text()).with_source(error))
}

/// Refuses to publish other rows than the crawl has counted: a short table must not look whole.
fn check_totals<E>(tables: &[OpenTable<E>], outcome: &Outcome) -> Result<()> {
    for total in &outcome.tables {
        let table = tables.iter().find(|table| table.spec.name == total.table);
        let rows = table.map_or(0, |table| table.rows);
        if rows != total.rows {
            let (name, wanted) = (&total.table, total.rows);
            let text = format!("table `{name}` has {rows} rows, and the crawl counted {wanted}");
            return Err(Error::new(Kind::Internal, text));
        }
    }
    Ok(())
}

/// Refuses to mix two crawls that began in the same second and publish side by side.
fn check_owner(root: &Root, crawl: &Crawl, replaces: Option<&str>) -> Result<()> {
    let Some(there) = root.manifest(&crawl.snapshot)? else {
        return Ok(());
    };
    if there.crawl.id == crawl.id || Some(there.crawl.id.as_str()) == replaces {
        return Ok(());
    }
    let (snapshot, other) = (&crawl.snapshot, there.crawl.id);
    let text = format!("crawl `{other}` has meanwhile published a snapshot `{snapshot}` here");
    Err(Error::new(Kind::Rejected, text))
}
