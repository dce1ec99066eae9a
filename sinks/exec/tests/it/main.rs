//! Tests of the sink from the outside: it is opened by name, and its programs record what they get.

#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail the test, and clippy only knows the tests themselves"
)]

mod conformance;
mod endings;
mod environment;
mod options;
mod story;
mod tables;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, StringArray};
use fortilake_sink::{
    Batch, Context, Crawl, DataType, Field, KeyIn, Options, Origin, Outcome, Phase, RecordBatch,
    Result, Schema, ScopeId, ScopeOutcome, ScopeResult, Selection, Sink, Spec, TableSpec,
};
use fortilake_sink_exec as _;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The folder that a test's programs write to, in the variable `OUT`.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path().join(file)).unwrap_or_default()
    }

    /// Opens a sink that runs `script` in a shell for each table; `more` adds options.
    async fn open(&self, script: &str, more: Value, context: Context) -> Result<Box<dyn Sink>> {
        let mut options = json!({
            "command": ["sh", "-c", script],
            "env": { "OUT": self.path() },
            // Makes a test that hangs fail.
            "timeout": "1m",
        });
        let more = more.as_object().unwrap().clone();
        options.as_object_mut().unwrap().extend(more);
        open(options, context).await
    }
}

async fn open(options: Value, context: Context) -> Result<Box<dyn Sink>> {
    let spec = Spec {
        sink: "exec".to_owned(),
        options: serde_json::Map::new(),
    };
    let options = Options(options.as_object().unwrap().clone());
    spec.open(context, options).await
}

fn context(tables: Vec<Arc<TableSpec>>) -> Context {
    let crawl = Crawl {
        id: "c1".to_owned(),
        edition: "c1.1".to_owned(),
        name: "20260901T120000Z".to_owned(),
        phase: Phase::Reading,
        selection: Selection::default(),
        started_at: "2026-09-01T12:00:00Z".to_owned(),
        generator: "fortilake 0.1.0".to_owned(),
    };
    Context::new(crawl, tables)
}

fn table(name: &str, fields: Vec<Field>) -> Arc<TableSpec> {
    Arc::new(TableSpec {
        name: name.to_owned(),
        summary: format!("One of the {name}."),
        key: fields.iter().map(|field| field.name().clone()).collect(),
        key_in: KeyIn::Scope,
        schema: Arc::new(Schema::new(fields)),
    })
}

fn scope() -> Arc<ScopeId> {
    Arc::new(ScopeId {
        source: "acme".to_owned(),
        endpoint: "products/list".to_owned(),
        subject: "account=1".to_owned(),
    })
}

/// The outcome of a crawl whose only scope has these batches.
fn outcome(batches: &[Batch]) -> Outcome {
    let mut rows = BTreeMap::new();
    for batch in batches {
        *rows.entry(batch.table.name.clone()).or_default() += batch.records.num_rows() as u64;
    }
    Outcome {
        complete: true,
        scopes: vec![ScopeOutcome {
            scope: scope(),
            result: ScopeResult::Complete,
            rows: rows.clone(),
            observed_at: 0,
        }],
        tables: rows,
        ..Outcome::default()
    }
}

fn batch(table: &Arc<TableSpec>, columns: Vec<ArrayRef>) -> Batch {
    Batch {
        table: Arc::clone(table),
        scope: scope(),
        piece: 0,
        origin: Origin::Read,
        records: RecordBatch::try_new(Arc::clone(&table.schema), columns).unwrap(),
    }
}

/// A table with the columns `id` and `name`.
fn plain(name: &str) -> Arc<TableSpec> {
    let fields = vec![
        Field::new("id", DataType::Int64, false),
        Field::new("name", DataType::Utf8, true),
    ];
    table(name, fields)
}

/// `count` rows of a [`plain`] table.
fn rows(table: &Arc<TableSpec>, count: i64) -> Batch {
    let ids = Int64Array::from_iter_values(0..count);
    let names: StringArray = (0..count).map(|id| Some(format!("row {id}"))).collect();
    batch(table, vec![Arc::new(ids), Arc::new(names)])
}

/// Delivers tables `a` and `b` with three rows each to `script`.
async fn deliver(place: &Place, script: &str, more: Value) -> Result<fortilake_sink::Receipt> {
    let tables = vec![plain("a"), plain("b")];
    let sink = place.open(script, more, context(tables.clone())).await?;
    let batches: Vec<_> = tables.iter().map(|table| rows(table, 3)).collect();
    finish(sink, &batches).await
}

/// Writes the batches and finishes the sink.
async fn finish(mut sink: Box<dyn Sink>, batches: &[Batch]) -> Result<fortilake_sink::Receipt> {
    for batch in batches {
        sink.write(batch).await?;
    }
    sink.finish(&outcome(batches)).await
}

/// The text of an error and of its source, which may be empty.
fn told(error: &fortilake_sink::Error) -> (String, String) {
    let source = std::error::Error::source(error);
    let source = source.map(ToString::to_string).unwrap_or_default();
    (error.to_string(), source)
}
