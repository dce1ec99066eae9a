//! Records as they are stored, in any database.

use std::sync::Arc;

use super::{
    Record, RecordKind,
    compression::{decompress, uncompressed},
};
use crate::{Result, checksum::Checksum};

/// The lowest bit of the crawl's number in a [`PageId`]. The bits below are the sequence.
const CRAWL: u32 = 32;

/// The `kind` of notes, which are stored in another table.
pub(crate) const NOTE: i64 = 2;

/// How many records to read at once …
pub(crate) const READ_RECORDS: usize = 256;

/// … and about how many bytes of text.
pub(crate) const READ_BYTES: usize = 4 << 20;

/// Whether a key belongs to a note. A call's key begins with the name of a source, so it never
/// begins with a blank.
pub(crate) fn is_note(key: &str) -> bool {
    key.starts_with(' ')
}

/// The primary key of a record: the crawl's number and the record's sequence within the crawl.
///
/// Both are in one integer, so that databases store a crawl's pages together and in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PageId(pub(crate) i64);

impl PageId {
    pub(crate) fn new(crawl: i64, sequence: i64) -> Self {
        Self((crawl << CRAWL) + sequence)
    }

    /// The place before the first record of the crawl. Sequences begin at 1.
    pub(crate) fn before(crawl: i64) -> Self {
        Self::new(crawl, 0)
    }

    /// The last place that a record of the crawl can have.
    pub(crate) fn end(crawl: i64) -> Self {
        Self::new(crawl, i64::from(u32::MAX))
    }

    pub(crate) fn next(self) -> Self {
        Self(self.0 + 1)
    }

    pub(crate) fn crawl(self) -> i64 {
        self.0 >> CRAWL
    }

    pub(crate) fn sequence(self) -> i64 {
        self.0 & i64::from(u32::MAX)
    }
}

/// A record as it is stored.
pub(crate) struct Stored {
    pub(crate) key: Arc<str>,
    pub(crate) kind: i64,
    pub(crate) observed_at: i64,
    /// The length of the text in bytes.
    pub(crate) size: i64,
    /// The text, compressed with zstd.
    pub(crate) body: Vec<u8>,
}

impl Stored {
    /// Compresses a record.
    pub(crate) fn new(
        key: Arc<str>,
        record: &Record,
        compressor: &mut zstd::bulk::Compressor<'_>,
    ) -> Result<Self> {
        let body = compressor
            .compress(record.body.as_bytes())
            .map_err(uncompressed)?;
        Ok(Self {
            key,
            kind: match record.kind {
                RecordKind::Page => 0,
                RecordKind::Failure => 1,
                RecordKind::Note => NOTE,
            },
            observed_at: record.observed_at,
            size: record.body.len().try_into().unwrap_or(i64::MAX),
            body,
        })
    }

    /// The checksum of a page at this place.
    pub(crate) fn checksum(&self, place: PageId) -> i64 {
        Checksum::of("pages")
            .int(place.0)
            .text(&self.key)
            .int(self.kind)
            .int(self.observed_at)
            .int(self.size)
            .bytes(&self.body)
            .finish()
    }

    /// Decodes the record. `None` if it is damaged or, with a correct checksum, if another version
    /// of this crate wrote it.
    pub(crate) fn record(&self) -> Option<Record> {
        let kind = match self.kind {
            0 => RecordKind::Page,
            1 => RecordKind::Failure,
            NOTE => RecordKind::Note,
            _ => return None,
        };
        let body = decompress(&self.body, usize::try_from(self.size).ok()?).ok()?;
        Some(Record {
            kind,
            body: String::from_utf8(body).ok()?.into(),
            observed_at: self.observed_at,
        })
    }
}

/// The checksum of a note.
pub(crate) fn note_checksum(crawl: i64, key: &str, size: i64, body: &[u8]) -> i64 {
    Checksum::of("notes")
        .int(crawl)
        .text(key)
        .int(size)
        .bytes(body)
        .finish()
}
