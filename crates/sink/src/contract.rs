//! What the crawl hands to a sink, and what a sink answers.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{MemoryStore, Result, Store};

/// A destination of one crawl.
///
/// The caller opens a sink through its [`Descriptor`](crate::Descriptor), writes batches one after the other, and
/// ends with exactly one of [`finish`](Sink::finish) and [`abort`](Sink::abort), which consume the sink.
/// Dropping a sink is an abort without a promise: what was written may stay behind until the next open.
///
/// The suite in `conformance`, a feature of this crate, holds a sink to what follows.
///
/// # What is delivered
///
/// A [`Batch`] is some rows of one table; every row of the crawl is in exactly one batch.
/// The [`Outcome`] comes last and says whether rows are missing, and how many there are in each table.
/// The [`Receipt`] is the sink's word that all of it is at the destination to stay: a sink that cannot say so yet waits,
/// and one that cannot say so at all fails.
///
/// # Order and ids
///
/// The batches of a table come in the order of their numbers, without a gap, and those of different tables in between.
/// Two deliveries of one crawl hand over the same batches in the same order, whatever happened to the first:
/// the order is that of the journal, not of the answers of a server.
/// So [`Batch::id`] means the same rows each time, and what a sink makes of one batch has to have the same ids and
/// content each time too, with no clock and no random number in them.
///
/// # The same again
///
/// A crawl comes again when it was interrupted, when a sink had failed, and when a user replays it, and it comes whole.
/// A sink may therefore be opened over what an earlier one of the same crawl has left, finished or not.
/// An atomic sink replaces that; one that delivers at least once repeats itself with the same ids,
/// leaving out what it knows from its [`Store`] to be there.
///
/// # What is visible when
///
/// It depends on the [`Delivery`](crate::Delivery) that the sink declares.
/// Of an atomic sink readers see nothing before [`finish`](Sink::finish), then everything, and after an
/// [`abort`](Sink::abort) nothing.
/// Of one that delivers at least once they may see batches at once, and those stay if it is aborted;
/// only the outcome, which such a sink hands on, tells them that they have a whole snapshot.
///
/// # Back-pressure
///
/// [`write`](Sink::write) returns when the sink can take the next batch, and the crawl waits for it.
/// A sink keeps a bounded amount in memory, however many rows there are, and waits for its destination beyond that.
/// Each sink has a task and a queue of its own, which goes on in a temporary file, so a slow one delays no other.
///
/// # Errors
///
/// [`Error::kind`](crate::Error::kind) says what can be done about it, and
/// [`Error::is_transient`](crate::Error::is_transient) whether delivering the crawl later can help.
/// A sink makes all tries itself that are worth making: only it knows whether its destination took half of something.
/// After an error it is spent: `finish` fails too, and `abort` is what is left to do.
#[async_trait]
pub trait Sink: Send {
    /// Takes the whole batch, or fails as a whole.
    ///
    /// # Cancellation
    ///
    /// A sink whose `write` was dropped half-way is spent, as after an error.
    async fn write(&mut self, batch: &Batch) -> Result<()>;

    /// Makes everything visible and says where it is; when it returns, readers see it.
    ///
    /// `outcome` says what became of the crawl; every table of the [`Context`] is delivered, also those without rows.
    ///
    /// # Cancellation
    ///
    /// The caller does not know then whether anything was published: an atomic sink has published all or nothing,
    /// or does so soon, and the next one of the same crawl makes it whole in either case.
    async fn finish(self: Box<Self>, outcome: &Outcome) -> Result<Receipt>;

    /// Takes back what readers do not see yet, and leaves nothing behind that nobody needs.
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

/// Some rows of one table; how many is the crawl's choice, and none is possible.
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
///
/// Rows of a scope that failed are not there at all: a scope is delivered whole or not.
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

/// A sink's word that everything is where it should be, to stay.
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
