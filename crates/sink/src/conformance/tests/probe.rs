//! Two small sinks, an atomic one and a stream, that are correct by default and can be given one defect.
//!
//! `probe` stages lines in `<crawl>.part` and renames them to `<crawl>.json`;
//! `probe-stream` appends them to `<crawl>.json` as they arrive.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::task::yield_now;

use super::{Defect, rows};
use crate::{
    Batch, Context, Delivery, Descriptor, Error, Kind, Options, Outcome, Receipt, Result, Sink,
    Summary, inventory,
};

mod defects;

/// The options of both sinks.
#[derive(Deserialize, JsonSchema)]
struct Config {
    /// The folder.
    path: PathBuf,
    /// The defect, if any.
    defect: Option<Defect>,
}

inventory::submit! {
    Descriptor {
        name: "conformance-probe",
        summary: "Publishes at the end.",
        target: "path",
        delivery: |_| Ok(Delivery::Atomic),
        options: || schema_for!(Config),
        open: |context, options| Box::pin(open(context, options, Delivery::Atomic)),
        probe: |options| Box::pin(probe(options)),
        recover: Some(|options, _| Box::pin(recover(options))),
        redeliver: None,
    }
}

inventory::submit! {
    Descriptor {
        name: "conformance-probe-stream",
        summary: "Shows batches as they come.",
        target: "path",
        delivery: |_| Ok(Delivery::AtLeastOnce),
        options: || schema_for!(Config),
        open: |context, options| Box::pin(open(context, options, Delivery::AtLeastOnce)),
        probe: |options| Box::pin(probe(options)),
        recover: Some(|options, _| Box::pin(recover(options))),
        redeliver: None,
    }
}

/// One line of the file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) table: String,
    pub(super) id: String,
    pub(super) rows: Vec<Value>,
}

/// The start of the last line; the summary follows.
pub(super) const END: &str = "end ";

/// A counter of this process, for defects that make output non-deterministic.
static COUNTER: AtomicU64 = AtomicU64::new(0);

async fn probe(options: Options) -> Result<()> {
    let Config { path, defect } = options.parse()?;
    let file = path.join("probe.part");
    fs::write(&file, "").map_err(failed)?;
    yield_now().await;
    if defect == Some(Defect::ProbeLeaves) {
        return Ok(());
    }
    fs::remove_file(file).map_err(failed)
}

/// Removes staged files. Publishing is one step, so there is never anything to complete.
async fn recover(options: Options) -> Result<()> {
    let Config { path, defect } = options.parse()?;
    yield_now().await;
    for entry in fs::read_dir(&path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        let end = file.extension().unwrap_or_default();
        if end == "part" && defect == Some(Defect::RecoverPublishes) {
            fs::rename(&file, file.with_extension("json")).map_err(failed)?;
        } else if end == "part" || end == "json" && defect == Some(Defect::RecoverForgets) {
            fs::remove_file(file).map_err(failed)?;
        }
    }
    Ok(())
}

struct Probe {
    path: PathBuf,
    context: Context,
    file: File,
    delivery: Delivery,
    defect: Option<Defect>,
    batches: u64,
    rows: u64,
    skips: bool,
    last_table: Option<String>,
    /// Rows by table, for the defect that sends them in `finish`.
    buffer: BTreeMap<String, Vec<Value>>,
}

