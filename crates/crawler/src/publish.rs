//! Turns the pages of scopes into batches and sends them to the sinks.

mod census;
mod dedup;

use std::{collections::HashMap, sync::Arc};

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use fortilake_sink::{Batch, TableSpec, TableTotal};
use fortilake_state::client::models::{
    self, COVERAGE_LAYOUT, Decoded, ISSUES_LAYOUT, Layout, PageContext, Table, decode,
};
use serde_json::{Map, json};

pub use self::census::{Census, Tally};
use self::dedup::Seen;
use crate::{
    Error, Rejected, Result,
    error::Kind,
    lanes::{Lanes, OpenSink, SinkReport},
};

/// A batch is handed over once it has this many rows …
const BATCH_ROWS: usize = 8192;
/// … or this many bytes in memory.
const BATCH_BYTES: usize = 4 << 20;

/// Turns pages into batches and hands them to the sinks.
///
/// The same pages in the same order produce the same batches with the same ids.
pub struct Publisher {
    crawl_id: Arc<str>,
    lanes: Lanes,
    tables: HashMap<&'static str, Gathering>,
    seen: Seen,
    census: Census,
    drift: Drift,
}

/// What did not go as the descriptions say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Drift {
    /// Members of objects that no column takes.
    pub unknown_fields: u64,
    /// Values that did not fit their column, and other rows of `issues`.
    pub misfits: u64,
    /// Rows whose key an earlier row had.
    pub duplicates: u64,
}

/// One page to publish.
#[derive(Debug, Clone)]
pub struct Page {
    /// The name of the source.
    pub source: Arc<str>,
    /// Where the endpoint's rows are in the page.
    pub layout: &'static Layout,
    /// The numbers in the request's arguments, and further numbers that the plan knows. Rows
    /// inherit them.
    pub asked: Vec<(String, i64)>,
    /// Strings for columns that the answer of another endpoint fills, by column name.
    pub given: Vec<(String, String)>,
    /// When the page arrived, in microseconds of Unix time.
    pub observed_at: i64,
    /// The JSON text, with secrets removed.
    pub body: Arc<str>,
}

/// One row of the table `coverage`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverageRow {
    /// The name of the source.
    pub source: Arc<str>,
    /// The endpoint.
    pub endpoint: &'static str,
    /// The account, if the scope is one.
    pub account_id: Option<i64>,
    /// The organizational unit that the endpoint was asked about, if any.
    pub ou_id: Option<i64>,
    /// The organization of a FortiPortal that the endpoint was asked about, if any.
    pub organization_id: Option<i64>,
    /// The number of pages that were read.
    pub pages: usize,
    /// The number of rows that the scope listed, including rows that another scope hands over.
    pub rows: u64,
    /// Why the scope failed; `None` if it is complete.
    pub error: Option<String>,
    /// When the scope ended, in microseconds of Unix time.
    pub observed_at: i64,
}

/// The rows of one table that wait to become a batch.
struct Gathering {
    spec: Arc<TableSpec>,
    waiting: Vec<RecordBatch>,
    rows: usize,
    bytes: usize,
    sequence: u64,
    total: u64,
}

impl Publisher {
    /// Creates a publisher for sinks that were opened for these tables.
    pub fn new(crawl_id: &str, tables: &[Arc<TableSpec>], sinks: Vec<OpenSink>) -> Self {
        let mut census = Census::default();
        let tables = models::tables().filter_map(|table| {
            let spec = tables.iter().find(|spec| spec.name == table.name)?;
            // The reports are about the crawl: it is well if they get shorter.
            if table.endpoint.is_some() {
                census.begin(table.name);
            }
            Some((table.name, Gathering::new(spec.clone())))
        });
        let tables = tables.collect();
        Self {
            crawl_id: crawl_id.into(),
            lanes: Lanes::new(sinks),
            tables,
            seen: Seen::default(),
            census,
            drift: Drift::default(),
        }
    }

