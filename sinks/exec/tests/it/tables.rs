//! The input and the variables that a program gets.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, StringArray,
    TimestampMicrosecondArray, UInt64Array,
};
use arrow_ipc::reader::StreamReader;
use fortilake_sink::{
    Batch, DataType, Field, RecordBatch, ScopeId, ScopeOutcome, ScopeResult, TimeUnit,
};
use serde_json::json;

use crate::{Place, batch, context, deliver, finish, outcome, plain, rows, table};

/// Writes a table to a file named after it.
const KEEP: &str = r#"cat > "$OUT/$FORTILAKE_TABLE""#;

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
    let hostile = "\"'$(reboot)`;\0\r\n\u{202e}\u{2028}ü 漢";
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![-1, 0, i64::MAX])),
        Arc::new(StringArray::from(vec![Some(hostile), None, Some("")])),
        Arc::new(Float64Array::from(vec![Some(-0.1), None, Some(1e300)])),
        Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])),
        Arc::new(time.clone()),
        Arc::new(time.with_timezone("UTC")),
        Arc::new(Int32Array::from(vec![Some(i32::MIN), None, Some(7)])),
        Arc::new(UInt64Array::from(vec![Some(0), None, Some(u64::MAX)])),
    ];
    batch(&table, columns)
}

fn read_stream(place: &Place, file: &str) -> Vec<RecordBatch> {
    let file = File::open(place.path().join(file)).unwrap();
    let reader = StreamReader::try_new_buffered(file, None).unwrap();
    reader.map(Result::unwrap).collect()
}

#[tokio::test]
async fn an_arrow_stream_has_the_rows_that_were_written() {
    let (place, batch) = (Place::new(), every_type());
    let empty = plain("empty");
    let context = context(vec![Arc::clone(&batch.table), Arc::clone(&empty)]);
    let sink = place.open(KEEP, json!({}), context).await.unwrap();
    let again = Batch {
        piece: 1,
        ..batch.clone()
    };
    let receipt = finish(sink, &[batch.clone(), again]).await.unwrap();

    let expected = [batch.records.clone(), batch.records];
    assert_eq!(read_stream(&place, "products"), expected);
    assert_eq!(read_stream(&place, "empty"), []);
    let file = File::open(place.path().join("empty")).unwrap();
    let reader = StreamReader::try_new(file, None).unwrap();
    assert_eq!(reader.schema(), empty.schema);

    assert_eq!((receipt.rows, receipt.files), (6, 2));
    let sizes =
        ["products", "empty"].map(|name| fs::metadata(place.path().join(name)).unwrap().len());
    assert_eq!(receipt.bytes, sizes.iter().sum::<u64>());
    assert_eq!(receipt.location, "sh");
}

#[tokio::test]
async fn json_lines_have_the_rows_that_were_written() {
    let (place, batch) = (Place::new(), every_type());
    let context = context(vec![Arc::clone(&batch.table)]);
    let ndjson = json!({ "format": "ndjson" });
    let sink = place.open(KEEP, ndjson, context).await.unwrap();
    finish(sink, &[batch]).await.unwrap();
    let text = place.read("products");
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(
        lines[0]["serial_number"],
        "\"'$(reboot)`;\0\r\n\u{202e}\u{2028}ü 漢"
    );
    assert_eq!(lines[0]["_observed_at"], "2023-11-14T22:13:20.123456Z");
    assert_eq!(lines[1]["serial_number"], serde_json::Value::Null);
    assert_eq!(lines[2]["count"], u64::MAX);
}

#[tokio::test]
async fn wide_and_long_tables_arrive_complete() {
    let fields = (0..300).map(|n| Field::new(format!("c{n}"), DataType::Utf8, true));
    let wide = table("wide", fields.collect());
    let columns = (0..300).map(|n| {
        let values = (0..1000).map(|row| Some(format!("{n}-{row}")));
        Arc::new(values.collect::<StringArray>()) as ArrayRef
    });
    let (wide, long) = (batch(&wide, columns.collect()), plain("long"));
    let place = Place::new();
    let context = context(vec![Arc::clone(&wide.table), Arc::clone(&long)]);
    let sink = place.open(KEEP, json!({}), context).await.unwrap();
    let pieces = (0..50).map(|piece| Batch {
        piece,
        ..rows(&long, 2000)
    });
    let batches: Vec<_> = std::iter::once(wide.clone()).chain(pieces).collect();
    finish(sink, &batches).await.unwrap();
    assert_eq!(read_stream(&place, "wide"), [wide.records]);
    let long = read_stream(&place, "long");
    assert_eq!(
        long.iter().map(RecordBatch::num_rows).sum::<usize>(),
        100_000
    );
}

