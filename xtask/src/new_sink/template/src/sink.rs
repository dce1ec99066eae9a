//! The sink: its registration, and the handling of batches.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use async_trait::async_trait;
use fortilake_sink::{
    Batch, Context, Delivery, Descriptor, Error, Kind, Options, Outcome, Receipt, Result, Sink,
    inventory, json,
};
use schemars::schema_for;

use crate::config::Config;

inventory::submit! {
    Descriptor {
        name: "{{name}}",
        summary: "{{summary}}",
        target: "path",
        delivery: Delivery::Atomic,
        options: || schema_for!(Config),
        open: |context, options| Box::pin(open(context, options)),
        redeliver: None,
    }
}

#[expect(clippy::unused_async, reason = "a sink that connects somewhere waits here")]
async fn open(context: Context, options: Options) -> Result<Box<dyn Sink>> {
    let Config { path } = options.parse()?;
    fs::create_dir_all(&path).map_err(|error| Error::io("create the folder", &path, error))?;
    let staged = path.join(format!(".{}.part", context.crawl.id));
    // What a sink of the same crawl left behind when it was cut off is overwritten.
    let file = File::create(&staged).map_err(|error| Error::io("create", &staged, error))?;
    let mut sink = Lines {
        published: path.join(format!("{}.jsonl", context.crawl.snapshot)),
        staged,
        file: Some(BufWriter::new(file)),
        rows: 0,
        bytes: 0,
    };
    let tables: Vec<_> = context.tables.iter().map(|table| &table.name).collect();
    sink.append(&serde_json::json!({
        "crawl_id": context.crawl.id,
        "snapshot": context.crawl.snapshot,
        "tables": tables,
    }))?;
    Ok(Box::new(sink))
}

/// A file that readers do not see before it is whole.
struct Lines {
    staged: PathBuf,
    published: PathBuf,
    /// Nothing once a write has failed, for then half a batch may be in the file.
    file: Option<BufWriter<File>>,
    rows: u64,
    bytes: u64,
}

// Writing to a local file is fast. Move anything that may take long to
// `tokio::task::spawn_blocking`.
#[async_trait]
impl Sink for Lines {
    async fn write(&mut self, batch: &Batch) -> Result<()> {
        let lines = json::lines(&batch.records)?;
        let table = serde_json::json!(batch.table.name);
        let mut text = Vec::with_capacity(lines.len() * 2);
        for row in lines.split(|byte| *byte == b'\n').filter(|row| !row.is_empty()) {
            text.extend_from_slice(format!("{{\"table\":{table},\"row\":").as_bytes());
            text.extend_from_slice(row);
            text.extend_from_slice(b"}\n");
        }
        self.write_all(&text)?;
        self.rows += batch.records.num_rows() as u64;
        Ok(())
    }

    async fn finish(mut self: Box<Self>, outcome: &Outcome) -> Result<Receipt> {
        self.append(&serde_json::json!({ "outcome": outcome }))?;
        let file = self.file.take().ok_or_else(spent)?;
        // On the disk first, and then in place: a crash in between leaves nothing that looks whole.
        file.into_inner()
            .map_err(std::io::IntoInnerError::into_error)
            .and_then(|file| file.sync_all())
            .map_err(|error| Error::io("write", &self.staged, error))?;
        fs::rename(&self.staged, &self.published)
            .map_err(|error| Error::io("publish", &self.published, error))?;
        Ok(Receipt {
            location: self.published.display().to_string(),
            rows: self.rows,
            files: 1,
            bytes: self.bytes,
        })
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        fs::remove_file(&self.staged).map_err(|error| Error::io("remove", &self.staged, error))
    }
}

impl Lines {
    fn append(&mut self, line: &serde_json::Value) -> Result<()> {
        self.write_all(format!("{line}\n").as_bytes())
    }

    fn write_all(&mut self, text: &[u8]) -> Result<()> {
        let mut file = self.file.take().ok_or_else(spent)?;
        file.write_all(text).map_err(|error| Error::io("write", &self.staged, error))?;
        self.file = Some(file);
        self.bytes += text.len() as u64;
        Ok(())
    }
}

fn spent() -> Error {
    Error::new(Kind::Internal, "an earlier call of this sink did not end well")
}
