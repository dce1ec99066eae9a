//! The sink from a user's point of view: opened by its specification, and tested by its files.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail the test, and clippy only knows the tests themselves"
)]

mod conformance;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, StringArray};
use fortilake_sink::{
    Batch, Context, Crawl, DataType, Field, KeyIn, Kind, Options, Origin, Outcome, Phase, Receipt,
    RecordBatch, Result, Schema, ScopeId, ScopeOutcome, ScopeResult, Selection, Sink, Spec,
    TableSpec,
};
use fortilake_sink_ndjson as _;
use serde_json::json;
use tempfile::TempDir;

const SNAPSHOT: &str = "20260901T120000Z";

fn context() -> Context {
    let crawl = Crawl {
        id: "c1".to_owned(),
        edition: "c1.5eed".to_owned(),
        name: SNAPSHOT.to_owned(),
        phase: Phase::Reading,
        selection: Selection::default(),
        started_at: "2026-09-01T12:00:00Z".to_owned(),
        generator: "fortilake 0.1.0".to_owned(),
    };
    Context::new(crawl, vec![table("accounts"), table("products")])
}

fn table(name: &str) -> Arc<TableSpec> {
    let fields = vec![
        Field::new("id", DataType::Int64, false),
        Field::new("name", DataType::Utf8, true),
    ];
    Arc::new(TableSpec {
        name: name.to_owned(),
        summary: format!("One of the {name}."),
        key: vec!["id".to_owned()],
        key_in: KeyIn::Scope,
        schema: Arc::new(Schema::new(fields)),
    })
}

fn batch(name: &str, names: &[Option<&str>]) -> Batch {
    let table = table(name);
    let ids = Int64Array::from_iter_values((0..).take(names.len()));
    let columns: Vec<ArrayRef> = vec![Arc::new(ids), Arc::new(StringArray::from(names.to_vec()))];
    let records = RecordBatch::try_new(Arc::clone(&table.schema), columns).unwrap();
    Batch {
        table,
        scope: scope(),
        piece: 0,
        origin: Origin::Read,
        records,
    }
}

async fn open(path: &Path, query: &str) -> Result<Box<dyn Sink>> {
    let spec = Spec::parse(&format!("ndjson:{}{query}", path.display()))?;
    let options = Options(spec.options.clone());
    spec.open(context(), options).await
}

/// The scope of all rows.
fn scope() -> Arc<ScopeId> {
    Arc::new(ScopeId {
        source: "acme".to_owned(),
        endpoint: "products/list".to_owned(),
        subject: "account=1".to_owned(),
    })
}

/// Delivers batches like a crawl: as pieces of one scope, with an outcome that counts them.
async fn deliver_to(mut sink: Box<dyn Sink>, batches: &[Batch]) -> Receipt {
    let mut rows = BTreeMap::<String, u64>::new();
    let mut pieces = BTreeMap::<String, u32>::new();
    for batch in batches {
        let name = &batch.table.name;
        let piece = pieces.entry(name.clone()).or_default();
        let batch = Batch {
            piece: *piece,
            ..batch.clone()
        };
        *piece += 1;
        *rows.entry(name.clone()).or_default() += batch.records.num_rows() as u64;
        sink.write(&batch).await.unwrap();
    }
    let handed_over = ScopeOutcome {
        scope: scope(),
        result: ScopeResult::Complete,
        rows: rows.clone(),
        observed_at: 0,
    };
    let outcome = Outcome {
        complete: true,
        scopes: vec![handed_over],
        tables: rows,
        ..Outcome::default()
    };
    sink.finish(&outcome).await.unwrap()
}

/// The published files of a table, below the folder `out`.
fn files(out: &Path, table: &str) -> Vec<PathBuf> {
    let mut manifests = Vec::new();
    for folder in ["snapshots", "versions"] {
        let path = out.join(format!("_fortilake/{folder}/{SNAPSHOT}.json"));
        manifests.extend(fs::read(path));
    }
    assert_eq!(manifests.len(), 1);
    let manifest: serde_json::Value = serde_json::from_slice(&manifests[0]).unwrap();
    let tables = manifest["tables"].as_array().unwrap().iter();
    let files = tables
        .filter(|found| found["name"] == table)
        .flat_map(|table| table["files"].as_array().unwrap());
    files
        .map(|file| out.join(file["path"].as_str().unwrap()))
        .collect()
}