    /// Publishes one page and says how many rows it gave to its outermost tables.
    pub async fn page(&mut self, page: Page) -> Result<u64> {
        let (source, observed_at) = (page.source.clone(), page.observed_at);
        let crawl_id = self.crawl_id.clone();
        let decoded = tokio::task::spawn_blocking(move || decode_page(&page, &crawl_id)).await;
        let decoded = decoded.map_err(|error| {
            Error::new(Kind::Unforeseen, "the decoder broke off").with_source(error)
        })?;
        let mut decoded = decoded.map_err(|error| {
            Error::new(Kind::Unreadable, "a page cannot be decoded").with_source(error)
        })?;
        self.drift.duplicates += self.seen.retain_new(&mut decoded)?;
        self.drift.unknown_fields += decoded.unknown_fields;
        self.drift.misfits += decoded.issues.len() as u64;
        let rows = decoded
            .tables
            .iter()
            .enumerate()
            .filter(|(position, table)| table.root == *position)
            .map(|(_, table)| table.records.num_rows() as u64)
            .sum();
        self.issues(&decoded, &source, observed_at).await?;
        for table in decoded.tables {
            self.census.count(table.table.name, &source, &table.records);
            self.gather(table.table, table.records).await?;
        }
        Ok(rows)
    }

    /// Publishes one row of the coverage.
    pub async fn coverage(&mut self, row: &CoverageRow) -> Result<()> {
        let json = json!({ "rows": [{
            "endpoint": row.endpoint,
            "account_id": row.account_id,
            "ou_id": row.ou_id,
            "organization_id": row.organization_id,
            "outcome": if row.error.is_some() { "failed" } else { "complete" },
            "pages": row.pages,
            "rows": row.rows,
            "error": row.error,
        }] });
        self.report(&COVERAGE_LAYOUT, &json, &row.source, row.observed_at)
            .await
    }

    /// Publishes that the row of one call is missing, because the API rejected that call alone.
    pub async fn rejected(&mut self, rejected: &Rejected, observed_at: i64) -> Result<()> {
        let Rejected { fetch, message } = rejected;
        let table = models::endpoint(fetch.endpoint)
            .and_then(|endpoint| endpoint.layout)
            .and_then(|layout| layout.tables.first());
        let known = fetch.given.iter().cloned().chain(fetch.arguments.clone());
        let key: Map<_, _> = known
            .map(|(name, value)| (column_of(&name), value))
            .collect();
        let json = json!({ "rows": [{
            "table": table.map(|table| table.name),
            "key": key,
            "reason": message,
        }] });
        self.drift.misfits += 1;
        self.report(&ISSUES_LAYOUT, &json, &fetch.source, observed_at)
            .await
    }

    async fn issues(&mut self, decoded: &Decoded, source: &str, observed_at: i64) -> Result<()> {
        if decoded.issues.is_empty() {
            return Ok(());
        }
        let rows: Vec<_> = decoded
            .issues
            .iter()
            .map(|issue| {
                json!({
                    "table": issue.table,
                    "key": serde_json::from_str::<serde_json::Value>(&issue.key).unwrap_or_default(),
                    "column": issue.column,
                    "value": issue.value,
                    "reason": issue.reason,
                })
            })
            .collect();
        self.report(
            &ISSUES_LAYOUT,
            &json!({ "rows": rows }),
            source,
            observed_at,
        )
        .await
    }

    /// Publishes rows of a report; they take the same way as the rows of an answer.
    async fn report(
        &mut self,
        layout: &'static Layout,
        rows: &serde_json::Value,
        source: &str,
        observed_at: i64,
    ) -> Result<()> {
        let crawl_id = self.crawl_id.clone();
        let context = PageContext {
            source,
            crawl_id: &crawl_id,
            observed_at,
            asked: &[],
            given: &[],
        };
        let decoded = decode(layout, &rows.to_string(), &context).map_err(|error| {
            Error::new(Kind::Unforeseen, "a report cannot be written").with_source(error)
        })?;
        for table in decoded.tables {
            self.gather(table.table, table.records).await?;
        }
        Ok(())
    }

