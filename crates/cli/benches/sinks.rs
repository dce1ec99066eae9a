//! The sinks of files: open, write rows of products, publish.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use divan::{Bencher, counter::ItemsCount};
use fortilake as _;
use fortilake_sink::{Batch, Context, KeyIn, Options, Spec, TableSpec, testing};
use tokio::runtime::Builder;

fn main() {
    divan::main();
}

/// How many rows a batch has, and how many batches a file.
const ROWS: u32 = 8192;
const BATCHES: u32 = 8;

/// Rows with unique, repeated and missing values.
fn records(first: u32) -> RecordBatch {
    let rows = first..first + ROWS;
    let text = |of: fn(u32) -> Option<String>| -> ArrayRef {
        Arc::new(rows.clone().map(of).collect::<StringArray>())
    };
    let number = |of: fn(i64) -> i64| rows.clone().map(move |row| of(i64::from(row)));
    let columns: [(&str, ArrayRef, bool); 6] = [
        (
            "account_id",
            Arc::new(number(|row| 710_101 + row / 200).collect::<Int64Array>()),
            false,
        ),
        (
            "serial_number",
            text(|row| Some(format!("FGT60F{row:010}"))),
            false,
        ),
        (
            "product_model",
            text(|row| Some(format!("FortiGate {}F", row % 40))),
            true,
        ),
        (
            "description",
            text(|row| (row % 3 != 0).then(|| format!("Store {row:05} edge"))),
            true,
        ),
        (
            "is_decommissioned",
            Arc::new(
                number(|row| row % 50)
                    .map(|row| Some(row == 0))
                    .collect::<BooleanArray>(),
            ),
            true,
        ),
        (
            "registration_date",
            Arc::new(
                number(|row| 1_700_000_000_000_000 + row * 60_000_000)
                    .map(Some)
                    .collect::<TimestampMicrosecondArray>(),
            ),
            true,
        ),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).expect("columns of equal length")
}

#[divan::bench(args = ["parquet", "csv", "ndjson"], sample_count = 20)]
fn publish(bencher: Bencher<'_, '_>, sink: &str) {
    let runtime = Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let spec = TableSpec {
        name: "products".to_owned(),
        summary: "The products.".to_owned(),
        key: vec!["serial_number".to_owned()],
        key_in: KeyIn::Table,
        schema: records(0).schema(),
    };
    let table = Arc::new(spec);
    let batches: Vec<Batch> = (0..BATCHES)
        .map(|piece| Batch {
            piece,
            ..testing::batch(&table, records(piece * ROWS).columns().to_vec())
        })
        .collect();
    bencher
        .counter(ItemsCount::new(ROWS * BATCHES))
        .with_inputs(|| tempfile::tempdir().expect("a folder"))
        .bench_local_values(|folder| {
            let spec = Spec::parse(&format!("{sink}:{}", folder.path().display()));
            let spec = spec.expect("it names a sink");
            let context = Context::new(
                testing::crawl("bench", "20260901T120000Z"),
                vec![Arc::clone(&table)],
            );
            let published = runtime.block_on(async {
                let sink = spec.open(context, Options(spec.options.clone())).await?;
                testing::deliver(sink, &batches).await
            });
            published.expect("it publishes");
            folder
        });
}