/// Delivers two tables, of which the first has no rows, with an outcome that counts both.
async fn deliver(query: &str) -> TempDir {
    let out = tempfile::tempdir().unwrap();
    let sink = open(out.path(), query).await.unwrap();
    let products = batch("products", &[Some("=\"a\"\r\n漢"), None, Some("")]);
    deliver_to(sink, &[products]).await;
    out
}

fn read(out: &TempDir, file: &str) -> Option<String> {
    fs::read_to_string(out.path().join(file)).ok()
}

#[tokio::test]
async fn each_table_is_a_file_of_lines() {
    let out = deliver("").await;
    assert_eq!(
        read(&out, "products.ndjson").unwrap(),
        "{\"id\":0,\"name\":\"=\\\"a\\\"\\r\\n漢\"}\n{\"id\":1,\"name\":null}\n{\"id\":2,\"name\":\"\"}\n"
    );
    assert_eq!(read(&out, "accounts.ndjson").unwrap(), "");

    let manifest = read(&out, &format!("_fortilake/versions/{SNAPSHOT}.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let file = &manifest["tables"][1]["files"][0];
    assert_eq!(file["format"], "ndjson");
    assert_eq!(file["rows"], 3);
}

#[tokio::test]
async fn every_snapshot_is_kept_by_choice() {
    let out = deliver("?layout=snapshots").await;
    let file = &files(out.path(), "products")[0];
    assert_eq!(fs::read_to_string(file).unwrap().lines().count(), 3);
    assert!(file.starts_with(out.path().join(format!("products/snapshot={SNAPSHOT}"))));
}

#[tokio::test]
async fn tables_are_left_out_by_choice() {
    for query in ["?tables=products", "?tables=, products ,"] {
        let out = deliver(query).await;
        assert_eq!(read(&out, "products.ndjson").unwrap().lines().count(), 3);
        assert_eq!(read(&out, "accounts.ndjson"), None);
    }
    for query in ["?tables=accounts,products", "?tables="] {
        let out = deliver(query).await;
        assert_eq!(read(&out, "accounts.ndjson").unwrap(), "");
    }
    let out = deliver("?tables=accounts").await;
    assert_eq!(read(&out, "accounts.ndjson").unwrap(), "");
    assert_eq!(read(&out, "products.ndjson"), None);
}

#[tokio::test]
async fn a_list_of_tables_is_read_too() {
    let out = tempfile::tempdir().unwrap();
    let options = json!({ "path": out.path(), "tables": ["accounts"] });
    let spec = Spec {
        sink: "ndjson".to_owned(),
        options: options.as_object().unwrap().clone(),
    };
    let options = Options(spec.options.clone());
    let sink = spec.open(context(), options).await.unwrap();
    deliver_to(sink, &[]).await;
    assert!(out.path().join("accounts.ndjson").exists());
    assert!(!out.path().join("products.ndjson").exists());
}

#[tokio::test]
async fn a_table_that_is_not_there_is_told_at_open() {
    for path in ["-", "out"] {
        let error = open(Path::new(path), "?tables=product")
            .await
            .err()
            .unwrap();
        assert_eq!(error.kind(), Kind::Config);
        assert_eq!(
            std::error::Error::source(&error).unwrap().to_string(),
            "option `tables` has the unknown table `product`; the tables of this crawl are `accounts`, `products`; \
             did you mean `products`?"
        );
    }
    assert!(!Path::new("out").exists());
}

#[test]
fn wrong_options_are_explained() {
    for (spec, wanted) in [
        (
            "ndjson:-?table=products",
            "unknown option `table`; the options are `access_key_id`, `allow_http`, `ca_cert`, `encryption`, `endpoint`, `keep`, `kms_key_id`, `layout`, `partial`, `path`, `region`, `secret_access_key`, `session_token`, `tables`, `variables`; did you mean `tables`?",
        ),
        ("ndjson", "`ndjson` needs a target; write `ndjson:PATH`"),
    ] {
        let error = Spec::parse(spec).unwrap_err();
        let reason = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(reason, wanted);
    }
}
