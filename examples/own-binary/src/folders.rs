//! The `folders` sink: a folder for each snapshot, and in it a file of JSON lines for each table.
//!
//! ```text
//! out/20260901T120000Z/products.jsonl   rows
//! out/20260901T120000Z/_crawl.json      the id of the crawl, and its outcome
//! out/latest.json                       the name of the newest snapshot
//! out/.CRAWL                            a snapshot that is being written
//! ```
//!
//! A snapshot is written beside the others, brought onto the disk, and renamed into place once.
//! It is never changed again, so readers of it lose nothing, whenever a process dies.
//! `latest.json` is replaced by one rename, after the snapshot that it names is in place.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use fortilake_sink::{
    Batch, Context, Crawl, Delivery, Descriptor, Error, Kind, Options, Outcome, Partial, Receipt,
    Result, Sink, Standing, Store, choose_name, inventory, json,
};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;

mod disk;
#[cfg(test)]
mod tests;

inventory::submit! {
    Descriptor {
        name: "folders",
        summary: "A folder for each snapshot with JSON lines for each table, published when the crawl has ended.",
        target: "path",
        options: || schema_for!(Config),
        delivery: |_| Ok(Delivery::Atomic),
        open: |context, options| Box::pin(open(context, options)),
        probe: |options| Box::pin(async { disk::probe(&options.parse::<Config>()?.path) }),
        recover: Some(|options, store| Box::pin(recover(options, store))),
        redeliver: None,
    }
}

/// Options of the `folders` sink.
#[derive(Deserialize, JsonSchema)]
struct Config {
    /// The folder that contains a folder for each snapshot; created if it does not exist.
    path: PathBuf,
}

/// The prefix of the store's keys for folders that are being written.
const STAGED: &str = "staged/";

/// In each snapshot, whose crawl it is.
const CRAWL: &str = "_crawl.json";

struct Folders {
    root: PathBuf,
    staged: PathBuf,
    context: Context,
    rows: u64,
    bytes: u64,
}

async fn open(context: Context, options: Options) -> Result<Box<dyn Sink>> {
    let Config { path: root } = options.parse()?;
    disk::probe(&root)?;
    let staged = root.join(format!(".{}", context.crawl.id));
    // Stored before the folder is created, so that `recover` finds it whenever this process dies.
    let key = format!("{STAGED}{}", context.crawl.id);
    context.store.put(&key, b"").await?;
    // An earlier sink of the same crawl may have been cut off; all its batches come again.
    disk::remove(&staged)?;
    disk::create(&staged)?;
    for table in &context.tables {
        disk::write(&staged.join(format!("{}.jsonl", table.name)), b"")?;
    }
    Ok(Box::new(Folders {
        root,
        staged,
        context,
        rows: 0,
        bytes: 0,
    }))
}

/// Removes what dead processes with this state have left. Processes with other states may still be running.
async fn recover(options: Options, store: Arc<dyn Store>) -> Result<()> {
    let Config { path: root } = options.parse()?;
    for key in store.keys(STAGED).await? {
        disk::remove(&root.join(key.replacen(STAGED, ".", 1)))?;
        store.delete(&key).await?;
    }
    Ok(())
}

#[async_trait]
impl Sink for Folders {
    async fn write(&mut self, batch: &Batch) -> Result<()> {
        let lines = json::lines(&batch.records)?;
        let file = self.staged.join(format!("{}.jsonl", batch.table.name));
        OpenOptions::new()
            .append(true)
            .open(&file)
            .and_then(|mut file| file.write_all(&lines))
            .map_err(|error| Error::io("write", &file, error))?;
        self.rows += batch.records.num_rows() as u64;
        self.bytes += lines.len() as u64;
        Ok(())
    }

    async fn finish(self: Box<Self>, outcome: &Outcome) -> Result<Receipt> {
        let name = self.publish(outcome);
        self.clear().await?;
        let name = name?;
        let newest = point_to(&self.root, &name)?;
        Ok(Receipt {
            location: self.root.join(&name).display().to_string(),
            standing: if newest == name {
                Standing::Latest
            } else {
                Standing::Behind
            },
            snapshot: Some(name),
            rows: self.rows,
            files: self.context.tables.len() as u64,
            bytes: self.bytes,
        })
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        self.clear().await
    }
}

impl Folders {
    /// Moves the snapshot into place, and returns its name.
    fn publish(&self, outcome: &Outcome) -> Result<String> {
        if self.context.partial == Some(Partial::Refuse) && !outcome.complete {
            return Err(Error::new(
                Kind::Refused,
                "scopes failed, so nothing is published",
            ));
        }
        let crawl = &self.context.crawl;
        // The same crawl has the same rows, so what is published of it stays as it is.
        if let Some(name) = published(&self.root, crawl)? {
            return Ok(name);
        }
        let about = serde_json::json!({ "crawl_id": crawl.id, "outcome": outcome.summary() });
        disk::write(&self.staged.join(CRAWL), about.to_string().as_bytes())?;
        disk::sync_all(&self.staged)?;
        loop {
            let name = choose_name(crawl, None, &names(&self.root)?);
            let place = self.root.join(&name);
            match fs::rename(&self.staged, &place) {
                Ok(()) => return disk::sync(&self.root).map(|()| name),
                // Another crawl took the name just now, and then the next one is tried.
                Err(error) if is_taken(&error) => {}
                Err(error) => return Err(Error::io("publish", &place, error)),
            }
        }
    }

    /// Removes what is staged and forgets it.
    async fn clear(&self) -> Result<()> {
        disk::remove(&self.staged)?;
        let key = format!("{STAGED}{}", self.context.crawl.id);
        self.context.store.delete(&key).await
    }
}

fn is_taken(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::AlreadyExists | ErrorKind::DirectoryNotEmpty
    )
}

/// The names of all snapshots.
fn names(root: &Path) -> Result<BTreeSet<String>> {
    let is_snapshot = |name: &String| !name.starts_with('.') && root.join(name).is_dir();
    Ok(disk::list(root)?.into_iter().filter(is_snapshot).collect())
}

/// The name of a crawl's snapshot, if it is published.
fn published(root: &Path, crawl: &Crawl) -> Result<Option<String>> {
    let is_ours = |name: &String| {
        let about = disk::read_json(&root.join(name).join(CRAWL));
        about.is_some_and(|about| about["crawl_id"] == crawl.id.as_str())
    };
    Ok(names(root)?.into_iter().find(is_ours))
}

/// Makes `latest.json` name this snapshot unless it names a newer one, and returns the name in it.
fn point_to(root: &Path, name: &str) -> Result<String> {
    let pointer = root.join("latest.json");
    let there = disk::read_json(&pointer);
    let there = there.as_ref().and_then(|there| there["snapshot"].as_str());
    if let Some(newest) = there.filter(|there| *there >= name) {
        return Ok(newest.to_owned());
    }
    let text = serde_json::json!({ "snapshot": name }).to_string();
    disk::replace(&pointer, text.as_bytes())?;
    Ok(name.to_owned())
}
