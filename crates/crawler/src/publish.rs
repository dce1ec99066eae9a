//! Turns the pages of scopes into batches and sends them to the sinks.

mod conflicts;
mod cut;
mod keys;
mod models;
mod rows;
mod seen;

use std::sync::Arc;

use fortilake_models::Layout;
use fortilake_sink::{Batch, Origin, Outcome, RecordBatch, ScopeId, TableSpec};

pub use self::rows::{DecodedPages, Reload, TOGETHER_BYTES};
use self::{cut::ScopeBatches, rows::blocking};
pub(crate) use self::{
    cut::{PIECE_BYTES, PIECE_ROWS},
    models::Models,
    rows::{Rows, TableRows},
};
use crate::{
    Error, Rejected, Result,
    changes::{Batches, ChangeRows, TABLE},
    error::Kind,
    sink_tasks::{OpenSink, SinkReport, SinkTasks},
};

/// Sends the rows of scopes to sinks, one scope after the other.
///
/// The same pages in the same order produce the same batches with the same ids.
pub struct Publisher {
    rows: Rows,
    sinks: SinkTasks,
    scope: Option<ScopeBatches>,
}

/// How far responses differed from the API descriptions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
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
pub struct RawPage {
    /// The name of the source.
    pub source: Arc<str>,
    /// Where the endpoint's rows are in the page.
    pub layout: &'static Layout,
    /// The numbers in the request's arguments, and further numbers that the plan knows. Rows
    /// inherit them.
    pub asked: Vec<(String, i64)>,
    /// Strings for columns that the response of another endpoint fills, by column name.
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
    pub source: String,
    /// The id of the endpoint, such as `products/list`.
    pub endpoint: String,
    /// The account that the endpoint was asked about, if any.
    pub account_id: Option<i64>,
    /// The organizational unit that the endpoint was asked about, if any.
    pub ou_id: Option<i64>,
    /// The organization of a FortiPortal that the endpoint was asked about, if any.
    pub organization_id: Option<i64>,
    /// The number of pages that were read.
    pub pages: usize,
    /// The number of rows that the scope listed, including rows that another scope hands over.
    pub rows: u64,
    /// The crawl that read its rows, if that was an earlier one.
    pub carried_from: Option<String>,
    /// Why this crawl could not read the scope; `None` if it could.
    pub error: Option<String>,
    /// How the scope was read, such as the search that found its products.
    pub note: Option<String>,
    /// When the scope ended, in microseconds of Unix time.
    pub observed_at: i64,
}

impl Publisher {
    /// Creates a publisher for sinks that were opened for these tables.
    pub fn new(crawl_id: &str, tables: &[Arc<TableSpec>], sinks: Vec<OpenSink>) -> Self {
        Self::of_models(crawl_id, tables, sinks, Models::default())
    }

    /// The same, for products of these models only.
    pub(crate) fn of_models(
        crawl_id: &str,
        tables: &[Arc<TableSpec>],
        sinks: Vec<OpenSink>,
        models: Models,
    ) -> Self {
        Self {
            rows: Rows::new(crawl_id, tables, models),
            sinks: SinkTasks::new(sinks),
            scope: None,
        }
    }

    /// The id of the crawl, for [`DecodedPages::new`].
    pub fn crawl_id(&self) -> Arc<str> {
        self.rows.crawl_id()
    }

    /// Whether there are no sinks.
    pub(crate) fn is_idle(&self) -> bool {
        self.sinks.is_empty()
    }

    /// Begins a scope that this crawl has read. The scope before must have ended.
    pub fn begin(&mut self, scope: ScopeId) {
        self.begin_from(scope, Origin::Read);
    }

    /// Begins a scope that this crawl or an earlier one has read.
    pub(crate) fn begin_from(&mut self, scope: ScopeId, origin: Origin) {
        self.scope = Some(ScopeBatches::new(Arc::new(scope), origin));
    }

