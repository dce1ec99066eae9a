//! Journals: the records of what a crawl's calls returned.

mod archive;
mod memory;
mod stored;
#[cfg(test)]
mod tests;
mod writer;

use std::sync::Arc;

pub use self::{archive::Archive, memory::MemoryJournal, stored::CrawlJournal};
use crate::{Record, Result};

/// The records of a crawl with their keys, in the order in which the keys were first appended.
pub type Records<'a> = Box<dyn Iterator<Item = Result<(Arc<str>, Record)>> + Send + 'a>;

/// Stores the outcomes of a crawl's calls, each under a key that identifies the call.
///
/// # Errors
///
/// Once writing a record has failed, the journal accepts no more records: every later `append` and
/// `flush` returns the same error. Otherwise the journal could have gaps.
pub trait Journal: Send + Sync {
    /// Adds a record. A second record with the same key replaces the first, in the same position.
    ///
    /// The key of a note begins with a blank, and no other key does.
    ///
    /// It returns before the record is on disk, so a kill may lose it; see [`flush`](Self::flush).
    /// It waits only if too many records are not written yet.
    fn append(&self, key: &str, record: Record) -> Result<()>;

    /// Waits until all appended records survive a kill and a power failure.
    fn flush(&self) -> Result<()>;

    /// The record with this key, even if it is not written yet; `None` if there is none.
    fn read(&self, key: &str) -> Result<Option<Record>>;

    /// All pages and failures appended so far, in order. Do not rely on notes being included or
    /// not. A journal on disk reads a few records at a time.
    fn records(&self) -> Result<Records<'_>>;
}