async fn open(context: Context, options: Options, delivery: Delivery) -> Result<Box<dyn Sink>> {
    let given = options.0.get("defect").cloned();
    let options = if given == Some(json!("ignores_options")) {
        let known = options.0.into_iter();
        known.filter(|(name, _)| name == "path").collect()
    } else {
        options
    };
    let Config { path, defect } = options.parse()?;
    let crawl = context.crawl.id.clone();
    let part = path.join(format!("{crawl}.part"));
    let whole = path.join(format!("{crawl}.json"));
    if defect == Some(Defect::KeepsLock) {
        File::create_new(path.join("lock")).map_err(failed)?;
    }
    yield_now().await;
    let early = defect == Some(Defect::ShowsEarly);
    let skips = defect == Some(Defect::LosesAfterCrash) && part.exists();
    let file = match delivery {
        Delivery::AtLeastOnce => File::options().append(true).create(true).open(&whole),
        _ if early => File::create(&whole),
        _ => File::create(&part),
    };
    let mut probe = Probe {
        path,
        context,
        file: file.map_err(failed)?,
        delivery,
        defect,
        batches: 0,
        rows: 0,
        skips,
        last_table: None,
        buffer: BTreeMap::new(),
    };
    if defect == Some(Defect::DoublesReplay) && delivery == Delivery::Atomic {
        let before = fs::read_to_string(&whole).unwrap_or_default();
        let (lines, _) = before.split_once(END).unwrap_or_default();
        probe.append(lines.as_bytes())?;
    }
    for table in &probe.context.tables.clone() {
        if delivery == Delivery::Atomic && defect != Some(Defect::ForgetsEmptyTables) {
            let line = json!({"table": table.name, "id": "", "rows": []});
            probe.append(format!("{line}\n").as_bytes())?;
        }
    }
    Ok(Box::new(probe))
}

#[async_trait]
impl Sink for Probe {
    async fn write(&mut self, batch: &Batch) -> Result<()> {
        yield_now().await;
        if self.defect == Some(Defect::Straggles) {
            self.straggle().await;
        }
        let line = self.line(batch).await?;
        let written = self.weather().await.and_then(|()| self.append(&line));
        if self.defect != Some(Defect::SwallowsErrors) {
            written?;
        }
        self.batches += 1;
        self.rows += batch.records.num_rows() as u64;
        Ok(())
    }

    async fn finish(mut self: Box<Self>, outcome: &Outcome) -> Result<Receipt> {
        if self.defect == Some(Defect::RefusesIncomplete) && !outcome.complete {
            return Err(Error::new(Kind::Rejected, "the crawl is incomplete"));
        }
        yield_now().await;
        let weather = self.weather().await;
        if self.defect != Some(Defect::SwallowsErrors) {
            weather?;
        }
        if self.defect == Some(Defect::GrowsStore) {
            self.context
                .store
                .put(&self.context.crawl.id, &[0; 100])
                .await?;
        }
        self.refuse(outcome)?;
        self.flush().await?;
        let (part, whole) = (self.file("part"), self.file("json"));
        if self.defect == Some(Defect::TearsReplay) {
            let _ = fs::remove_file(&whole);
            yield_now().await;
        }
        if self.defect == Some(Defect::RemovesFirst) {
            let _ = fs::remove_file(&whole);
            (0..200).for_each(|_| std::thread::yield_now());
        }
        if self.defect == Some(Defect::TearsFinish) {
            fs::write(&whole, end(outcome)?).map_err(failed)?;
            yield_now().await;
        }
        self.append(&end(outcome)?)?;
        if self.delivery == Delivery::Atomic && self.defect != Some(Defect::ShowsEarly) {
            fs::rename(part, &whole).map_err(failed)?;
        }
        self.unlock();
        let miscount = u64::from(self.defect == Some(Defect::Miscounts));
        Ok(Receipt {
            location: whole.display().to_string(),
            snapshot: None,
            standing: self.standing()?,
            rows: self.rows + miscount,
            files: 1,
            bytes: 0,
        })
    }

    async fn abort(mut self: Box<Self>) -> Result<()> {
        if self.defect == Some(Defect::EndsAborted) {
            self.append(&end(&Outcome::default())?)?;
        }
        self.flush().await?;
        self.unlock();
        if self.delivery == Delivery::Atomic && self.defect != Some(Defect::LeavesRubbish) {
            let _ = fs::remove_file(self.file("part"));
        }
        Ok(())
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        let keeps = [
            Defect::LosesAfterCrash,
            Defect::LeavesRubbish,
            Defect::RecoverPublishes,
        ];
        if !self.defect.is_some_and(|defect| keeps.contains(&defect)) {
            let _ = fs::remove_file(self.file("part"));
        }
    }
}

impl Probe {
    fn file(&self, extension: &str) -> PathBuf {
        self.path
            .join(format!("{}.{extension}", self.context.crawl.id))
    }

