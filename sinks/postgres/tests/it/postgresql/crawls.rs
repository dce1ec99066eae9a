//! Small crawls: tables of things and owners, read from accounts.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, StringArray, TimestampMicrosecondArray};
use fortilake_sink::{
    Batch, Context, Crawl, DataType, Field, KeyIn, Options, Origin, Outcome, Partial, Phase,
    Receipt, RecordBatch, Result, Schema, ScopeId, ScopeOutcome, ScopeResult, Selection, Sink,
    Spec, TableSpec, TimeUnit,
};
use serde_json::{Value, json};

use fortilake_postgres::testing::Database;

/// 2026-09-01T12:00:00Z in microseconds of Unix time.
pub(crate) const NOON: i64 = 1_788_264_000_000_000;

const MINUTE: i64 = 60_000_000;

/// A row of `things`: its key, which may be null in parts, and its name.
pub(crate) type Thing<'a> = (i64, Option<&'a str>, Option<&'a str>);

/// A crawl that is delivered to the database.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) crawl: Crawl,
    pub(crate) tables: Vec<Arc<TableSpec>>,
    pub(crate) batches: Vec<Batch>,
    pub(crate) partial: Option<Partial>,
    results: Vec<(Arc<ScopeId>, ScopeResult)>,
    exhaustive: bool,
    minute: i64,
}

pub(crate) fn text() -> DataType {
    DataType::Utf8
}

pub(crate) fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// A table whose rows have the columns that every table has.
pub(crate) fn table(name: &str, key: &[&str], key_in: KeyIn, more: Vec<Field>) -> Arc<TableSpec> {
    let mut fields = more;
    fields.push(Field::new("_crawl_id", text(), false));
    fields.push(Field::new("_observed_at", instant(), false));
    Arc::new(TableSpec {
        name: name.to_owned(),
        summary: format!("One of the {name}."),
        schema: Arc::new(Schema::new(fields)),
        key: key.iter().copied().map(str::to_owned).collect(),
        key_in,
    })
}

/// A table with a key that may be null in parts.
pub(crate) fn things(name: &str, key_in: KeyIn) -> Arc<TableSpec> {
    let about = [("description".to_owned(), "What it is called.".to_owned())];
    let fields = vec![
        Field::new("id", DataType::Int64, true),
        Field::new("part", text(), true),
        Field::new("name", text(), true).with_metadata(about.into()),
    ];
    table(name, &["id", "part"], key_in, fields)
}

fn scope(account: i64) -> Arc<ScopeId> {
    Arc::new(ScopeId {
        source: "acme".to_owned(),
        endpoint: "products/list".to_owned(),
        subject: format!("account={account}"),
    })
}

impl Load {
    /// The `number`th crawl of a day, with the tables `things` and `parts`, and `owners`, which accounts share.
    pub(crate) fn new(number: u32) -> Self {
        Self {
            crawl: Crawl {
                id: format!("crawl-{number}"),
                edition: format!("crawl-{number}.5eed"),
                name: format!("20260901T12{number:02}00Z"),
                phase: Phase::Reading,
                selection: Selection::default(),
                started_at: format!("2026-09-01T12:{number:02}:00Z"),
                generator: "fortilake 0.1.0".to_owned(),
            },
            tables: vec![
                things("things", KeyIn::Scope),
                things("parts", KeyIn::Scope),
                things("owners", KeyIn::Table),
            ],
            batches: Vec::new(),
            partial: None,
            results: Vec::new(),
            exhaustive: true,
            minute: number.into(),
        }
    }

    /// The same crawl, delivered after it has ended, such as a replay.
    pub(crate) fn ended(mut self) -> Self {
        self.crawl.phase = Phase::Ended;
        self
    }

    /// The same crawl, limited to some accounts.
    pub(crate) fn selected(mut self) -> Self {
        self.exhaustive = false;
        self
    }

    /// Adds a complete account.
    pub(crate) fn account(mut self, number: i64) -> Self {
        self.results.push((scope(number), ScopeResult::Complete));
        self
    }

    /// Adds a failed account.
    pub(crate) fn failed(mut self, number: i64) -> Self {
        let error = "HTTP 500".to_owned();
        self.results
            .push((scope(number), ScopeResult::Failed { error }));
        self
    }

