//! The [`Sink`] trait, what the crawler passes to a sink, and what the sink returns.

use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use serde::Serialize;

use crate::{Crawl, MemoryStore, Outcome, Result, ScopeId, Store};

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
    /// The columns. A field's metadata holds its `description`.
    pub schema: SchemaRef,
    /// The names of the columns whose values together are unique within a snapshot. Two nulls count as equal. Empty for
    /// a table without a key.
    pub key: Vec<String>,
    /// Whether different scopes may list the same key.
    pub key_in: KeyIn,
}

/// Whether several scopes may list the same row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyIn {
    /// A row belongs to the one scope that listed it.
    Scope,
    /// Several scopes may list the same row, as units may list one account. It is delivered with the first of them.
    Table,
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
    /// What to do if publishing would remove rows because scopes failed; `None` is the sink's own rule.
    pub partial: Option<Partial>,
    /// An existing folder for temporary files such as spooled rows; `None` is the system's temporary folder.
    ///
    /// The system's folder is often in memory and too small for a table, so the caller names one next to its state.
    /// A sink removes its files when it ends. Where possible it uses unnamed files, which vanish with the process.
    pub scratch: Option<PathBuf>,
}

/// What to do with a crawl in which scopes failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partial {
    /// Publish the crawl without the rows of failed scopes.
    Publish,
    /// Do not publish; `finish` fails with [`Kind::Refused`](crate::Kind::Refused).
    Refuse,
}

impl Context {
    /// A context of `crawl` with `tables`, a new [`MemoryStore`], and defaults for the rest.
    pub fn new(crawl: Crawl, tables: Vec<Arc<TableSpec>>) -> Self {
        Self {
            crawl,
            tables,
            store: Arc::new(MemoryStore::default()),
            partial: None,
            scratch: None,
        }
    }

    /// The same context with another store.
    #[must_use]
    pub fn with_store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = store;
        self
    }

    /// The same context with a rule for crawls in which scopes failed.
    #[must_use]
    pub fn with_partial(mut self, partial: Option<Partial>) -> Self {
        self.partial = partial;
        self
    }

    /// The same context with a folder for temporary files.
    #[must_use]
    pub fn with_scratch(mut self, scratch: Option<PathBuf>) -> Self {
        self.scratch = scratch;
        self
    }
}

/// Rows of one table from one scope. A sink never gets an empty batch.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The table, one of [`Context::tables`].
    pub table: Arc<TableSpec>,
    /// The scope that the rows are from.
    pub scope: Arc<ScopeId>,
    /// The number of this batch among those of the same table and scope, from 0 without gaps.
    pub piece: u32,
    /// Whether the rows were read in this crawl. A sink that sends batches at once can skip carried rows that it sent
    /// for the earlier crawl.
    pub origin: Origin,
    /// The rows, with the columns of the table's schema.
    pub records: RecordBatch,
}

/// Which crawl read the rows of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// This crawl.
    Read,
    /// An earlier crawl, because the scope was not read in this one.
    Carried {
        /// The id of that crawl.
        crawl: String,
    },
}

impl Batch {
    /// The batch's id, `edition/scope/table/piece`. Equal ids mean equal rows, in every delivery of the crawl.
    ///
    /// So a destination that remembers ids can drop batches that it already has.
    pub fn id(&self, crawl: &Crawl) -> String {
        let scope = self.scope.text();
        format!(
            "{}/{scope}/{}/{}",
            crawl.edition, self.table.name, self.piece
        )
    }
}

/// A sink's confirmation that the crawl is stored durably, with what to report about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// Where it is, as a path or URL for people.
    pub location: String,
    /// The name of the snapshot, if the destination has snapshots.
    pub snapshot: Option<String>,
    /// Whether the destination has a newer crawl.
    pub standing: Standing,
    /// The number of rows in all tables.
    pub rows: u64,
    /// The number of files or requests.
    pub files: u64,
    /// The number of bytes, as stored or sent.
    pub bytes: u64,
}

/// Whether a crawl is the newest at its destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// The crawl is the newest.
    Latest,
    /// The crawl is published, but the destination has a newer one, which readers see by default.
    Behind,
}
