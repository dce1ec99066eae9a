//! The sink from a user's point of view: opened by its specification, and tested by its files.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail the test, and clippy only knows the tests themselves"
)]

mod conformance;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, StringArray};
use fortilake_sink::{
    Batch, Context, DataType, Field, KeyIn, Kind, Options, Result, Schema, Sink, Spec, TableSpec,
    testing,
};
use fortilake_sink_ndjson as _;
use fortilake_snapshot::conformance::published_files;
use serde_json::json;
use tempfile::TempDir;

const SNAPSHOT: &str = "20260901T120000Z";

fn context() -> Context {
    let tables = vec![table("accounts"), table("products")];
    Context::new(testing::crawl("c1", SNAPSHOT), tables)
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
    testing::batch(&table, columns)
}

async fn open(path: &Path, query: &str) -> Result<Box<dyn Sink>> {
    let spec = Spec::parse(&format!("ndjson:{}{query}", path.display()))?;
    let options = Options(spec.options.clone());
    spec.open(context(), options).await
}

/// Delivers two tables, of which the first has no rows, with an outcome that counts both.
async fn deliver(query: &str) -> TempDir {
    let out = tempfile::tempdir().unwrap();
    let sink = open(out.path(), query).await.unwrap();
    let products = batch("products", &[Some("=\"a\"\r\n漢"), None, Some("")]);
    testing::deliver(sink, &[products]).await.unwrap();
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
    let file = &published_files(out.path(), SNAPSHOT, "products")[0];
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
    testing::deliver(sink, &[]).await.unwrap();
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
            "unknown option `table`; the options are `access_key_id`, `account`, `account_key`, `allow_http`, `ca_cert`, `encryption`, `endpoint`, `keep`, `kms_key_id`, `layout`, `partial`, `path`, `region`, `sas_token`, `secret_access_key`, `service_account_key`, `session_token`, `tables`, `variables`; did you mean `tables`?",
        ),
        ("ndjson", "`ndjson` needs a target; write `ndjson:PATH`"),
    ] {
        let error = Spec::parse(spec).unwrap_err();
        let reason = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(reason, wanted);
    }
}
