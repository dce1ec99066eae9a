//! The crawls that the suite delivers, with their tables and rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, StringArray,
    TimestampMicrosecondArray, UInt64Array,
};
use serde_json::Value;

use super::value::rows;
use crate::{
    Batch, Context, Crawl, FailedScope, Field, Outcome, RecordBatch, Schema, Scopes, Store,
    TableSpec, TableTotal,
};

/// The column that every table of the suite has first; no two rows of a table have the same number in it.
pub(super) const KEY: &str = "row_number";

/// One crawl, and all that it delivers.
#[derive(Clone)]
pub(super) struct Load {
    pub(super) crawl: Crawl,
    pub(super) tables: Vec<Arc<TableSpec>>,
    /// In the order of delivery.
    pub(super) batches: Vec<Batch>,
    pub(super) complete: bool,
}

/// The columns of a batch: name and values.
pub(super) type Columns = Vec<(String, ArrayRef)>;

/// Rows by table and key.
pub(super) type Expected = BTreeMap<String, BTreeMap<i64, Value>>;

impl Load {
    /// A crawl without tables, the `number`th of a day.
    pub(super) fn new(number: u32) -> Self {
        Self {
            crawl: Crawl {
                id: format!("conformance-{number}"),
                snapshot: format!("20260901T12{number:02}00Z"),
                started_at: format!("2026-09-01T12:{number:02}:00Z"),
                generator: "fortilake 0.1.0".to_owned(),
            },
            tables: Vec::new(),
            batches: Vec::new(),
            complete: true,
        }
    }

    /// Two tables and three scopes: `things` in all of them, `parts` in the first two.
    pub(super) fn plain(number: u32) -> Self {
        let first = i64::from(number) * 1000;
        let mut load = Self::new(number);
        let things = load.table("things", &plain_columns(0, 0));
        let parts = load.table("parts", &plain_columns(0, 0));
        load.batch(&things, plain_columns(first, 3));
        load.batch(&parts, plain_columns(first, 2));
        load.batch(&things, plain_columns(first + 3, 1));
        load.batch(&parts, plain_columns(first + 2, 4));
        load.batch(&things, plain_columns(first + 4, 2));
        load
    }

    /// A crawl with one table and one batch, which has these columns after the key.
    pub(super) fn of(table: &str, count: usize, columns: Columns) -> Self {
        let mut load = Self::new(1);
        let mut all = vec![key(0, count)];
        all.extend(columns);
        let table = load.table(table, &all);
        load.batch(&table, all);
        load
    }

    /// Adds a table with these columns. Only their names and types are used.
    pub(super) fn table(&mut self, name: &str, columns: &Columns) -> Arc<TableSpec> {
        let fields = columns.iter().map(|(name, values)| {
            let about = [("description".to_owned(), format!("The {name} of the row."))];
            Field::new(name, values.data_type().clone(), name != KEY).with_metadata(about.into())
        });
        let spec = Arc::new(TableSpec {
            name: name.to_owned(),
            summary: format!("One of the {name}."),
            key: vec![KEY.to_owned()],
            schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
        });
        self.tables.push(Arc::clone(&spec));
        spec
    }

    /// Adds a batch with these columns.
    pub(super) fn batch(&mut self, table: &Arc<TableSpec>, columns: Columns) {
        let columns = columns.into_iter().map(|(_, values)| values).collect();
        let records = RecordBatch::try_new(Arc::clone(&table.schema), columns)
            .expect("the suite makes columns as it has announced them");
        let before = self.batches.iter().filter(|batch| batch.table == *table);
        self.batches.push(Batch {
            table: Arc::clone(table),
            sequence: before.count() as u64,
            records,
        });
    }

    pub(super) fn context(&self, store: Arc<dyn Store>) -> Context {
        Context::new(self.crawl.clone(), self.tables.clone()).with_store(store)
    }

    pub(super) fn outcome(&self) -> Outcome {
        let failed = FailedScope {
            source: "forticloud".to_owned(),
            endpoint: "products/list".to_owned(),
            account_id: Some(7),
            ou_id: None,
            error: "the account does not answer".to_owned(),
        };
        Outcome {
            complete: self.complete,
            scopes: Scopes {
                complete: 1,
                failed: u64::from(!self.complete),
            },
            failed: (!self.complete).then_some(failed).into_iter().collect(),
            tables: self.tables.iter().map(|table| self.total(table)).collect(),
            finished_at: self.crawl.started_at.replace(":00Z", ":30Z"),
        }
    }