    fn append(&mut self, line: &[u8]) -> Result<()> {
        self.file.write_all(line).map_err(failed)
    }

    fn unlock(&self) {
        let _ = fs::remove_file(self.path.join("lock"));
    }

    /// Fails or waits as [`super::Folder`] tells it to.
    async fn weather(&self) -> Result<()> {
        let fault = fs::read_to_string(self.path.join("fault")).unwrap_or_default();
        let blames_itself = self.defect == Some(Defect::BlamesItself);
        match fault.as_str() {
            "Down" => Err(Error::new(Kind::Unavailable, "it is down")),
            "Full" if blames_itself => Err(Error::new(Kind::Internal, "it is full")),
            "Full" => Err(Error::new(Kind::Full, "it is full")),
            "Slow" if self.defect == Some(Defect::IsImpatient) => {
                Err(Error::new(Kind::Unavailable, "it is slow"))
            }
            "Slow" => {
                for _ in 0..100 {
                    yield_now().await;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    async fn line(&mut self, batch: &Batch) -> Result<Vec<u8>> {
        let mut rows = rows(&batch.records)?;
        if let Some(defect) = self.defect {
            defect.spoil(&mut rows);
        }
        if self.skips && self.batches == 0
            || self.defect == Some(Defect::StopsAt256Batches) && batch.piece >= 256
        {
            rows.clear();
        }
        let mut table = batch.table.name.clone();
        if self.defect == Some(Defect::MixesTables) {
            let last = self.last_table.get_or_insert_with(|| table.clone());
            // This defect mixes up batches if there are many tables.
            if last.starts_with("table_") {
                table.clone_from(last);
            }
        }
        if self.defect == Some(Defect::FixesColumns) {
            self.fix_columns(&table, &mut rows).await?;
        }
        if self.defect == Some(Defect::BuffersTables) {
            self.buffer.entry(table).or_default().extend(rows);
            return Ok(Vec::new());
        }
        let id = self.id(batch).await?;
        if self.defect == Some(Defect::ForgetsCrawl) && self.is_known(&id).await? {
            return Ok(Vec::new());
        }
        let mut line = serde_json::to_vec(&Line { table, id, rows })
            .map_err(|error| Error::new(Kind::Internal, "no line").with_source(error))?;
        line.push(b'\n');
        Ok(line)
    }

    async fn id(&self, batch: &Batch) -> Result<String> {
        let id = batch.id(&self.context.crawl);
        match self.defect {
            Some(Defect::ForgetsCrawl) => {
                let start = self.context.crawl.edition.len();
                Ok(id[start..].to_owned())
            }
            Some(Defect::ChangesIds) => {
                let count = COUNTER.fetch_add(1, Ordering::Relaxed);
                Ok(format!("{id}/{count}"))
            }
            Some(Defect::RemembersIds) => {
                // The same in every replay, as long as the store is kept.
                let fresh = COUNTER.fetch_add(1, Ordering::Relaxed).to_string();
                let known = self.context.store.get(&id).await?;
                let tail = known.unwrap_or_else(|| fresh.into_bytes());
                self.context.store.put(&id, &tail).await?;
                Ok(format!("{id}/{}", String::from_utf8_lossy(&tail)))
            }
            _ => Ok(id),
        }
    }
}

/// The last line.
fn end(outcome: &Outcome) -> Result<Vec<u8>> {
    let summary = serde_json::to_string(&outcome.summary())
        .map_err(|error| Error::new(Kind::Internal, "no summary").with_source(error))?;
    Ok(format!("{END}{summary}\n").into_bytes())
}

/// The lines of a file and the last summary. A stream that was delivered repeatedly contains several summaries.
pub(super) fn read(path: &Path) -> (Vec<Line>, Option<Summary>) {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.starts_with(END));
    let lines = lines.filter_map(|line| serde_json::from_str(line).ok());
    let mut ends = text.lines().filter_map(|line| line.strip_prefix(END));
    let summary = ends
        .next_back()
        .and_then(|end| serde_json::from_str(end).ok());
    (lines.collect(), summary)
}

fn failed(error: std::io::Error) -> Error {
    Error::new(Kind::Internal, "the folder does not work").with_source(error)
}