#[tokio::test]
async fn variables_describe_the_table_and_the_crawl() {
    let place = Place::new();
    let script = r#"env | grep '^FORTILAKE_' | sort >> "$OUT/told"
        echo "$0 $1 $GREETING" >> "$OUT/told"; pwd >> "$OUT/told""#;
    let more = json!({
        "args": ["load", "x y"],
        "directory": place.path(),
        "env": { "OUT": place.path(), "GREETING": "hello  you" },
    });
    let context = context(vec![plain("a")]);
    let mut sink = place.open(script, more, context).await.unwrap();
    sink.write(&rows(&plain("a"), 3)).await.unwrap();
    let mut outcome = outcome(&[rows(&plain("a"), 3)]);
    outcome.complete = false;
    for account in [2, 3] {
        outcome.scopes.push(ScopeOutcome {
            scope: Arc::new(ScopeId {
                subject: format!("account={account}"),
                ..ScopeId::clone(&crate::scope())
            }),
            result: ScopeResult::Failed {
                error: "refused".to_owned(),
            },
            rows: BTreeMap::new(),
            observed_at: 0,
        });
    }
    sink.finish(&outcome).await.unwrap();
    let folder = place.path().canonicalize().unwrap();
    assert_eq!(
        place.read("told"),
        format!(
            "FORTILAKE_COMPLETE=false\nFORTILAKE_CRAWL_ID=c1\nFORTILAKE_FAILED_SCOPES=2\n\
             FORTILAKE_FORMAT=arrow\nFORTILAKE_KEY=id,name\nFORTILAKE_ROWS=3\n\
             FORTILAKE_SNAPSHOT=20260901T120000Z\nFORTILAKE_STARTED_AT=2026-09-01T12:00:00Z\n\
             FORTILAKE_TABLE=a\nload x y hello  you\n{}\n",
            folder.display()
        )
    );
}

#[tokio::test]
async fn programs_run_in_the_order_of_the_tables_and_only_at_the_end() {
    let script = r#"echo "$FORTILAKE_TABLE" >> "$OUT/order"; cat > /dev/null"#;
    let place = Place::new();
    let tables = vec![plain("b"), plain("c"), plain("a")];
    let mut sink = place
        .open(script, json!({}), context(tables.clone()))
        .await
        .unwrap();
    let batches: Vec<_> = tables.iter().rev().map(|table| rows(table, 1)).collect();
    for batch in &batches {
        sink.write(batch).await.unwrap();
    }
    assert_eq!(place.read("order"), "");
    sink.finish(&outcome(&batches)).await.unwrap();
    assert_eq!(place.read("order"), "b\nc\na\n");

    let mut sink = place
        .open(script, json!({}), context(tables.clone()))
        .await
        .unwrap();
    sink.write(&rows(&tables[0], 1)).await.unwrap();
    sink.abort().await.unwrap();
    assert_eq!(place.read("order"), "b\nc\na\n");
}

#[tokio::test]
async fn tables_can_be_delivered_in_parallel() {
    // Each program waits for the other one, so they only end if both run at the same time.
    let script = r#"mkfifo "$OUT/pipe" 2> "$OUT/error.$FORTILAKE_TABLE"
        case $FORTILAKE_TABLE in
            a) echo "from a" > "$OUT/pipe" ;;
            b) cat "$OUT/pipe" > "$OUT/got" ;;
        esac"#;
    let place = Place::new();
    deliver(&place, script, json!({ "concurrency": 2 }))
        .await
        .unwrap();
    assert_eq!(place.read("got"), "from a\n");
}
