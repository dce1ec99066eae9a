//! The `folders` sink: a folder for each snapshot, and in it a file of JSON lines for each table.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use fortilake_sink::{
    Batch, Context, Delivery, Descriptor, Error, Kind, Options, Outcome, Receipt, Result, Sink,
    inventory, json,
};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;

#[cfg(test)]
mod tests;

inventory::submit! {
    Descriptor {
        name: "folders",
        summary: "A folder for each snapshot with JSON lines for each table, in place when the crawl has ended.",
        target: "path",
        delivery: Delivery::Atomic,
        options: || schema_for!(Config),
        open: |context, options| Box::pin(open(context, options)),
        redeliver: None,
    }
}

/// Options of the `folders` sink.
#[derive(Deserialize, JsonSchema)]
struct Config {
    /// The folder that gets a folder for each snapshot; it is made if it is not there.
    path: PathBuf,
}

struct Folders {
    /// Where files are written, and where readers find them.
    staged: PathBuf,
    published: PathBuf,
    files: u64,
    rows: u64,
    bytes: u64,
    failed: bool,
}

async fn open(context: Context, options: Options) -> Result<Box<dyn Sink>> {
    let Config { path } = options.parse()?;
    let staged = path.join(format!(".{}", context.crawl.id));
    // An earlier sink of the same crawl may have been cut off.
    remove(&staged)?;
    fs::create_dir_all(&staged).map_err(|error| Error::io("create", &staged, error))?;
    for table in &context.tables {
        let file = staged.join(format!("{}.jsonl", table.name));
        fs::write(&file, "").map_err(|error| Error::io("create", &file, error))?;
    }
    Ok(Box::new(Folders {
        staged,
        published: path.join(&context.crawl.snapshot),
        files: context.tables.len() as u64,
        rows: 0,
        bytes: 0,
        failed: false,
    }))
}

#[async_trait]
impl Sink for Folders {
    async fn write(&mut self, batch: &Batch) -> Result<()> {
        // Half a batch may be in the file after an error; then nothing may be published.
        self.failed = true;
        let lines = json::lines(&batch.records)?;
        let file = self.staged.join(format!("{}.jsonl", batch.table.name));
        OpenOptions::new()
            .append(true)
            .open(&file)
            .and_then(|mut file| file.write_all(&lines))
            .map_err(|error| Error::io("write", &file, error))?;
        self.rows += batch.records.num_rows() as u64;
        self.bytes += lines.len() as u64;
        self.failed = false;
        Ok(())
    }

    async fn finish(self: Box<Self>, _outcome: &Outcome) -> Result<Receipt> {
        if self.failed {
            return Err(Error::new(
                Kind::Internal,
                "an earlier batch was not written",
            ));
        }
        sync(&self.staged).map_err(|error| Error::io("sync", &self.staged, error))?;
        // A replay replaces what is there.
        remove(&self.published)?;
        fs::rename(&self.staged, &self.published)
            .map_err(|error| Error::io("publish", &self.published, error))?;
        Ok(Receipt {
            location: self.published.display().to_string(),
            rows: self.rows,
            files: self.files,
            bytes: self.bytes,
        })
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        remove(&self.staged)
    }
}

/// Brings the files onto the disk, for the receipt says that they are there to stay.
fn sync(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        File::open(entry?.path())?.sync_all()?;
    }
    Ok(())
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io("remove", folder, error))
        }
        _ => Ok(()),
    }
}
