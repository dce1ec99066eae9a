//! What the crawl hands to a sink, and what a sink answers.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{MemoryStore, Result, Store};

/// A destination of one crawl.
///
/// The caller opens a sink through its [`Descriptor`](crate::Descriptor), writes batches one after the other in
/// journal order, and ends with exactly one of [`finish`](Sink::finish) and [`abort`](Sink::abort).
/// Dropping a sink is an abort without a promise: what was written may stay behind until the next open.
///
/// After any error the sink is spent: `finish` then fails too, and `abort` is what is left to do.
#[async_trait]
pub trait Sink: Send {
    /// Takes the whole batch, or fails as a whole.
    ///
    /// Nothing of it is visible to readers before [`finish`](Sink::finish).
    ///
    /// # Cancellation
    ///
    /// A sink whose `write` was dropped half-way is spent, as after an error.
    async fn write(&mut self, batch: &Batch) -> Result<()>;

    /// Makes everything visible and says where it is.
    ///
    /// `outcome` says what became of the crawl; every table of the [`Context`] is delivered, also those without rows.
    ///
    /// # Cancellation
    ///
    /// Publishing that has begun runs on; a dropped future only loses the receipt.
    async fn finish(self: Box<Self>, outcome: &Outcome) -> Result<Receipt>;

    /// Takes everything back.
    async fn abort(self: Box<Self>) -> Result<()>;
}

/// A table as the sinks see it: its name, what a row is, and the columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSpec {
    /// The name, such as `products`; lower-case letters, digits and `_`.
    pub name: String,
    /// What a row is, in one sentence.
    pub summary: String,
    /// The columns that together are unique within a snapshot; empty for a table without a key.
    pub key: Vec<String>,
    /// The columns. A field's metadata holds its `description`.
    pub schema: SchemaRef,
}

/// The crawl that fills the sinks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crawl {
    /// The crawl's id.
    pub id: String,
    /// The name of the snapshot that the crawl makes: its start as `YYYYMMDDTHHMMSSZ`.
    pub snapshot: String,
    /// When the crawl started, as in RFC 3339.
    pub started_at: String,
    /// The program and its version, such as `fortilake 0.1.0`.
    pub generator: String,
}

/// What a sink learns when it is opened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Context {
    /// The crawl.
    pub crawl: Crawl,
    /// All tables of the crawl; no other will come.
    pub tables: Vec<Arc<TableSpec>>,
    /// What the sink may remember beyond this process; nobody else reads or writes it.
    pub store: Arc<dyn Store>,
}

impl Context {
    /// A context of `crawl` with `tables`, and a [`MemoryStore`] that is forgotten with it.
    pub fn new(crawl: Crawl, tables: Vec<Arc<TableSpec>>) -> Self {
        Self {
            crawl,
            tables,
            store: Arc::new(MemoryStore::default()),
        }
    }

    /// The same context with another store.
    #[must_use]
    pub fn with_store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = store;
        self
    }
}

/// Some rows of one table.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The table, one of the [`Context`]'s.
    pub table: Arc<TableSpec>,
    /// The number of the batch within its table, from 0.
    pub sequence: u64,
    /// The rows, in the columns of the table's schema.
    pub records: RecordBatch,
}

impl Batch {
    /// An id that is the same whenever the same crawl is delivered: `crawl/table/sequence`.
    ///
    /// A destination that remembers ids can drop what it has already taken.
    pub fn id(&self, crawl_id: &str) -> String {
        format!("{crawl_id}/{}/{}", self.table.name, self.sequence)
    }
}

/// What became of the crawl.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Whether every scope closed, so that no row is missing.
    pub complete: bool,
    /// How many scopes closed and how many failed.
    pub scopes: Scopes,
    /// The scopes that failed, and why.
    pub failed: Vec<FailedScope>,
    /// How many rows were written to each table.
    pub tables: Vec<TableTotal>,
    /// When the last row was there, as in RFC 3339.
    pub finished_at: String,
}

/// Counts of scopes: pairs of an endpoint with an account or organizational unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scopes {
    /// Those whose rows are all there.
    pub complete: u64,
    /// Those whose rows are missing.
    pub failed: u64,
}

/// A scope whose rows are missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedScope {
    /// The source's name in the configuration.
    pub source: String,
    /// The endpoint that failed, such as `products/list`.
    pub endpoint: String,
    /// The account that was asked for, if any.
    pub account_id: Option<i64>,
    /// The organizational unit that was asked for, if any.
    pub ou_id: Option<i64>,
    /// Why it failed.
    pub error: String,
}

/// The number of rows written to a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableTotal {
    /// The table's name.
    pub table: String,
    /// Its rows.
    pub rows: u64,
}

/// What a sink delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// Where it is: a path, a URL.
    pub location: String,
    /// Rows over all tables.
    pub rows: u64,
    /// Files or requests.
    pub files: u64,
    /// Bytes, as stored or sent.
    pub bytes: u64,
}
