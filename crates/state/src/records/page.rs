//! The table `pages`: reading and writing records.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row};

use super::{
    Record, RecordKind,
    compression::{decompress, uncompressed},
    note,
};
use crate::{Result, checksum, checksum::Checksum, error::OperationError};

/// The lowest bit of the crawl's number in a [`PageId`]. The bits below are the sequence.
const CRAWL: u32 = 32;

/// The `kind` of notes, which are stored in another table.
const NOTE: i64 = 2;

/// The columns that [`Stored::read`] expects, in this order.
const COLUMNS: &str = "place, key, kind, observed_at, size, checksum, body";

/// The primary key of a record: the crawl's number and the record's sequence within the crawl.
///
/// Both are in one integer, so that `SQLite` stores a crawl's pages together and in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PageId(i64);

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

    /// Writes the record, replacing one with the same key, or at the place `next`. Returns the
    /// place; `None` for a note.
    pub(crate) fn write(
        &self,
        connection: &Connection,
        crawl: i64,
        next: PageId,
    ) -> rusqlite::Result<Option<PageId>> {
        if self.kind == NOTE {
            note::write(connection, crawl, &self.key, self.size, &self.body)?;
            return Ok(None);
        }
        let place = find(connection, crawl, &self.key)?.unwrap_or(next);
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO pages
                     (place, hash, key, kind, observed_at, size, checksum, body)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute((
                place.0,
                checksum::hash(&self.key),
                &*self.key,
                self.kind,
                self.observed_at,
                self.size,
                self.checksum(place),
                &self.body,
            ))?;
        Ok(Some(place))
    }

    /// Reads a row of [`COLUMNS`] and compares its checksum.
    fn read(row: &Row<'_>) -> Result<(PageId, Self), OperationError> {
        let place = PageId(row.get(0)?);
        let stored = Self {
            key: row.get::<_, String>(1)?.into(),
            kind: row.get(2)?,
            observed_at: row.get(3)?,
            size: row.get(4)?,
            body: row.get(6)?,
        };
        if stored.checksum(place) != row.get::<_, i64>(5)? {
            return Err(damaged(place));
        }
        Ok((place, stored))
    }

    fn checksum(&self, place: PageId) -> i64 {
        Checksum::of("pages")
            .int(place.0)
            .text(&self.key)
            .int(self.kind)
            .int(self.observed_at)
            .int(self.size)
            .bytes(&self.body)
            .finish()
    }

    /// Decodes the record. Its checksum was correct, so this fails only if another version of this
    /// crate wrote it.
    fn record(&self, place: PageId) -> Result<Record, OperationError> {
        let kind = match self.kind {
            0 => RecordKind::Page,
            1 => RecordKind::Failure,
            _ => return Err(damaged(place)),
        };
        let size = usize::try_from(self.size).map_err(|_| damaged(place))?;
        let body = decompress(&self.body, size).map_err(|_| damaged(place))?;
        let body = String::from_utf8(body).map_err(|_| damaged(place))?;
        Ok(Record {
            kind,
            body: body.into(),
            observed_at: self.observed_at,
        })
    }
}

fn damaged(place: PageId) -> OperationError {
    let (crawl, sequence) = (place.0 >> CRAWL, place.sequence());
    OperationError::Damaged(format!(
        "page {sequence} of crawl {crawl} is missing or not readable"
    ))
}

/// The place of the record with this key.
pub(crate) fn find(
    connection: &Connection,
    crawl: i64,
    key: &str,
) -> rusqlite::Result<Option<PageId>> {
    connection
        .prepare_cached(
            "SELECT place FROM pages WHERE hash = ? AND place BETWEEN ? AND ? AND key = ?",
        )?
        .query_row(
            (
                checksum::hash(key),
                PageId::before(crawl).0,
                PageId::end(crawl).0,
                key,
            ),
            |row| row.get(0).map(PageId),
        )
        .optional()
}

