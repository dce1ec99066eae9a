//! Tests of the sink from the outside: it is opened by name, and a receiver checks what arrives.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail the test, and clippy only knows the tests themselves"
)]

use std::collections::BTreeMap;
use std::error::Error as _;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, StringArray};
use fortilake_sink::{
    Batch, Context, Crawl, DataType, Error, Field, KeyIn, MemoryStore, Options, Origin, Outcome,
    Phase, Receipt, RecordBatch, Result, Schema, ScopeId, ScopeOutcome, ScopeResult, Selection,
    Sink, Spec, Store, TableSpec, registry,
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
mod raw_body;
mod receiver;
mod restart;
mod secrecy;
mod story;
mod tls;

/// Two signing secrets: the receiver's, and the one it will change to.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NEXT_SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

const CRAWL: &str = "20260901T120000Z-4f2a";

const EDITION: &str = "20260901T120000Z-4f2a.51b6";

/// The prefix of the ids of most batches in these tests.
const SCOPE: &str = "20260901T120000Z-4f2a.51b6/acme/products.list/account=1/";

/// A sender: its options, and the store that survives from one sink to the next.
struct Sender {
    folder: TempDir,
    store: Arc<MemoryStore>,
    options: Map<String, Value>,
}

impl Sender {
    /// A sender to `receiver` that signs and has short pauses.
    fn to(receiver: &Receiver) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let Value::Object(options) = json!({
            "url": receiver.url("/hook"),
            "secrets": [SECRET],
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
        self.open_in(context()).await
    }

    async fn open_in(&self, context: Context) -> Result<Box<dyn Sink>> {
        let spec = Spec {
            sink: "webhook".to_owned(),
            options: Map::new(),
        };
        let options = Options(self.options.clone());
        spec.open(context.with_store(self.store()), options).await
    }

    /// All keys in the sender's store.
    async fn keys(&self) -> Vec<String> {
        self.store.keys("").await.unwrap()
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

    /// Names, paths and contents of the dead letters, sorted by name.
    fn letters(&self) -> Vec<(String, PathBuf, Value)> {
        let mut letters = Vec::new();
        let Ok(folders) = std::fs::read_dir(self.folder.path().join("dead")) else {
            return letters;
        };
        for folder in folders {
            for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
                let path = file.unwrap().path();
                let letter: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
                let body = letter["body"].as_str().unwrap_or("null");
                let name = name(&serde_json::from_str(body).unwrap());
                letters.push((name, path, letter));
            }
        }
        letters.sort_by(|one, other| one.0.cmp(&other.0));
        letters
    }

    fn letter_names(&self) -> Vec<String> {
        let letters = self.letters().into_iter();
        letters.map(|(name, ..)| name).collect()
    }
}

fn context() -> Context {
    let crawl = Crawl {
        id: CRAWL.to_owned(),
        edition: EDITION.to_owned(),
        name: "20260901T120000Z".to_owned(),
        phase: Phase::Reading,
        selection: Selection::default(),
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
        key_in: KeyIn::Scope,
        schema: Arc::new(Schema::new(vec![
            Field::new("id", DataType::Int64, false),
            Field::new("text", DataType::Utf8, true),
        ])),
    })
}

fn scope(account: u32) -> Arc<ScopeId> {
    Arc::new(ScopeId {
        source: "acme".to_owned(),
        endpoint: "products/list".to_owned(),
        subject: format!("account={account}"),
    })
}

/// A batch of account 1. Its ids continue those of the piece before it.
fn batch(name: &str, piece: u32, rows: i64) -> Batch {
    batch_of(1, name, piece, rows)
}

fn batch_of(account: u32, name: &str, piece: u32, rows: i64) -> Batch {
    let table = table(name);
    let first = i64::from(piece) * rows;
    let ids: Int64Array = (first..first + rows).collect();
    let texts: StringArray = ids
        .iter()
        .map(|id| id.map(|id| format!("ü\n{id}")))
        .collect();
    let columns: Vec<ArrayRef> = vec![Arc::new(ids), Arc::new(texts)];
    let records = RecordBatch::try_new(Arc::clone(&table.schema), columns).unwrap();
    Batch {
        table,
        scope: scope(account),
        piece,
        origin: Origin::Read,
        records,
    }
}

/// The outcome of a crawl with exactly these batches.
fn outcome(batches: &[Batch]) -> Outcome {
    let mut scopes: Vec<ScopeOutcome> = Vec::new();
    let mut tables = BTreeMap::from(["products", "accounts", "empty"].map(|name| (name.into(), 0)));
    for batch in batches {
        let rows = batch.records.num_rows() as u64;
        let name = batch.table.name.clone();
        *tables.entry(name.clone()).or_default() += rows;
        if scopes.last().is_none_or(|last| last.scope != batch.scope) {
            scopes.push(ScopeOutcome {
                scope: Arc::clone(&batch.scope),
                result: ScopeResult::Complete,
                rows: BTreeMap::new(),
                observed_at: 0,
            });
        }
        *scopes.last_mut().unwrap().rows.entry(name).or_default() += rows;
    }
    Outcome {
        complete: true,
        scopes,
        tables,
        finished_at: 1_788_266_400_000_000,
        changes_since: None,
        ..Outcome::default()
    }
}

/// The short name of a message in these tests: `TABLE/PIECE/SLICE` of account 1, or `summary`.
fn id(table: &str, piece: u32, slice: u64) -> String {
    format!("{table}/{piece}/{slice}")
}

fn summary_id() -> String {
    "summary".to_owned()
}

/// The short name of a message with this body.
fn name(body: &Value) -> String {
    let data = &body["data"];
    let Some(batch) = data["batch"].as_str() else {
        return summary_id();
    };
    let batch = batch.strip_prefix(SCOPE).unwrap_or(batch);
    format!("{batch}/{}", data["slice"])
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
