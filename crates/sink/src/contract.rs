//! The [`Sink`] trait, what the crawler passes to a sink, and what the sink returns.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{MemoryStore, Result, Store};

/// A destination of one crawl.
///
/// The caller opens a sink through its [`Descriptor`](crate::Descriptor), writes batches one after another, and then
/// calls exactly one of [`finish`](Sink::finish) and [`abort`](Sink::abort), which consume the sink.
/// If a sink is dropped instead, it should clean up as in `abort`, but data may stay behind until the next open.
///
/// [`Spec::open`](crate::Spec::open) wraps every sink in [`Checked`](crate::Checked), which enforces the rules that do
/// not depend on the destination: known tables and columns, the order of pieces, totals, and no use after an error. The
/// test suite in `conformance`, a feature of this crate, checks the other rules.
///
/// # What is delivered
///
/// A [`Batch`] holds rows of one table from one scope. A scope is one endpoint, asked about one subject.
/// A scope is delivered whole or not at all, and every row of the crawl is in exactly one batch.
/// The [`Outcome`] comes last. It lists every scope with its result, and says which rows may be deleted.
/// By returning a [`Receipt`], the sink confirms that everything is stored durably at the destination.
///
/// # Order
///
/// Batches of one scope arrive together, and batches of one table arrive in the order of their pieces.
/// Once another scope has started, a scope does not continue.
/// Scopes arrive in the order of the crawl's handover log, which is the same in every delivery; `coverage` is last.
/// A scope arrives only when it is complete or carried, and when its pages are durable in the journal.
///
/// # Repetition
///
/// After a pause, a crash or a failure, and on replay, the whole crawl is delivered again, with the same ids for the
/// same rows. So a sink may find what an earlier sink of the same crawl left, finished or not. The output of a batch
/// must be deterministic: the same ids and the same content each time, without delivery times or random numbers.
/// An atomic sink replaces what it finds. An at-least-once sink skips what its [`Store`] lists as delivered.
///
/// # Visibility
///
/// Before [`finish`](Sink::finish), a sink only adds, and an atomic sink adds nothing that readers can see.
/// Everything that removes or replaces something (deleted rows, closed tickets, replaced files, a moved pointer)
/// happens in `finish`, because only then is the outcome frozen and the guard passed.
/// A sink's [`Delivery`](crate::Delivery) says what readers can see and when.
///
/// # Back-pressure
///
/// [`write`](Sink::write) returns when the sink can take the next batch, and the delivery waits for it.
/// A sink uses a bounded amount of memory for any number of rows, and otherwise waits for its destination.
///
/// # Errors
///
/// [`Error::kind`](crate::Error::kind) says what the caller can do, and
/// [`Error::is_transient`](crate::Error::is_transient) says whether delivering the crawl again later can help.
/// The sink itself makes all retries, because only it knows whether its destination stored part of a request.
/// After an error, the only call left is `abort`.
///
/// # Examples of destinations
///
/// **Files in a folder or bucket** ([`Atomic`](crate::Delivery::Atomic)): every batch is appended to one invisible file
/// per table. `finish` makes the files durable, commits a manifest under a name that only this crawl owns, and moves
/// the pointer forward in one step. Scopes matter only for the manifest, which contains [`Outcome::summary`]. A replay
/// of a published crawl writes nothing and repairs the pointer.
///
/// **A message receiver** ([`AtLeastOnce`](crate::Delivery::AtLeastOnce)): the sink sends each batch under its
/// [`Batch::id`], or slices of it that are cut in the same way each time. It adds an id to its [`Store`] once the
/// receiver has acknowledged it, and removes all ids after the last message. That message is [`Outcome::summary`], the
/// same in every delivery. If a batch has [`Origin::Carried`], the receiver has had the rows before.
///
/// **A program or a pipe** (`AtLeastOnce`): programs get whole tables, so the sink spools batches to a file and starts
/// programs in `finish`. It remembers finished tables under [`Crawl::edition`](crate::Crawl::edition), because another
/// edition has other rows. A pipe has no memory; its reader trusts it only if the last line is the summary.
///
/// **A database** (`Atomic`), such as Postgres: `open` claims a row for the crawl in a short transaction. Batches are
/// spooled to a file, because no transaction may stay open for the hours that a crawl can take. Each row has its scope
/// in a column. `finish` is one transaction. It loads the spool, then deletes rows that were not delivered and whose
/// scope [`may_delete`](Outcome::may_delete). For a table with [`KeyIn::Table`], the endpoint must also be
/// [settled](Outcome::is_settled). It then upserts the delivered rows and records the crawl under its name. It skips
/// scopes that a newer crawl has replaced, so an older crawl that is delivered late changes nothing. If the response to
/// the commit is lost, the recorded crawl shows whether the commit happened.
///
/// **A table format**: the sink writes files like a folder sink and registers them in a catalog under the snapshot's
/// name, so that a repeated `finish` finds what is registered. A format with one catalog for all tables (`ducklake`) is
/// `Atomic`. A format with a log per table (`delta`) is [`AtomicPerTable`](crate::Delivery::AtomicPerTable): after a
/// crash between two tables, the next `finish` registers the missing ones.
///
/// **A document** (`Atomic`), such as a spreadsheet: batches are spooled. `finish` writes a temporary file next to the
/// document, syncs it and renames it. The snapshot's name is stored in the document's properties, so an older crawl
/// that is delivered late leaves the document alone.
///
/// **A ticket system** (`AtLeastOnce`): there are no transactions, so `write` only opens and updates tickets. It
/// identifies them by table and key, labels them with the scope, and respects the system's rate limit. `finish` closes
/// open tickets that were not delivered and whose scope `may_delete`. The system has no snapshots, so the sink keeps
/// the names of crawls in its [`Store`] and does nothing for a crawl that is older than the newest one.
#[async_trait]
pub trait Sink: Send {
    /// Takes the whole batch, or fails.
    ///
    /// # Cancellation
    ///
    /// After a dropped call, as after an error, the sink accepts no more calls except `abort`.
    async fn write(&mut self, batch: &Batch) -> Result<()>;

