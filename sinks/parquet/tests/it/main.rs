//! The sink from a user's point of view: opened by its specification, and tested by its files.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail the test, and clippy only knows the tests themselves"
)]

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, StringArray,
    TimestampMicrosecondArray, UInt64Array,
};
use fortilake_sink::testing::{self, batch, deliver};
use fortilake_sink::{
    Batch, Context, DataType, Field, KeyIn, Options, Receipt, RecordBatch, Result, Schema, Sink,
    Spec, TableSpec, TimeUnit,
};
use fortilake_sink_parquet as _;
use fortilake_snapshot::conformance::published_files;

mod conformance;
mod content;
mod options;
mod shape;

const SNAPSHOT: &str = "20260901T120000Z";

fn context(tables: Vec<Arc<TableSpec>>) -> Context {
    Context::new(testing::crawl("c1", SNAPSHOT), tables)
}

fn table(name: &str, key: &[&str], fields: Vec<Field>) -> Arc<TableSpec> {
    Arc::new(TableSpec {
        name: name.to_owned(),
        summary: format!("One of the {name}."),
        key: key.iter().copied().map(str::to_owned).collect(),
        key_in: KeyIn::Scope,
        schema: Arc::new(Schema::new(fields)),
    })
}

/// A table with a column of each type, and rows with values, nulls and extreme values.
fn every_type() -> Batch {
    let description = HashMap::from([
        ("description".to_owned(), "The serial number.".to_owned()),
        ("json".to_owned(), "serialNumber".to_owned()),
        ("unit".to_owned(), "none".to_owned()),
    ]);
    let naive = DataType::Timestamp(TimeUnit::Microsecond, None);
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let table = table(
        "products",
        &["account_id", "serial_number"],
        vec![
            Field::new("account_id", DataType::Int64, false),
            Field::new("serial_number", DataType::Utf8, true).with_metadata(description),
            Field::new("share", DataType::Float64, true),
            Field::new("is_decommissioned", DataType::Boolean, true),
            Field::new("registered_at", naive, true),
            Field::new("_observed_at", utc, true),
            Field::new("_index", DataType::Int32, true),
            Field::new("count", DataType::UInt64, true),
        ],
    );
    let time = TimestampMicrosecondArray::from(vec![Some(1_700_000_000_123_456), None, Some(-1)]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![i64::MIN, 0, i64::MAX])),
        Arc::new(StringArray::from(vec![
            Some("FGT\0\r\n\"=1,ü 漢"),
            None,
            Some(""),
        ])),
        Arc::new(Float64Array::from(vec![Some(0.1), None, Some(f64::MAX)])),
        Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])),
        Arc::new(time.clone()),
        Arc::new(time.with_timezone("UTC")),
        Arc::new(Int32Array::from(vec![Some(i32::MIN), None, Some(i32::MAX)])),
        Arc::new(UInt64Array::from(vec![Some(0), None, Some(u64::MAX)])),
    ];
    batch(&table, columns)
}

/// A table of two columns with this many rows. Texts have `width` characters and do not repeat.
fn long(rows: u32, width: usize) -> Batch {
    let fields = vec![
        Field::new("id", DataType::Int64, false),
        Field::new("text", DataType::Utf8, false),
    ];
    let text = |row: u32| {
        let mut state = row.wrapping_mul(2_654_435_761).max(1);
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            char::from_u32(0x4e00 + state % 20_000).unwrap_or('?')
        };
        (0..width).map(|_| next()).collect::<String>()
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new((0..rows).map(i64::from).collect::<Int64Array>()),
        Arc::new(
            (0..rows)
                .map(|row| Some(text(row)))
                .collect::<StringArray>(),
        ),
    ];
    batch(&table("long", &["id"], fields), columns)
}

async fn open(path: &Path, query: &str, context: Context) -> Result<Box<dyn Sink>> {
    let spec = Spec::parse(&format!("parquet:{}{query}", path.display()))?;
    let options = Options(spec.options.clone());
    spec.open(context, options).await
}

/// The number of entries in the staging folder.
fn staged(out: &Path) -> usize {
    fs::read_dir(out.join("_fortilake/staging")).map_or(0, Iterator::count)
}

/// Publishes batches with one sink.
async fn publish(path: &Path, query: &str, batches: &[Batch]) -> Receipt {
    let mut tables: Vec<_> = batches
        .iter()
        .map(|batch| Arc::clone(&batch.table))
        .collect();
    tables.dedup();
    let sink = open(path, query, context(tables)).await.unwrap();
    deliver(sink, batches).await.unwrap()
}