    fn total(&self, table: &Arc<TableSpec>) -> TableTotal {
        let batches = self.batches.iter().filter(|batch| batch.table == *table);
        TableTotal {
            table: table.name.clone(),
            rows: batches.map(|batch| batch.records.num_rows() as u64).sum(),
        }
    }

    pub(super) fn rows(&self) -> u64 {
        let rows = self.batches.iter().map(|batch| batch.records.num_rows());
        rows.sum::<usize>() as u64
    }

    /// The rows that a reader must see, by table. Tables without rows are included.
    pub(super) fn expected(&self) -> Expected {
        let mut expected: Expected = self
            .tables
            .iter()
            .map(|table| (table.name.clone(), BTreeMap::new()))
            .collect();
        for batch in &self.batches {
            let table = expected.entry(batch.table.name.clone()).or_default();
            let rows = rows(&batch.records).expect("the suite has only types that have a form");
            table.extend(
                rows.into_iter()
                    .filter_map(|row| Some((number(&row)?, row))),
            );
        }
        expected
    }
}

/// The key of a row.
pub(super) fn number(row: &Value) -> Option<i64> {
    row.get(KEY)?.as_i64()
}

/// The key column of `count` rows, counting from `first`.
pub(super) fn key(first: i64, count: usize) -> (String, ArrayRef) {
    let numbers: Vec<_> = (first..).take(count).collect();
    (KEY.to_owned(), Arc::new(Int64Array::from(numbers)))
}

/// Rows with a name.
pub(super) fn plain_columns(first: i64, count: usize) -> Columns {
    let names = (first..)
        .take(count)
        .map(|number| format!("thing {number}"));
    vec![key(first, count), text("name", names.map(Some))]
}

/// A column of text.
pub(super) fn text(name: &str, values: impl Iterator<Item = Option<String>>) -> (String, ArrayRef) {
    (name.to_owned(), Arc::new(values.collect::<StringArray>()))
}

/// One column of every type, with three rows: the smallest value, null, and the largest value.
pub(super) fn every_type() -> Columns {
    // The last value is 9999-12-31T23:59:59.999999, which APIs use for "never".
    let times =
        TimestampMicrosecondArray::from(vec![Some(-1), None, Some(253_402_300_799_999_999)]);
    let columns: [(&str, ArrayRef); 8] = [
        (
            "text",
            Arc::new(StringArray::from(vec![Some("x"), None, Some("")])),
        ),
        (
            "whole",
            Arc::new(Int64Array::from(vec![Some(i64::MIN), None, Some(i64::MAX)])),
        ),
        (
            "small",
            Arc::new(Int32Array::from(vec![Some(i32::MIN), None, Some(i32::MAX)])),
        ),
        (
            "count",
            Arc::new(UInt64Array::from(vec![Some(0), None, Some(u64::MAX)])),
        ),
        (
            "share",
            Arc::new(Float64Array::from(vec![Some(-0.1), None, Some(1e300)])),
        ),
        (
            "is_active",
            Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])),
        ),
        ("registered_at", Arc::new(times.clone())),
        ("_observed_at", Arc::new(times.with_timezone("UTC"))),
    ];
    let columns = columns.into_iter();
    columns
        .map(|(name, values)| (name.to_owned(), values))
        .collect()
}

/// Text that causes trouble without correct escaping: in CSV, JSON, SQL, HTML, shells, terminals and spreadsheets.
pub(super) fn hostile_text() -> Vec<String> {
    let texts = [
        "\"",
        "'",
        "`",
        "\\",
        ",",
        ";",
        "\t",
        "\n",
        "\r\n",
        "\0",
        "\u{1b}[31m",
        "\u{7f}",
        " leading and trailing ",
        "null",
        "NULL",
        "\\N",
        "NaN",
        "true",
        "007",
        "1e5",
        "{}",
        "[]",
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "%s%n",
        "${HOME}",
        "$(id)",
        "../../etc/passwd",
        "'; DROP TABLE things; --",
        "<script>alert(1)</script>",
        "\"},{\"row_number\":7,\"name\":\"",
        "data: x\n\nevent: y",
        "--boundary",
        "a\u{2028}b\u{2029}c\u{85}d",
        "\u{feff}mark",
        "\u{202e}backwards",
        "e\u{301} is not \u{e9}",
        "漢字 ünïcödé \u{1f469}\u{200d}\u{1f680}",
        "\u{fffe}\u{ffff}\u{10ffff}\u{fffd}",
    ];
    let controls = ('\u{1}'..'\u{20}').collect();
    let long = "long \u{1f600} ".repeat(10_000);
    let texts = texts.into_iter().map(str::to_owned);
    texts.chain([controls, long]).collect()
}