/// The record with this key.
pub(crate) fn read(
    connection: &Connection,
    crawl: i64,
    key: &str,
) -> Result<Option<Record>, OperationError> {
    if note::is_note(key) {
        return note::read(connection, crawl, key);
    }
    let sql =
        format!("SELECT {COLUMNS} FROM pages WHERE hash = ? AND place BETWEEN ? AND ? AND key = ?");
    let mut statement = connection.prepare_cached(&sql)?;
    let (first, last) = (PageId::before(crawl), PageId::end(crawl));
    let mut rows = statement.query((checksum::hash(key), first.0, last.0, key))?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let (place, stored) = Stored::read(row)?;
    stored.record(place).map(Some)
}

/// The next records after a place and up to `last`, limited by number and bytes.
pub(crate) fn read_some(
    connection: &Connection,
    after: PageId,
    last: PageId,
) -> Result<Vec<(PageId, Arc<str>, Record)>, OperationError> {
    const RECORDS: usize = 256;
    const BYTES: usize = 4 << 20;
    let sql = format!("SELECT {COLUMNS} FROM pages WHERE place > ? AND place <= ? ORDER BY place");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query((after.0, last.0))?;
    let (mut records, mut bytes, mut before) = (Vec::new(), 0, after);
    while before < last && records.len() < RECORDS && bytes < BYTES {
        // A damaged tree may end early or lack rows, and sequences have no gaps. So a gap is
        // damage.
        let expected = before.next();
        let row = rows.next()?.ok_or_else(|| damaged(expected))?;
        let (place, stored) = Stored::read(row)?;
        if place != expected {
            return Err(damaged(expected));
        }
        before = place;
        let record = stored.record(place)?;
        bytes += record.body.len();
        records.push((place, stored.key, record));
    }
    Ok(records)
}

/// The number of pages and failures of a crawl, which is the sequence of the last one.
pub(crate) fn last_sequence(connection: &Connection, crawl: i64) -> Result<i64, OperationError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM pages WHERE place BETWEEN ? AND ? ORDER BY place DESC LIMIT 1"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query((PageId::before(crawl).0, PageId::end(crawl).0))?;
    match rows.next()? {
        Some(row) => Ok(Stored::read(row)?.0.sequence()),
        None => Ok(0),
    }
}

/// Deletes some records of a crawl, so that others can write in between. Returns whether any were
/// deleted.
pub(crate) fn remove_pages(connection: &Connection, crawl: i64) -> rusqlite::Result<bool> {
    const RECORDS: i64 = 2000;
    let removed = connection.execute(
        "DELETE FROM pages WHERE place IN
             (SELECT place FROM pages WHERE place BETWEEN ? AND ? LIMIT ?)",
        (PageId::before(crawl).0, PageId::end(crawl).0, RECORDS),
    )?;
    Ok(removed > 0)
}

/// Compares the checksums of all pages of a crawl.
pub(crate) fn check_pages(connection: &Connection, crawl: i64) -> Result<(), OperationError> {
    let last = PageId::new(crawl, last_sequence(connection, crawl)?);
    let mut after = PageId::before(crawl);
    while after < last {
        let records = read_some(connection, after, last)?;
        after = records.last().map_or(last, |(place, ..)| *place);
    }
    Ok(())
}

/// How many of the last records [`newest`] looks at.
///
/// Pages that are copied from an earlier crawl keep their old times, so the last record need not be
/// the newest.
const LAST: i64 = 256;

/// The newest time among the last records, in microseconds of Unix time; `None` without records.
pub(crate) fn newest(connection: &Connection, crawl: i64) -> Result<Option<i64>, OperationError> {
    let newest = connection
        .prepare_cached(
            "SELECT max(observed_at) FROM (SELECT observed_at FROM pages
                 WHERE place > ? AND place <= ? ORDER BY place DESC LIMIT ?)",
        )?
        .query_row(
            (PageId::before(crawl).0, PageId::end(crawl).0, LAST),
            |row| row.get(0),
        )?;
    Ok(newest)
}