    /// Makes the crawl visible and durable. When it returns, readers can see the crawl at the receipt's location.
    ///
    /// It must be repeatable: an earlier call for the same crawl may have been dropped or have failed, or its response
    /// may have been lost, so the work may be partly or fully done. Every table of the [`Context`] is published,
    /// including those without rows.
    ///
    /// # Cancellation
    ///
    /// After a dropped call, the caller does not know whether the crawl was published. An atomic sink has published all
    /// or nothing, or will shortly, and the next sink of the same crawl completes it in either case.
    async fn finish(self: Box<Self>, outcome: &Outcome) -> Result<Receipt>;

    /// Removes everything of this crawl that readers cannot see.
    ///
    /// It is also called when the crawl pauses, so the sink keeps the name that it claimed for the crawl.
    async fn abort(self: Box<Self>) -> Result<()>;
}

/// A table's name, description, columns and key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSpec {
    /// The name, such as `products`, in lower-case letters, digits and `_`.
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

/// What a sink gets when it is opened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Context {
    /// The crawl that is delivered.
    pub crawl: Crawl,
    /// All tables of the crawl. Each one is published, even without rows, and no batch is of another table.
    pub tables: Vec<Arc<TableSpec>>,
    /// The sink's persistent memory. Only this sink reads and writes it.
    pub store: Arc<dyn Store>,
}

impl Context {
    /// A context of `crawl` with `tables`, a new [`MemoryStore`], and defaults for the rest.
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

/// Rows of one table from one scope. A sink never gets an empty batch.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The table, one of [`Context::tables`].
    pub table: Arc<TableSpec>,
    /// The number of the batch within its table, from 0.
    pub sequence: u64,
    /// The rows, in the columns of the table's schema.
    pub records: RecordBatch,
}

impl Batch {
    /// The batch's id, `edition/scope/table/piece`. Equal ids mean equal rows, in every delivery of the crawl.
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
    /// Where it is, as a path or URL for people.
    pub location: String,
    /// Rows over all tables.
    pub rows: u64,
    /// The number of files or requests.
    pub files: u64,
    /// The number of bytes, as stored or sent.
    pub bytes: u64,
}