    /// Adds rows to the account that was added last.
    pub(crate) fn rows(self, table: &str, rows: &[Thing<'_>]) -> Self {
        let ids: Int64Array = rows.iter().map(|row| Some(row.0)).collect();
        let parts: StringArray = rows.iter().map(|row| row.1).collect();
        let names: StringArray = rows.iter().map(|row| row.2).collect();
        self.batch(table, vec![Arc::new(ids), Arc::new(parts), Arc::new(names)])
    }

    /// Adds rows with these columns before those that every table has.
    pub(crate) fn batch(mut self, table: &str, mut columns: Vec<ArrayRef>) -> Self {
        let table = self
            .tables
            .iter()
            .find(|found| found.name == table)
            .unwrap();
        let count = columns[0].len();
        let time = NOON + self.minute * MINUTE;
        let times = TimestampMicrosecondArray::from(vec![time; count]);
        columns.push(Arc::new(StringArray::from(vec![
            self.crawl.id.as_str();
            count
        ])));
        columns.push(Arc::new(times.with_timezone("UTC")));
        let records = RecordBatch::try_new(Arc::clone(&table.schema), columns).unwrap();
        let scope = Arc::clone(&self.results.last().unwrap().0);
        let before = self.batches.iter();
        let before = before.filter(|batch| batch.scope == scope && batch.table == *table);
        self.batches.push(Batch {
            table: Arc::clone(table),
            piece: u32::try_from(before.count()).unwrap(),
            scope,
            origin: Origin::Read,
            records,
        });
        self
    }

    pub(crate) fn outcome(&self) -> Outcome {
        let report = (Arc::new(ScopeId::report()), ScopeResult::Complete);
        let mut tables = BTreeMap::new();
        let scopes = self.results.iter().chain([&report]);
        let scopes = scopes.map(|(scope, result)| {
            let mut rows = BTreeMap::new();
            for batch in self.batches.iter().filter(|batch| batch.scope == *scope) {
                let count = batch.records.num_rows() as u64;
                *rows.entry(batch.table.name.clone()).or_default() += count;
                *tables.entry(batch.table.name.clone()).or_default() += count;
            }
            ScopeOutcome {
                scope: Arc::clone(scope),
                result: result.clone(),
                rows,
                observed_at: NOON + self.minute * MINUTE,
            }
        });
        let scopes: Vec<_> = scopes.collect();
        let endpoint = ("acme".to_owned(), "products/list".to_owned());
        let is_failed = |found: &ScopeOutcome| matches!(found.result, ScopeResult::Failed { .. });
        Outcome {
            complete: !scopes.iter().any(is_failed),
            scopes,
            exhaustive: self.exhaustive.then_some(endpoint).into_iter().collect(),
            selection: Selection::default(),
            tables,
            finished_at: NOON + self.minute * MINUTE,
            changes_since: None,
        }
    }

    /// Opens the sink and writes all rows.
    pub(crate) async fn begin(&self, options: &Options) -> Result<Box<dyn Sink>> {
        let context = Context::new(self.crawl.clone(), self.tables.clone());
        let mut sink = open(options, context.with_partial(self.partial)).await?;
        for batch in &self.batches {
            sink.write(batch).await?;
        }
        Ok(sink)
    }

    pub(crate) async fn deliver_with(&self, options: &Options) -> Result<Receipt> {
        let sink = self.begin(options).await?;
        sink.finish(&self.outcome()).await
    }

    pub(crate) async fn deliver(&self, database: &Database) -> Receipt {
        self.deliver_with(&options(database, &[])).await.unwrap()
    }
}

pub(crate) async fn open(options: &Options, context: Context) -> Result<Box<dyn Sink>> {
    let spec = Spec {
        sink: "postgres".to_owned(),
        options: options.0.clone(),
    };
    spec.open(context, options.clone()).await
}

/// The options for a database, with more of them.
pub(crate) fn options(database: &Database, more: &[(&str, Value)]) -> Options {
    let url = [("url", json!(database.url()))];
    let more = more.iter().cloned();
    url.into_iter().chain(more).collect()
}

/// The first column of all rows of a query, as text.
pub(crate) async fn column(database: &Database, sql: &str) -> Vec<String> {
    let client = database.client().await;
    let messages = client.simple_query(sql).await.unwrap();
    let rows = messages.into_iter().filter_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    rows.map(|row| row.get(0).unwrap_or("null").to_owned())
        .collect()
}

/// `inserted/updated/deleted` of each published crawl, in the order of their names.
pub(crate) async fn changes(database: &Database) -> Vec<String> {
    let sql = "SELECT concat_ws('/', inserted, updated, deleted) FROM fortinet.fortilake_snapshots \
               WHERE published_at IS NOT NULL ORDER BY name";
    column(database, sql).await
}

/// The rows of a table as `id part name`.
pub(crate) async fn rows(database: &Database, table: &str) -> Vec<String> {
    let sql = format!(
        "SELECT concat_ws(' ', id, coalesce(part, '-'), coalesce(name, '-')) FROM fortinet.{table} ORDER BY 1"
    );
    column(database, &sql).await
}
