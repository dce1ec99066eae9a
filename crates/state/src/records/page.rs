//! Rows of the journal's table.

use std::{cell::RefCell, io, sync::Arc};

use rusqlite::{Connection, OptionalExtension, Row};
use zstd::bulk::Decompressor;

use super::{Record, RecordKind};
use crate::{Error, Kind, Result, checksum, checksum::Checksum, error::Fault};

/// Where a crawl's number begins in a place; the sequence is below.
const CRAWL: u32 = 32;

/// The columns that [`Stored::read`] reads, in its order.
const COLUMNS: &str = "place, key, kind, observed_at, size, checksum, body";

/// Where a record lies: its crawl and its sequence in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place(i64);

impl Place {
    pub(crate) fn new(crawl: i64, sequence: i64) -> Self {
        Self((crawl << CRAWL) + sequence)
    }

    /// Before the first record of the crawl.
    pub(super) fn before(crawl: i64) -> Self {
        Self::new(crawl, 0)
    }

    /// The last that the crawl could have.
    pub(super) fn end(crawl: i64) -> Self {
        Self::new(crawl, i64::from(u32::MAX))
    }

    pub(super) fn next(self) -> Self {
        Self(self.0 + 1)
    }

    pub(super) fn sequence(self) -> i64 {
        self.0 & i64::from(u32::MAX)
    }
}

/// A record as it lies in the file.
pub(super) struct Stored {
    pub(super) key: Arc<str>,
    pub(super) kind: i64,
    pub(super) observed_at: i64,
    /// The length of the text.
    pub(super) size: i64,
    /// The text, compressed.
    pub(super) body: Vec<u8>,
}

impl Stored {
    /// Compresses a record.
    pub(super) fn new(
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
            },
            observed_at: record.observed_at,
            size: record.body.len().try_into().unwrap_or(i64::MAX),
            body,
        })
    }

    /// Writes it, in place of one with the same key or as the next; gives the place taken.
    pub(super) fn write(
        &self,
        connection: &Connection,
        crawl: i64,
        next: Place,
    ) -> rusqlite::Result<Place> {
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
        Ok(place)
    }

    /// Reads a row of [`COLUMNS`], and compares its checksum.
    fn read(row: &Row<'_>) -> Result<(Place, Self), Fault> {
        let place = Place(row.get(0)?);
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

    fn checksum(&self, place: Place) -> i64 {
        Checksum::of("pages")
            .int(place.0)
            .text(&self.key)
            .int(self.kind)
            .int(self.observed_at)
            .int(self.size)
            .bytes(&self.body)
            .finish()
    }

    /// Its checksum was right, so only another version of this crate can make this fail.
    fn record(&self, place: Place) -> Result<Record, Fault> {
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

fn damaged(place: Place) -> Fault {
    let (crawl, sequence) = (place.0 >> CRAWL, place.sequence());
    Fault::Damaged(format!("page {sequence} of crawl {crawl}"))
}

/// The place of a key.
pub(super) fn find(
    connection: &Connection,
    crawl: i64,
    key: &str,
) -> rusqlite::Result<Option<Place>> {
    connection
        .prepare_cached(
            "SELECT place FROM pages WHERE hash = ? AND place BETWEEN ? AND ? AND key = ?",
        )?
        .query_row(
            (
                checksum::hash(key),
                Place::before(crawl).0,
                Place::end(crawl).0,
                key,
            ),
            |row| row.get(0).map(Place),
        )
        .optional()
}

/// The record of a key.
pub(super) fn read(
    connection: &Connection,
    crawl: i64,
    key: &str,
) -> Result<Option<Record>, Fault> {
    let sql =
        format!("SELECT {COLUMNS} FROM pages WHERE hash = ? AND place BETWEEN ? AND ? AND key = ?");
    let mut statement = connection.prepare_cached(&sql)?;
    let (first, last) = (Place::before(crawl), Place::end(crawl));
    let mut rows = statement.query((checksum::hash(key), first.0, last.0, key))?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let (place, stored) = Stored::read(row)?;
    stored.record(place).map(Some)
}

/// The records after a place, up to the last and up to some number and bytes of them.
pub(super) fn read_some(
    connection: &Connection,
    after: Place,
    last: Place,
) -> Result<Vec<(Place, Arc<str>, Record)>, Fault> {
    const RECORDS: usize = 256;
    const BYTES: usize = 4 << 20;
    let sql = format!("SELECT {COLUMNS} FROM pages WHERE place > ? AND place <= ? ORDER BY place");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query((after.0, last.0))?;
    let (mut records, mut bytes, mut before) = (Vec::new(), 0, after);
    while before < last && records.len() < RECORDS && bytes < BYTES {
        // A tree that is damaged may end early, or have lost something in the middle.
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

/// How many records a crawl has; the last one's sequence says it.
pub(crate) fn last_sequence(connection: &Connection, crawl: i64) -> Result<i64, Fault> {
    let sql = format!(
        "SELECT {COLUMNS} FROM pages WHERE place BETWEEN ? AND ? ORDER BY place DESC LIMIT 1"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query((Place::before(crawl).0, Place::end(crawl).0))?;
    match rows.next()? {
        Some(row) => Ok(Stored::read(row)?.0.sequence()),
        None => Ok(0),
    }
}

/// Removes records of a crawl, some at a time so that others can write in between; says whether
/// any was left.
pub(crate) fn remove_pages(connection: &Connection, crawl: i64) -> rusqlite::Result<bool> {
    const RECORDS: i64 = 2000;
    let removed = connection.execute(
        "DELETE FROM pages WHERE place IN
             (SELECT place FROM pages WHERE place BETWEEN ? AND ? LIMIT ?)",
        (Place::before(crawl).0, Place::end(crawl).0, RECORDS),
    )?;
    Ok(removed > 0)
}

/// Compares the checksums of all pages of a crawl.
pub(crate) fn check_pages(connection: &Connection, crawl: i64) -> Result<(), Fault> {
    let last = Place::new(crawl, last_sequence(connection, crawl)?);
    let mut after = Place::before(crawl);
    while after < last {
        let records = read_some(connection, after, last)?;
        after = records.last().map_or(last, |(place, ..)| *place);
    }
    Ok(())
}

/// A decompressor takes longer to make than a small page to decompress, so each thread keeps one.
fn decompress(body: &[u8], size: usize) -> io::Result<Vec<u8>> {
    thread_local! {
        static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    }
    DECOMPRESSOR.with_borrow_mut(|kept| {
        let decompressor = match kept {
            Some(decompressor) => decompressor,
            None => kept.insert(Decompressor::new()?),
        };
        decompressor.decompress(body, size)
    })
}

pub(super) fn compressor() -> Result<zstd::bulk::Compressor<'static>> {
    zstd::bulk::Compressor::new(zstd::DEFAULT_COMPRESSION_LEVEL).map_err(uncompressed)
}

/// Nothing but want of memory makes a compressor fail.
fn uncompressed(error: io::Error) -> Error {
    Error::new(Kind::Unforeseen, "a page cannot be compressed").with_source(error)
}
