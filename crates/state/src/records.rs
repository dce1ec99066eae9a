//! The records of crawls in the state file: the outcomes of calls, and notes.

mod compression;
mod note;
pub(crate) mod page;

use std::sync::Arc;

pub(crate) use self::{
    compression::compressor,
    note::{check_notes, remove_notes},
    page::{check_pages, last_sequence, newest, remove_pages},
};

/// The outcome of a call, or a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What the record contains.
    pub kind: RecordKind,
    /// The page as received, with secrets removed; for a failure or a note, the crawler's own
    /// format.
    pub body: Arc<str>,
    /// When the call was answered, in microseconds of Unix time; 0 for a note that is read from
    /// disk.
    pub observed_at: i64,
}

/// The kind of a [`Record`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordKind {
    /// The page that a call returned.
    Page,
    /// A call failed finally and is not retried in this crawl.
    Failure,
    /// Something else that the crawl stores, such as the order in which scopes were delivered.
    Note,
}
