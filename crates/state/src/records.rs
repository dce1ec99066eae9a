//! The records of crawls: the outcomes of calls, and notes.

mod compression;
mod stored;

use std::sync::Arc;

pub(crate) use self::{
    compression::compressor,
    stored::{NOTE, PageId, READ_BYTES, READ_RECORDS, Stored, is_note, note_checksum},
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
