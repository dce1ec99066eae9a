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
    Batch, Context, Crawl, Field, KeyIn, Origin, Outcome, Partial, Phase, RecordBatch, Schema,
    ScopeId, ScopeOutcome, ScopeResult, Selection, Store, TableSpec,
};

mod crawls;

/// The first column of every table of the suite, unique within a table.
pub(super) const KEY: &str = "row_number";

/// The source and the endpoint of all scopes in the suite.
const SOURCE: &str = "acme";
const ENDPOINT: &str = "products/list";

/// Twelve o'clock on 2026-09-01, in seconds of Unix time.
const NOON: i64 = 1_788_264_000;

/// One crawl with everything that it delivers.
#[derive(Clone)]
pub(super) struct Load {
    pub(super) crawl: Crawl,
    pub(super) tables: Vec<Arc<TableSpec>>,
    /// In the order of delivery.
    pub(super) batches: Vec<Batch>,
    /// The scopes that are handed over, in order.
    pub(super) scopes: Vec<Arc<ScopeId>>,
    failed: Vec<Arc<ScopeId>>,
    /// Whether all scopes are listed, which is the case unless the crawl was limited to a selection.
    exhaustive: bool,
    pub(super) partial: Option<Partial>,
    minute: u32,
}

/// The columns of a batch: name and values.
pub(super) type Columns = Vec<(String, ArrayRef)>;

/// Rows by table and key.
pub(super) type Expected = BTreeMap<String, BTreeMap<i64, Value>>;

/// The scope of a subject.
pub(super) fn scope(subject: &str) -> Arc<ScopeId> {
    Arc::new(ScopeId {
        source: SOURCE.to_owned(),
        endpoint: ENDPOINT.to_owned(),
        subject: subject.to_owned(),
    })
}

impl Load {
    /// A crawl without tables, the `number`th of a day.
    pub(super) fn new(number: u32) -> Self {
        let id = format!("conformance-{number}");
        Self {
            crawl: Crawl {
                edition: format!("{id}.5eed"),
                id,
                name: format!("20260901T12{number:02}00Z"),
                phase: Phase::Reading,
                selection: Selection::default(),
                started_at: format!("2026-09-01T12:{number:02}:00Z"),
                generator: "fortilake 0.1.0".to_owned(),
            },
            tables: Vec::new(),
            batches: Vec::new(),
            scopes: Vec::new(),
            failed: Vec::new(),
            exhaustive: true,
            partial: None,
            minute: number,
        }
    }

    /// Two tables and three scopes: `things` in all of them, `parts` in the first two.
    pub(super) fn plain(number: u32) -> Self {
        let first = i64::from(number) * 1000;
        let mut load = Self::new(number);
        let things = load.table("things", &plain_columns(0, 0));
        let parts = load.table("parts", &plain_columns(0, 0));
        load.scope("account=1");
        load.batch(&things, plain_columns(first, 3));
        load.batch(&parts, plain_columns(first, 2));
        load.batch(&things, plain_columns(first + 3, 1));
        load.scope("account=2");
        load.batch(&parts, plain_columns(first + 2, 4));
        load.scope("account=3");
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
        self.table_with(name, columns, KeyIn::Scope)
    }

    pub(super) fn table_with(
        &mut self,
        name: &str,
        columns: &Columns,
        key_in: KeyIn,
    ) -> Arc<TableSpec> {
        let fields = columns.iter().map(|(name, values)| {
            let about = [("description".to_owned(), format!("The {name} of the row."))];
            Field::new(name, values.data_type().clone(), name != KEY).with_metadata(about.into())
        });
        let spec = Arc::new(TableSpec {
            name: name.to_owned(),
            summary: format!("One of the {name}."),
            key: vec![KEY.to_owned()],
            key_in,
            schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
        });
        self.tables.push(Arc::clone(&spec));
        spec
    }

    /// Starts a scope for the batches that are added next.
    pub(super) fn scope(&mut self, subject: &str) {
        self.scopes.push(scope(subject));
    }

    /// Adds a failed scope.
    pub(super) fn fail(&mut self, subject: &str) {
        self.failed.push(scope(subject));
    }

    /// Adds a batch with these columns to the current scope.
    pub(super) fn batch(&mut self, table: &Arc<TableSpec>, columns: Columns) {
        let columns = columns.into_iter().map(|(_, values)| values).collect();
        let records = RecordBatch::try_new(Arc::clone(&table.schema), columns)
            .expect("the suite makes columns as it has announced them");
        if self.scopes.is_empty() {
            self.scope("account=1");
        }
        let Some(scope) = self.scopes.last().map(Arc::clone) else {
            return;
        };
        let before = self.batches.iter();
        let before = before.filter(|batch| batch.scope == scope && batch.table == *table);
        self.batches.push(Batch {
            table: Arc::clone(table),
            piece: u32::try_from(before.count()).unwrap_or(u32::MAX),
            scope,
            origin: Origin::Read,
            records,
        });
    }

    pub(super) fn context(&self, store: Arc<dyn Store>) -> Context {
        // Unless a case says otherwise, a crawl with failed scopes is published.
        let lacks = (!self.failed.is_empty()).then_some(Partial::Publish);
        Context::new(self.crawl.clone(), self.tables.clone())
            .with_store(store)
            .with_partial(self.partial.or(lacks))
    }

    pub(super) fn outcome(&self) -> Outcome {
        let report = Arc::new(ScopeId::report());
        let complete = self.scopes.iter().chain([&report]);
        let complete = complete.map(|scope| self.result(scope, ScopeResult::Complete));
        let failed = self.failed.iter().map(|scope| {
            let error = "HTTP 500: the account does not answer".to_owned();
            self.result(scope, ScopeResult::Failed { error })
        });
        let scopes: Vec<_> = complete.chain(failed).collect();
        let mut tables: BTreeMap<_, _> = self
            .tables
            .iter()
            .map(|table| (table.name.clone(), 0))
            .collect();
        for (table, rows) in scopes.iter().flat_map(|found| &found.rows) {
            *tables.entry(table.clone()).or_default() += rows;
        }
        let endpoint = (SOURCE.to_owned(), ENDPOINT.to_owned());
        let exhaustive = self.exhaustive.then_some(endpoint).into_iter();
        Outcome {
            complete: self.failed.is_empty(),
            scopes,
            exhaustive: exhaustive.collect(),
            selection: self.crawl.selection.clone(),
            tables,
            finished_at: self.instant(30),
            changes_since: None,
        }
    }

    fn result(&self, scope: &Arc<ScopeId>, result: ScopeResult) -> ScopeOutcome {
        let mut rows = BTreeMap::new();
        for batch in self.batches.iter().filter(|batch| batch.scope == *scope) {
            *rows.entry(batch.table.name.clone()).or_default() += batch.records.num_rows() as u64;
        }
        ScopeOutcome {
            scope: Arc::clone(scope),
            result,
            rows,
            observed_at: self.instant(20),
        }
    }

    /// The time `seconds` after the start of the crawl, in microseconds of Unix time.
    fn instant(&self, seconds: i64) -> i64 {
        (NOON + i64::from(self.minute) * 60 + seconds) * 1_000_000
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
    named(first, count, "thing")
}

/// Rows whose names begin with `word`.
pub(super) fn named(first: i64, count: usize, word: &str) -> Columns {
    let names = (first..)
        .take(count)
        .map(|number| format!("{word} {number}"));
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
