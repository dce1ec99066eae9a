//! What a database does for a [`State`](crate::State).
//!
//! The seam is above SQL and not below it: the databases differ in how a process is known to live,
//! in their clocks and in their locks, and hardly in their statements. What they share is above this
//! trait (the journal's queue, the archive) or beside it: the format of pages, and the ledger's
//! decisions.
//!
//! All methods block, except those of the ledger and of the tokens.

use std::{path::Path, sync::Arc};

use fortilake_auth::TokenStore;
use fortilake_client::ledger::{Ledger, PastError};

use crate::{
    Baseline, Crawl, NewCrawl, OnCorrection, Record, Result, Status,
    records::{PageId, Stored},
};

/// A database that stores everything that survives a process.
pub(crate) trait Backend: Ledger + TokenStore {
    /// The state file; `None` if the state is on a server.
    fn file(&self) -> Option<&Path>;

    /// The database's name for messages, without secrets.
    fn name(&self) -> String;

    /// How many bytes the state occupies.
    fn size(&self) -> Result<u64>;

    /// The date and time, in microseconds of Unix time.
    fn now(&self) -> Result<i64>;

    /// As [`State::on_correction`](crate::State::on_correction).
    fn on_correction(&self, listener: OnCorrection);

    /// As [`State::check`](crate::State::check).
    fn check(&self) -> Result<()>;

    /// As [`State::last_errors`](crate::State::last_errors).
    fn last_errors(&self) -> Result<Vec<PastError>>;

    /// All crawls, newest first.
    fn crawls(&self) -> Result<Vec<Crawl>>;

    /// Adds a crawl, and holds it for this process.
    fn begin(&self, new: &NewCrawl) -> Result<Box<dyn CrawlLease>>;

    /// Holds an existing crawl for this process.
    fn take_up(&self, id: &str) -> Result<Box<dyn CrawlLease>>;

    /// Removes a crawl with its journal.
    fn remove_crawl(&self, id: &str) -> Result<()>;

    /// The delivery states of the crawl with this number, sorted by sink.
    fn deliveries(&self, crawl: i64) -> Result<Vec<(String, String)>>;

    /// The newest time among the crawl's last records.
    fn newest_record(&self, crawl: i64) -> Result<Option<i64>>;

    /// Reads the records of crawls.
    fn reader(&self) -> Result<Box<dyn RecordReader>>;

    /// The baseline with this key.
    fn baseline(&self, key: &str) -> Result<Option<Baseline>>;

    /// The keys of all baselines, sorted.
    fn baseline_keys(&self) -> Result<Vec<String>>;

    /// Stores a baseline.
    fn set_baseline(&self, key: &str, baseline: &Baseline) -> Result<()>;

    /// Checks the values of all sinks.
    fn check_sink_values(&self) -> Result<()>;

    /// A sink's value.
    fn sink_value(&self, sink: &str, key: &str) -> Result<Option<Vec<u8>>>;

    /// Stores or, without a value, deletes a sink's value.
    fn set_sink_value(&self, sink: &str, key: &str, value: Option<&[u8]>) -> Result<()>;

    /// The keys of a sink's values, sorted.
    fn sink_keys(&self, sink: &str) -> Result<Vec<String>>;
}

/// A crawl that this process holds. Dropping it lets other processes open the crawl.
pub(crate) trait CrawlLease: Send + Sync {
    /// The crawl's number.
    fn number(&self) -> i64;

    /// Writes the crawl's records.
    fn writer(&self) -> Result<Box<dyn RecordWriter>>;

    /// Sets the status and, if there is one, the summary.
    fn set_status(&self, status: Status, summary: Option<&str>) -> Result<()>;

    /// Stores the delivery state of a sink.
    fn set_delivery(&self, sink: &str, text: &str) -> Result<()>;
}

/// Writes the records of one crawl.
pub(crate) trait RecordWriter: Send {
    /// Writes records in one transaction. On return they survive a power failure.
    fn write(&mut self, rows: &[Stored]) -> Result<()>;
}

/// Reads the records of any crawl.
pub(crate) trait RecordReader: Send {
    /// The record with this key.
    fn read(&mut self, crawl: i64, key: &str) -> Result<Option<Record>>;

    /// The next records after a place and up to `last`, limited by number and bytes.
    fn read_some(&mut self, after: PageId, last: PageId)
    -> Result<Vec<(PageId, Arc<str>, Record)>>;

    /// The number of pages and failures of a crawl, which is the sequence of the last one.
    fn last_sequence(&mut self, crawl: i64) -> Result<i64>;
}
