//! The sink from a user's point of view: opened by its specification, and tested by its files.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail the test, and clippy only knows the tests themselves"
)]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, StringArray,
    TimestampMicrosecondArray, UInt64Array,
};
use fortilake_sink::testing::{self, batch, deliver};
use fortilake_sink::{
    Batch, Context, DataType, Field, KeyIn, Kind, Options, Result, Schema, Sink, Spec, TableSpec,
    TimeUnit, registry,
};
use fortilake_sink_csv as _;
use fortilake_snapshot::conformance::published_files;
use tempfile::TempDir;

mod conformance;

const SNAPSHOT: &str = "20260901T120000Z";

fn context(tables: Vec<Arc<TableSpec>>) -> Context {
    Context::new(testing::crawl("c1", SNAPSHOT), tables)
}

fn table(name: &str, fields: Vec<Field>) -> Arc<TableSpec> {
    Arc::new(TableSpec {
        name: name.to_owned(),
        summary: format!("One of the {name}."),
        key: Vec::new(),
        key_in: KeyIn::Scope,
        schema: Arc::new(Schema::new(fields)),
    })
}

/// A table with a column of each type, and rows with values, nulls and extreme values.
fn every_type() -> Batch {
    let naive = DataType::Timestamp(TimeUnit::Microsecond, None);
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let table = table(
        "products",
        vec![
            Field::new("account_id", DataType::Int64, false),
            Field::new("serial_number", DataType::Utf8, true),
            Field::new("share", DataType::Float64, true),
            Field::new("is_decommissioned", DataType::Boolean, true),
            Field::new("registered_at", naive, true),
            Field::new("_observed_at", utc, true),
            Field::new("_index", DataType::Int32, true),
            Field::new("count", DataType::UInt64, true),
        ],
    );
    let time = TimestampMicrosecondArray::from(vec![Some(1_700_000_000_123_456), None, Some(0)]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![-1, 0, i64::MAX])),
        Arc::new(StringArray::from(vec![
            Some("=\"FGT\"\r\nü 漢"),
            None,
            Some(""),
        ])),
        Arc::new(Float64Array::from(vec![Some(-0.1), None, Some(1e300)])),
        Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])),
        Arc::new(time.clone()),
        Arc::new(time.with_timezone("UTC")),
        Arc::new(Int32Array::from(vec![Some(i32::MIN), None, Some(7)])),
        Arc::new(UInt64Array::from(vec![Some(0), None, Some(u64::MAX)])),
    ];
    batch(&table, columns)
}

async fn open(path: &Path, query: &str, context: Context) -> Result<Box<dyn Sink>> {
    let spec = Spec::parse(&format!("csv:{}{query}", path.display()))?;
    let options = Options(spec.options.clone());
    spec.open(context, options).await
}

/// The number of entries in the staging folder.
fn staged(out: &Path) -> usize {
    fs::read_dir(out.join("_fortilake/staging")).map_or(0, Iterator::count)
}

/// Publishes one batch, and returns the folder.
async fn publish_to(query: &str, batch: &Batch) -> TempDir {
    let out = tempfile::tempdir().unwrap();
    let context = context(vec![Arc::clone(&batch.table)]);
    let sink = open(out.path(), query, context).await.unwrap();
    deliver(sink, std::slice::from_ref(batch)).await.unwrap();
    out
}

/// Publishes one batch and reads the table's file.
async fn publish(query: &str, batch: &Batch) -> String {
    let out = publish_to(query, batch).await;
    fs::read_to_string(&published_files(out.path(), SNAPSHOT, &batch.table.name)[0]).unwrap()
}

#[tokio::test]
async fn every_type_has_its_form() {
    let text = publish("", &every_type()).await;
    assert_eq!(
        text,
        "account_id,serial_number,share,is_decommissioned,registered_at,_observed_at,_index,count\r\n\
         -1,\"'=\"\"FGT\"\"\r\nü 漢\",-0.1,true,\
         2023-11-14T22:13:20.123456,2023-11-14T22:13:20.123456Z,-2147483648,0\r\n\
         0,,,,,,,\r\n\
         9223372036854775807,\"\",1e300,false,\
         1970-01-01T00:00:00,1970-01-01T00:00:00Z,7,18446744073709551615\r\n"
    );
    assert_eq!(publish("", &every_type()).await, text);
}

#[tokio::test]
async fn formulas_stay_when_the_user_says_so() {
    let query = "?layout=snapshots&formula_prefix=false";
    let text = publish(query, &every_type()).await;
    assert!(text.contains("\"=\"\"FGT\"\"\r\n"), "{text}");
}

#[tokio::test]
async fn the_manifest_says_whether_formulas_were_prefixed() {
    for (query, wanted) in [("", true), ("?formula_prefix=false", false)] {
        let out = publish_to(query, &every_type()).await;
        let manifest = out
            .path()
            .join(format!("_fortilake/versions/{SNAPSHOT}.json"));
        let manifest: serde_json::Value =
            serde_json::from_slice(&fs::read(manifest).unwrap()).unwrap();
        assert_eq!(manifest["notes"]["csv"]["formula_prefix"], wanted);
        assert_eq!(manifest["tables"][0]["files"][0]["rows"], 3);
    }
}

#[tokio::test]
async fn a_table_without_rows_has_a_header() {
    let out = tempfile::tempdir().unwrap();
    let fields = vec![
        Field::new("a", DataType::Int64, true),
        Field::new("b,c", DataType::Utf8, true),
    ];
    let sink = open(out.path(), "", context(vec![table("empty", fields)]))
        .await
        .unwrap();
    deliver(sink, &[]).await.unwrap();
    let text = fs::read_to_string(out.path().join("empty.csv")).unwrap();
    assert_eq!(text, "a,\"b,c\"\r\n");
}

