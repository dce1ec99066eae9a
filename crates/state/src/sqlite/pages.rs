//! The table `pages`: reading and writing records.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rusqlite::{Connection, OptionalExtension, Row};

use super::{notes, transact};
use crate::{
    Record, Result,
    backend::{RecordReader, RecordWriter},
    checksum,
    error::OperationError,
    records::{NOTE, PageId, READ_BYTES, READ_RECORDS, Stored, is_note},
};

/// The columns that [`read_row`] expects, in this order.
const COLUMNS: &str = "place, key, kind, observed_at, size, checksum, body";

/// Writes the records of one crawl with a connection of its own.
pub(super) struct Writer {
    connection: Connection,
    path: PathBuf,
    crawl: i64,
    last: PageId,
}

impl Writer {
    pub(super) fn new(connection: Connection, path: &Path, crawl: i64) -> Result<Self> {
        let last = last_sequence(&connection, crawl)
            .map_err(|error| error.during("read the journal", path))?;
        Ok(Self {
            connection,
            path: path.to_owned(),
            crawl,
            last: PageId::new(crawl, last),
        })
    }
}

impl RecordWriter for Writer {
    fn write(&mut self, rows: &[Stored]) -> Result<()> {
        let (crawl, mut last) = (self.crawl, self.last);
        transact(
            &mut self.connection,
            &self.path,
            "write pages",
            |transaction| {
                for row in rows {
                    let place = write(row, transaction, crawl, last.next())?;
                    last = last.max(place.unwrap_or(last));
                }
                Ok(())
            },
        )?;
        self.last = last;
        Ok(())
    }
}

/// Reads records with a connection of its own.
pub(super) struct Reader {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
}

impl Reader {
    fn look<T>(&self, work: impl FnOnce(&Connection) -> Result<T, OperationError>) -> Result<T> {
        work(&self.connection).map_err(|error| error.during("read the journal", &self.path))
    }
}

impl RecordReader for Reader {
    fn read(&mut self, crawl: i64, key: &str) -> Result<Option<Record>> {
        self.look(|connection| read(connection, crawl, key))
    }

    fn read_some(
        &mut self,
        after: PageId,
        last: PageId,
    ) -> Result<Vec<(PageId, Arc<str>, Record)>> {
        self.look(|connection| read_some(connection, after, last))
    }

    fn last_sequence(&mut self, crawl: i64) -> Result<i64> {
        self.look(|connection| last_sequence(connection, crawl))
    }
}

/// Writes the record, replacing one with the same key, or at the place `next`. Returns the
/// place; `None` for a note.
fn write(
    row: &Stored,
    connection: &Connection,
    crawl: i64,
    next: PageId,
) -> rusqlite::Result<Option<PageId>> {
    if row.kind == NOTE {
        notes::write(connection, crawl, &row.key, row.size, &row.body)?;
        return Ok(None);
    }
    let place = find(connection, crawl, &row.key)?.unwrap_or(next);
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO pages
                 (place, hash, key, kind, observed_at, size, checksum, body)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute((
            place.0,
            checksum::hash(&row.key),
            &*row.key,
            row.kind,
            row.observed_at,
            row.size,
            row.checksum(place),
            &row.body,
        ))?;
    Ok(Some(place))
}

/// Reads a row of [`COLUMNS`] and compares its checksum.
fn read_row(row: &Row<'_>) -> Result<(PageId, Stored), OperationError> {
    let place = PageId(row.get(0)?);
    let stored = Stored {
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

/// Decodes a page. Its checksum was correct, so this fails only if another version of this crate
/// wrote it.
fn record(stored: &Stored, place: PageId) -> Result<Record, OperationError> {
    let record = stored.record().filter(|_| stored.kind != NOTE);
    record.ok_or_else(|| damaged(place))
}

fn damaged(place: PageId) -> OperationError {
    OperationError::Damaged(format!(
        "page {} of crawl {} is missing or not readable",
        place.sequence(),
        place.crawl()
    ))
}

/// The place of the record with this key.
fn find(connection: &Connection, crawl: i64, key: &str) -> rusqlite::Result<Option<PageId>> {
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
fn read(connection: &Connection, crawl: i64, key: &str) -> Result<Option<Record>, OperationError> {
    if is_note(key) {
        return notes::read(connection, crawl, key);
    }
    let sql =
        format!("SELECT {COLUMNS} FROM pages WHERE hash = ? AND place BETWEEN ? AND ? AND key = ?");
    let mut statement = connection.prepare_cached(&sql)?;
    let (first, last) = (PageId::before(crawl), PageId::end(crawl));
    let mut rows = statement.query((checksum::hash(key), first.0, last.0, key))?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let (place, stored) = read_row(row)?;
    record(&stored, place).map(Some)
}

/// The next records after a place and up to `last`, limited by number and bytes.
fn read_some(
    connection: &Connection,
    after: PageId,
    last: PageId,
) -> Result<Vec<(PageId, Arc<str>, Record)>, OperationError> {
    let sql = format!("SELECT {COLUMNS} FROM pages WHERE place > ? AND place <= ? ORDER BY place");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query((after.0, last.0))?;
    let (mut records, mut bytes, mut before) = (Vec::new(), 0, after);
    while before < last && records.len() < READ_RECORDS && bytes < READ_BYTES {
        // A damaged tree may end early or lack rows, and sequences have no gaps. So a gap is
        // damage.
        let expected = before.next();
        let row = rows.next()?.ok_or_else(|| damaged(expected))?;
        let (place, stored) = read_row(row)?;
        if place != expected {
            return Err(damaged(expected));
        }
        before = place;
        let record = record(&stored, place)?;
        bytes += record.body.len();
        records.push((place, stored.key, record));
    }
    Ok(records)
}

/// The number of pages and failures of a crawl, which is the sequence of the last one.
pub(super) fn last_sequence(connection: &Connection, crawl: i64) -> Result<i64, OperationError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM pages WHERE place BETWEEN ? AND ? ORDER BY place DESC LIMIT 1"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query((PageId::before(crawl).0, PageId::end(crawl).0))?;
    match rows.next()? {
        Some(row) => Ok(read_row(row)?.0.sequence()),
        None => Ok(0),
    }
}

/// Deletes some records of a crawl, so that others can write in between. Returns whether any were
/// deleted.
pub(super) fn remove(connection: &Connection, crawl: i64) -> rusqlite::Result<bool> {
    const RECORDS: i64 = 2000;
    let removed = connection.execute(
        "DELETE FROM pages WHERE place IN
             (SELECT place FROM pages WHERE place BETWEEN ? AND ? LIMIT ?)",
        (PageId::before(crawl).0, PageId::end(crawl).0, RECORDS),
    )?;
    Ok(removed > 0)
}

/// Compares the checksums of all pages of a crawl.
pub(super) fn check(connection: &Connection, crawl: i64) -> Result<(), OperationError> {
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
pub(super) fn newest(connection: &Connection, crawl: i64) -> Result<Option<i64>, OperationError> {
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