    /// Publishes the next pages of the scope. Returns how many rows each of them listed, and how many
    /// rows of each table are handed over.
    ///
    /// # Errors
    ///
    /// If all sinks have failed, or if an earlier page cannot be loaded again.
    pub async fn pages(&mut self, pages: DecodedPages) -> Result<(Vec<u64>, Vec<(String, u64)>)> {
        let rows = self.rows.pages(pages).await?;
        let counts = rows
            .tables
            .iter()
            .map(|rows| (rows.table.name.clone(), rows.records.num_rows() as u64));
        let counts = counts.collect();
        self.add(rows.tables).await?;
        Ok((rows.listed, counts))
    }

    /// Publishes an issue: the row of one call is missing, because the API rejected that call.
    pub(crate) async fn rejected(&mut self, rejected: &Rejected, observed_at: i64) -> Result<()> {
        let rows = self.rows.rejected(rejected, observed_at)?;
        self.add(rows).await
    }

    /// Ends the scope and sends its remaining rows.
    ///
    /// # Errors
    ///
    /// If all sinks have failed.
    pub async fn end(&mut self) -> Result<()> {
        self.rows.keep_scope();
        let Some(scope) = self.scope.take() else {
            return Ok(());
        };
        for batch in scope.end()? {
            self.hand_over(batch).await?;
        }
        Ok(())
    }

    /// Publishes the rows of `changes` and `coverage`, as a scope of its own.
    ///
    /// # Errors
    ///
    /// If all sinks have failed, or if the changes cannot be read.
    pub async fn report(
        &mut self,
        changes: Option<&ChangeRows>,
        coverage: impl IntoIterator<Item = CoverageRow>,
    ) -> Result<()> {
        self.begin(ScopeId::report());
        if let Some(changes) = changes {
            self.changes(changes).await?;
        }
        for row in coverage {
            let rows = self.rows.coverage(&row)?;
            self.add(rows).await?;
        }
        self.end().await
    }

    /// How far the responses so far differed from the API descriptions.
    pub fn drift(&self) -> Drift {
        self.rows.drift()
    }

    /// Tells the sinks to make everything visible.
    pub async fn finish(self, outcome: Outcome) -> Vec<SinkReport> {
        self.sinks.finish(outcome).await
    }

    /// Lets the sinks discard what they can, and returns the reports of those that had failed
    /// before.
    pub async fn abort(self) -> Vec<SinkReport> {
        self.sinks.abort().await
    }

    async fn changes(&mut self, changes: &ChangeRows) -> Result<()> {
        let Some(table) = self.rows.table(TABLE) else {
            return Ok(());
        };
        let mut batches = read((changes.read)())?;
        while let (rest, Some(records)) = next(batches).await? {
            batches = rest;
            let table = table.clone();
            self.add(vec![TableRows { table, records }]).await?;
        }
        Ok(())
    }

    async fn add(&mut self, rows: Vec<TableRows>) -> Result<()> {
        for rows in rows {
            let Some(scope) = &mut self.scope else {
                return Err(Error::new(Kind::Unforeseen, "rows arrived outside a scope"));
            };
            if let Some(batch) = scope.add(rows)? {
                self.hand_over(batch).await?;
            }
        }
        Ok(())
    }

    async fn hand_over(&mut self, batch: Batch) -> Result<()> {
        if self.sinks.write(batch).await {
            return Ok(());
        }
        Err(Error::new(Kind::Sinks, "every sink failed"))
    }
}

/// The next batch, which is read outside the async worker threads.
async fn next(mut batches: Batches) -> Result<(Batches, Option<RecordBatch>)> {
    blocking(move || {
        let batch = batches.next().map(read).transpose()?;
        Ok((batches, batch))
    })
    .await
}

fn read<T>(read: fortilake_sink::Result<T>) -> Result<T> {
    read.map_err(|error| Error::new(Kind::Sinks, "the changes cannot be read").with_source(error))
}

impl Drift {
    fn add(&mut self, other: Self) {
        self.unknown_fields += other.unknown_fields;
        self.misfits += other.misfits;
        self.duplicates += other.duplicates;
    }
}