    async fn gather(&mut self, table: &'static Table, records: RecordBatch) -> Result<()> {
        let Some(gathering) = self
            .tables
            .get_mut(table.name)
            .filter(|_| records.num_rows() > 0)
        else {
            return Ok(());
        };
        gathering.rows += records.num_rows();
        gathering.bytes += records.get_array_memory_size();
        gathering.waiting.push(records);
        if gathering.rows >= BATCH_ROWS || gathering.bytes >= BATCH_BYTES {
            let batch = gathering.batch()?;
            self.hand_over(batch).await?;
        }
        Ok(())
    }

    async fn hand_over(&mut self, batch: Batch) -> Result<()> {
        if self.lanes.write(batch).await {
            return Ok(());
        }
        Err(Error::new(Kind::Sinks, "every sink failed"))
    }

    /// How far the answers so far differed from the API descriptions.
    pub fn drift(&self) -> Drift {
        self.drift
    }

    /// The rows of every table but the reports so far, by account.
    pub fn census(&self) -> &Census {
        &self.census
    }

    /// The rows of every table so far, in the order of the catalogue.
    pub fn totals(&self) -> Vec<TableTotal> {
        models::tables()
            .filter_map(|table| self.tables.get(table.name))
            .map(|table| TableTotal {
                table: table.spec.name.clone(),
                rows: table.total + table.rows as u64,
            })
            .collect()
    }

    /// Hands over what still waits and lets the sinks make it visible.
    pub async fn finish(mut self, outcome: fortilake_sink::Outcome) -> Result<Vec<SinkReport>> {
        let order = models::tables().map(|table| table.name);
        for name in order.collect::<Vec<_>>() {
            let Some(gathering) = self.tables.get_mut(name).filter(|table| table.rows > 0) else {
                continue;
            };
            let batch = gathering.batch()?;
            // With every sink gone, the reports below say why.
            self.lanes.write(batch).await;
        }
        Ok(self.lanes.finish(outcome).await)
    }

    /// Makes the sinks forget everything, and tells which had failed before.
    pub async fn abort(self) -> Vec<SinkReport> {
        self.lanes.abort().await
    }
}

/// The column that an argument's value would be in.
fn column_of(argument: &str) -> String {
    let mut column = String::new();
    for letter in argument.chars() {
        if letter.is_ascii_uppercase() {
            column.push('_');
        }
        column.push(letter.to_ascii_lowercase());
    }
    column
}

fn decode_page(page: &Page, crawl_id: &str) -> Result<Decoded, models::Error> {
    let asked: Vec<_> = page
        .asked
        .iter()
        .map(|(name, number)| (name.as_str(), *number))
        .collect();
    let given: Vec<_> = page
        .given
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    let context = PageContext {
        source: &page.source,
        crawl_id,
        observed_at: page.observed_at,
        asked: &asked,
        given: &given,
    };
    decode(page.layout, &page.body, &context)
}

impl Gathering {
    fn new(spec: Arc<TableSpec>) -> Self {
        Self {
            spec,
            waiting: Vec::new(),
            rows: 0,
            bytes: 0,
            sequence: 0,
            total: 0,
        }
    }

    /// Makes one batch of what waits.
    fn batch(&mut self) -> Result<Batch> {
        let records = concat_batches(&self.spec.schema, &self.waiting).map_err(|error| {
            Error::new(Kind::Unforeseen, format!("table `{}`", self.spec.name)).with_source(error)
        })?;
        let batch = Batch {
            table: self.spec.clone(),
            sequence: self.sequence,
            records,
        };
        self.total += self.rows as u64;
        self.sequence += 1;
        self.waiting.clear();
        self.rows = 0;
        self.bytes = 0;
        Ok(batch)
    }
}
