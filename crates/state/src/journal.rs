//! The journal of pages.

mod archive;
mod memory;
mod page;
mod stored;
#[cfg(test)]
mod tests;
mod writer;

use std::sync::Arc;

pub(crate) use self::page::{check_pages, last_sequence, remove_pages};
pub use self::{archive::Archive, memory::MemoryJournal, stored::CrawlJournal};
use crate::Result;

/// What a call has ended with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// How it ended.
    pub kind: RecordKind,
    /// The page as it was received, secrets already gone; or the failure in the crawler's words.
    pub body: Arc<str>,
    /// When that was, in microseconds of Unix time.
    pub observed_at: i64,
}

/// How a call has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordKind {
    /// With an answer.
    Page,
    /// For good, without one.
    Failure,
}

/// The records of a crawl with their keys, in the order in which they came.
pub type Records<'a> = Box<dyn Iterator<Item = Result<(Arc<str>, Record)>> + Send + 'a>;

/// Keeps what calls have ended with, under the name of the call.
///
/// # Errors
///
/// A journal that has failed to keep a record keeps no more; every later call of `append` and
/// `flush` tells why.
pub trait Journal: Send + Sync {
    /// Keeps a record; a second record of the same key takes the place of the first.
    ///
    /// It returns at once. What a journal on disk has not written yet, a kill may lose.
    fn append(&self, key: &str, record: Record) -> Result<()>;

    /// Waits until everything that was appended outlasts a kill and a power cut.
    fn flush(&self) -> Result<()>;

    /// The record of this key, also if it was appended just now.
    fn read(&self, key: &str) -> Result<Option<Record>>;

    /// All records that were appended before, first to last, a few in memory at a time.
    fn records(&self) -> Result<Records<'_>>;

    /// The record is published and will not be read again in this process.
    fn release(&self, key: &str);
}
