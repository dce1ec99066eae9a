//! The sink: its registration, and the handling of batches.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use fortilake_sink::{
    Batch, Context, Delivery, Descriptor, Error, Kind, Options, Outcome, Partial, Receipt, Result,
    Sink, Standing, Store, choose_name, inventory, json,
};
use schemars::schema_for;

use crate::config::Config;

inventory::submit! {
    Descriptor {
        name: "{{name}}",
        summary: "{{summary}}",
        target: "path",
        options: || schema_for!(Config),
        delivery: |_| Ok(Delivery::Atomic),
        open: |context, options| Box::pin(open(context, options)),
        probe: |options| Box::pin(async { probe(&options.parse::<Config>()?.path) }),
        recover: Some(|options, store| Box::pin(recover(options, store))),
        redeliver: None,
    }
}

/// The prefix of the store's keys for files that are being written.
const STAGED: &str = "staged/";

async fn open(context: Context, options: Options) -> Result<Box<dyn Sink>> {
    let Config { path } = options.parse()?;
    probe(&path)?;
    let id = &context.crawl.id;
    // Recorded before the file exists, so that `recover` finds it no matter when this process dies.
    context.store.put(&format!("{STAGED}{id}"), b"").await?;
    let staged = path.join(format!(".{id}.part"));
    // An interrupted sink of the same crawl may have left this file. It is overwritten, because all
    // batches arrive again.
    let file = File::create(&staged).map_err(|error| Error::io("create", &staged, error))?;
    let tables: Vec<_> = context.tables.iter().map(|table| &table.name).collect();
    let head = serde_json::json!({ "crawl_id": id, "tables": tables });
    let mut sink = Lines {
        folder: path,
        staged,
        file: BufWriter::new(file),
        rows: 0,
        bytes: 0,
        context,
    };
    sink.write_all(format!("{head}\n").as_bytes())?;
    Ok(Box::new(sink))
}

/// Checks that the folder is writable. Leaves nothing in it.
fn probe(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(|error| Error::io("create the folder", folder, error))?;
    let file = folder.join(format!(".probe-{}", std::process::id()));
    fs::write(&file, "").map_err(|error| Error::io("write", &file, error))?;
    fs::remove_file(&file).map_err(|error| Error::io("remove", &file, error))
}

/// Removes files left by dead processes with the same state. Files of other states may still be in
/// use.
async fn recover(options: Options, store: Arc<dyn Store>) -> Result<()> {
    let Config { path } = options.parse()?;
    for key in store.keys(STAGED).await? {
        let id = key.trim_start_matches(STAGED);
        remove(&path.join(format!(".{id}.part")))?;
        store.delete(&key).await?;
    }
    Ok(())
}

/// A file that readers can't see before it is complete.
///
/// The order of batches, totals, and errors are checked outside of every sink, so this code does
/// not repeat the checks.
struct Lines {
    folder: PathBuf,
    staged: PathBuf,
    context: Context,
    file: BufWriter<File>,
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
        self.rows += batch.records.num_rows() as u64;
        self.write_all(&text)
    }

    async fn finish(mut self: Box<Self>, outcome: &Outcome) -> Result<Receipt> {
        let published = self.publish(outcome);
        self.clear().await?;
        let (name, place) = published?;
        let newest = names(&self.folder)?.pop_last();
        let is_latest = newest.is_none_or(|newest| newest.0 <= name);
        Ok(Receipt {
            location: place.display().to_string(),
            snapshot: Some(name),
            standing: if is_latest { Standing::Latest } else { Standing::Behind },
            rows: self.rows,
            files: 1,
            bytes: self.bytes,
        })
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        self.clear().await
    }
}

impl Lines {
    fn write_all(&mut self, text: &[u8]) -> Result<()> {
        self.bytes += text.len() as u64;
        let written = self.file.write_all(text);
        written.map_err(|error| Error::io("write", &self.staged, error))
    }

    /// Publishes the file. Returns the snapshot's name and the path.
    fn publish(&mut self, outcome: &Outcome) -> Result<(String, PathBuf)> {
        if self.context.partial == Some(Partial::Refuse) && !outcome.complete {
            return Err(Error::new(Kind::Refused, "scopes failed, so nothing is published"));
        }
        let end = serde_json::json!({ "outcome": outcome.summary() });
        self.write_all(format!("{end}\n").as_bytes())?;
        // The file is written to disk before it is renamed, so that a crash in between leaves
        // nothing that looks complete.
        let written = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        written.map_err(|error| Error::io("write", &self.staged, error))?;
        let crawl = &self.context.crawl;
        let there = names(&self.folder)?;
        let mine = there.iter().find(|(_, id)| *id == crawl.id);
        let taken: BTreeSet<_> = there.iter().map(|(name, _)| name.clone()).collect();
        let name = choose_name(crawl, mine.map(|(name, _)| name.as_str()), &taken);
        // The id of the crawl makes the name unique: only a file of the same crawl can be replaced.
        let place = self.folder.join(format!("{name}_{}.jsonl", crawl.id));
        fs::rename(&self.staged, &place).map_err(|error| Error::io("publish", &place, error))?;
        sync(&self.folder)?;
        Ok((name, place))
    }

    /// Removes the staged file and its record.
    async fn clear(&self) -> Result<()> {
        remove(&self.staged)?;
        let key = format!("{STAGED}{}", self.context.crawl.id);
        self.context.store.delete(&key).await
    }
}

/// Returns the snapshot's name and the crawl of each published file.
fn names(folder: &Path) -> Result<BTreeSet<(String, String)>> {
    let entries = fs::read_dir(folder).map_err(|error| Error::io("read", folder, error))?;
    let names = entries.filter_map(|entry| {
        let file = entry.ok()?.file_name().into_string().ok()?;
        let (name, id) = file.strip_suffix(".jsonl")?.split_once('_')?;
        Some((name.to_owned(), id.to_owned()))
    });
    Ok(names.collect())
}

/// Removes a file. It is not an error if the file does not exist.
fn remove(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io("remove", file, error)),
        _ => Ok(()),
    }
}

/// Writes the names in a folder to disk, if the system supports that. Without it, a rename may be
/// lost in a crash.
fn sync(folder: &Path) -> Result<()> {
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(error) if cfg!(unix) && !is_unsupported(&error) => {
            Err(Error::io("sync", folder, error))
        }
        _ => Ok(()),
    }
}

fn is_unsupported(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported)
}