#[tokio::test]
async fn wide_and_long_tables_are_written_whole() {
    let fields = (0..300).map(|n| Field::new(format!("c{n}"), DataType::Utf8, true));
    let columns = (0..300).map(|n| {
        let values = (0..1000).map(|row| Some(format!("{n}-{row}")));
        Arc::new(values.collect::<StringArray>()) as ArrayRef
    });
    let batch = batch(&table("wide", fields.collect()), columns.collect());
    let text = publish("", &batch).await;
    let records: Vec<_> = csv::Reader::from_reader(text.as_bytes())
        .into_records()
        .collect();
    assert_eq!(records.len(), 1000);
    assert_eq!(&records[999].as_ref().unwrap()[299], "299-999");
}

#[test]
fn wrong_options_are_explained() {
    for (spec, wanted) in [
        (
            "csv:out?formula-prefix=no",
            "unknown option `formula-prefix`; the options are `access_key_id`, `account`, `account_key`, `allow_http`, `bom`, `ca_cert`, `columns`, `dates`, `delimiter`, `encryption`, `endpoint`, `formula_prefix`, `join`, `keep`, `kms_key_id`, `layout`, `meta`, `newlines`, `partial`, `path`, `region`, `sas_token`, `secret_access_key`, `service_account_key`, `session_token`, `tables`, `variables`; did you mean `formula_prefix`?",
        ),
        (
            "csv:out?formula_prefix=no",
            "option `formula_prefix` must be true or false, not text",
        ),
    ] {
        let error = Spec::parse(spec).unwrap_err();
        assert_eq!(error.kind(), Kind::Config);
        assert_eq!(
            std::error::Error::source(&error).unwrap().to_string(),
            wanted
        );
    }
    let options = (registry::find("csv").unwrap().options)();
    assert_eq!(
        options.as_value()["properties"]["layout"]["default"],
        "latest"
    );
}

#[tokio::test]
async fn a_type_without_a_form_fails_at_open_by_name() {
    let out = tempfile::tempdir().unwrap();
    let berlin = DataType::Timestamp(TimeUnit::Microsecond, Some("Europe/Berlin".into()));
    for (data_type, name) in [
        (berlin, "Timestamp(µs, \"Europe/Berlin\")"),
        (DataType::Binary, "Binary"),
    ] {
        let odd = table("odd", vec![Field::new("strange", data_type, true)]);
        let error = open(out.path(), "", context(vec![odd]))
            .await
            .err()
            .unwrap();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        let wanted = format!(
            "column `strange` of table `odd` has the type `{name}`, which CSV cannot represent"
        );
        assert_eq!(cause, wanted);
    }
    assert_eq!(staged(out.path()), 0);
}

#[tokio::test]
async fn a_file_for_a_spreadsheet_with_semicolons() {
    let query = "?delimiter=;&newlines=lf&bom=true&dates=excel&meta=false";
    let text = publish(query, &every_type()).await;
    let lines = text.strip_prefix('\u{feff}').unwrap();
    let expected = "account_id;serial_number;share;is_decommissioned;registered_at;_index;count\n\
                    -1;\"'=\"\"FGT\"\"\r\nü 漢\";-0.1;true;2023-11-14 22:13:20.123;-2147483648;0\n\
                    0;;;;;;\n\
                    9223372036854775807;\"\";1e300;false;1970-01-01 00:00:00;7;18446744073709551615\n";
    assert_eq!(lines, expected);
    let out = publish_to(query, &every_type()).await;
    let manifest = fs::read_to_string(
        out.path()
            .join(format!("_fortilake/versions/{SNAPSHOT}.json")),
    );
    let manifest: serde_json::Value = serde_json::from_str(&manifest.unwrap()).unwrap();
    let notes = &manifest["notes"]["csv"];
    let expected = serde_json::json!({
        "formula_prefix": true, "delimiter": ";", "newlines": "lf", "bom": true, "dates": "excel",
    });
    assert_eq!(notes, &expected);
    // The manifest describes the columns that the file has.
    let columns = manifest["tables"][0]["columns"].as_array().unwrap();
    assert!(
        columns
            .iter()
            .all(|column| column["name"] != "_observed_at")
    );
    assert_eq!(columns.len(), 7);
}

#[tokio::test]
async fn chosen_columns_have_the_order_of_the_option() {
    let text = publish(
        "?columns=serial_number,account_id&newlines=lf",
        &every_type(),
    )
    .await;
    assert!(text.starts_with("serial_number,account_id\n"), "{text}");
    assert!(text.ends_with("\n\"\",9223372036854775807\n"), "{text}");
}

#[tokio::test]
async fn chosen_tables_are_the_only_ones() {
    let other = table(
        "accounts",
        vec![Field::new("account_id", DataType::Int64, false)],
    );
    let products = every_type();
    let out = tempfile::tempdir().unwrap();
    let context = context(vec![Arc::clone(&products.table), Arc::clone(&other)]);
    let sink = open(out.path(), "?tables=accounts", context).await.unwrap();
    let accounts = batch(&other, vec![Arc::new(Int64Array::from(vec![7]))]);
    deliver(sink, &[products, accounts]).await.unwrap();
    assert!(out.path().join("accounts.csv").exists());
    assert!(!out.path().join("products.csv").exists());
}
