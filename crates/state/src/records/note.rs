//! The table `notes`. Notes are not outcomes of calls, so they are not counted as records.

use rusqlite::{Connection, OptionalExtension as _, Row};

use super::{Record, RecordKind, compression::decompress};
use crate::{checksum::Checksum, error::OperationError};

/// Whether a key belongs to a note. A call's key begins with the name of a source, so it never
/// begins with a blank.
pub(crate) fn is_note(key: &str) -> bool {
    key.starts_with(' ')
}

/// Writes a note, replacing one with the same key.
pub(crate) fn write(
    connection: &Connection,
    crawl: i64,
    key: &str,
    size: i64,
    body: &[u8],
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO notes VALUES (?, ?, ?, ?, ?)")?
        .execute((crawl, key, size, body, checksum(crawl, key, size, body)))?;
    Ok(())
}

/// The note with this key.
pub(crate) fn read(
    connection: &Connection,
    crawl: i64,
    key: &str,
) -> Result<Option<Record>, OperationError> {
    let row = connection
        .prepare_cached("SELECT key, size, body, checksum FROM notes WHERE crawl = ? AND key = ?")?
        .query_row((crawl, key), |row| Ok(record(row, crawl)))
        .optional()?;
    row.transpose()
}

/// Compares the checksums of all notes of a crawl.
pub(crate) fn check_notes(connection: &Connection, crawl: i64) -> Result<(), OperationError> {
    let mut statement =
        connection.prepare_cached("SELECT key, size, body, checksum FROM notes WHERE crawl = ?")?;
    let mut rows = statement.query((crawl,))?;
    while let Some(row) = rows.next()? {
        record(row, crawl)?;
    }
    Ok(())
}

/// Removes all notes of a crawl.
pub(crate) fn remove_notes(connection: &Connection, crawl: i64) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM notes WHERE crawl = ?", (crawl,))?;
    Ok(())
}

fn record(row: &Row<'_>, crawl: i64) -> Result<Record, OperationError> {
    let key: String = row.get(0)?;
    let (size, body): (i64, Vec<u8>) = (row.get(1)?, row.get(2)?);
    let damaged = || OperationError::Damaged(format!("a note of crawl {crawl} is not readable"));
    if row.get::<_, i64>(3)? != checksum(crawl, &key, size, &body) {
        return Err(damaged());
    }
    let size = usize::try_from(size).map_err(|_| damaged())?;
    let text = decompress(&body, size).map_err(|_| damaged())?;
    let text = String::from_utf8(text).map_err(|_| damaged())?;
    Ok(Record {
        kind: RecordKind::Note,
        body: text.into(),
        observed_at: 0,
    })
}

fn checksum(crawl: i64, key: &str, size: i64, body: &[u8]) -> i64 {
    Checksum::of("notes")
        .int(crawl)
        .text(key)
        .int(size)
        .bytes(body)
        .finish()
}
