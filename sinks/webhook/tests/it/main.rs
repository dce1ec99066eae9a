//! Tests of the sink from the outside: it is opened by name, and a receiver checks what arrives.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail the test, and clippy only knows the tests themselves"
)]

use std::error::Error as _;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, StringArray};
use fortilake_sink::{
    Batch, Context, Crawl, DataType, Error, Field, MemoryStore, Options, Outcome, Receipt,
    RecordBatch, Result, Schema, Sink, Spec, Store, TableSpec, TableTotal, registry,
};
use fortilake_sink_webhook as _;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::receiver::{Receiver, Reply};

mod conformance;
mod delivery;
mod failure;
mod letters;
mod options;
mod receiver;
mod restart;
mod secrecy;
mod tls;

/// Two signing secrets: the receiver's, and the one it will change to.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NEXT_SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

const CRAWL: &str = "20260901T120000Z-4f2a";

/// A sender: its options, and what it remembers from one sink to the next.
struct Sender {
    folder: TempDir,
    store: Arc<MemoryStore>,
    options: Map<String, Value>,
}

impl Sender {
    /// A sender to `receiver` that signs and has short pauses.
    fn to(receiver: &Receiver) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        std::fs::write(&secret, SECRET).unwrap();
        let Value::Object(options) = json!({
            "url": receiver.url("/hook"),
            "secrets": [{ "file": secret }],
            "dead_letters": folder.path().join("dead"),
            "attempts": 3,
            "backoff": "1ms",
        }) else {
            panic!("options are a map")
        };
        Self {
            folder,
            store: Arc::default(),
            options,
        }
    }

    fn with(mut self, option: &str, value: impl Into<Value>) -> Self {
        self.options.insert(option.to_owned(), value.into());
        self
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::<MemoryStore>::clone(&self.store)
    }

    async fn open(&self) -> Result<Box<dyn Sink>> {
        let spec = Spec {
            sink: "webhook".to_owned(),
            options: self.options.clone(),
        };
        spec.open(context().with_store(self.store())).await
    }

    /// Delivers a whole crawl.
    async fn deliver(&self, batches: &[Batch]) -> Result<Receipt> {
        let mut sink = self.open().await?;
        for batch in batches {
            sink.write(batch).await?;
        }
        sink.finish(&outcome(batches)).await
    }

    async fn redeliver(&self) -> Result<Receipt> {
        let redeliver = registry::find("webhook")?
            .redeliver
            .expect("it keeps dead letters");
        redeliver(Options(self.options.clone()), self.store()).await
    }

    /// The names and contents of the dead letters, by name.
    fn letters(&self) -> Vec<(String, Value)> {
        let mut letters = Vec::new();
        let Ok(folders) = std::fs::read_dir(self.folder.path().join("dead")) else {
            return letters;
        };
        for folder in folders {
            for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
                let file = file.unwrap();
                let text = std::fs::read(file.path()).unwrap();
                let name = file.file_name().into_string().unwrap();
                letters.push((name, serde_json::from_slice(&text).unwrap()));
            }
        }
        letters.sort_by(|one, other| one.0.cmp(&other.0));
        letters
    }

    fn letter_names(&self) -> Vec<String> {
        let letters = self.letters().into_iter();
        letters.map(|(name, _)| name).collect()
    }
}

fn context() -> Context {
    let crawl = Crawl {
        id: CRAWL.to_owned(),
        snapshot: "20260901T120000Z".to_owned(),
        started_at: "2026-09-01T12:00:00Z".to_owned(),
        generator: "fortilake 0.1.0".to_owned(),
    };
    Context::new(
        crawl,
        vec![table("products"), table("accounts"), table("empty")],
    )
}

fn table(name: &str) -> Arc<TableSpec> {
    Arc::new(TableSpec {
        name: name.to_owned(),
        summary: format!("One of the {name}."),
        key: vec!["id".to_owned()],
        schema: Arc::new(Schema::new(vec![
            Field::new("id", DataType::Int64, false),
            Field::new("text", DataType::Utf8, true),
        ])),
    })
}

/// A batch whose ids go on where those of the batch before it end.
fn batch(name: &str, sequence: u64, rows: i64) -> Batch {
    let table = table(name);
    let first = i64::try_from(sequence).unwrap() * rows;
    let ids: Int64Array = (first..first + rows).collect();
    let texts: StringArray = ids
        .iter()
        .map(|id| id.map(|id| format!("ü\n{id}")))
        .collect();
    let columns: Vec<ArrayRef> = vec![Arc::new(ids), Arc::new(texts)];
    let records = RecordBatch::try_new(Arc::clone(&table.schema), columns).unwrap();
    Batch {
        table,
        sequence,
        records,
    }
}

/// The outcome of a crawl with exactly these batches.
fn outcome(batches: &[Batch]) -> Outcome {
    let rows = |name: &str| -> u64 {
        let of_table = batches.iter().filter(|batch| batch.table.name == name);
        of_table.map(|batch| batch.records.num_rows() as u64).sum()
    };
    let total = |name: &str| TableTotal {
        table: name.to_owned(),
        rows: rows(name),
    };
    Outcome {
        complete: true,
        tables: vec![total("products"), total("accounts"), total("empty")],
        finished_at: "2026-09-01T12:30:00Z".to_owned(),
        ..Outcome::default()
    }
}

/// The id of a message with rows.
fn id(table: &str, sequence: u64, piece: u64) -> String {
    format!("msg_{CRAWL}-{table}-{sequence}-{piece}")
}

fn summary_id() -> String {
    format!("msg_{CRAWL}-summary")
}

/// The texts of an error and all its sources.
fn told(error: &Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}
