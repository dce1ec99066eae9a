//! The table `notes`. Notes are not outcomes of calls, so they are not counted as records.

use rusqlite::{Connection, OptionalExtension as _, Row};

use crate::{
    Record,
    error::OperationError,
    records::{NOTE, Stored, note_checksum as checksum},
};

/// Writes a note, replacing one with the same key.
pub(super) fn write(
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
pub(super) fn read(
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
pub(super) fn check(connection: &Connection, crawl: i64) -> Result<(), OperationError> {
    let mut statement =
        connection.prepare_cached("SELECT key, size, body, checksum FROM notes WHERE crawl = ?")?;
    let mut rows = statement.query((crawl,))?;
    while let Some(row) = rows.next()? {
        record(row, crawl)?;
    }
    Ok(())
}

/// Removes all notes of a crawl.
pub(super) fn remove(connection: &Connection, crawl: i64) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM notes WHERE crawl = ?", (crawl,))?;
    Ok(())
}

fn record(row: &Row<'_>, crawl: i64) -> Result<Record, OperationError> {
    let damaged = || OperationError::Damaged(format!("a note of crawl {crawl} is not readable"));
    let note = Stored {
        key: row.get::<_, String>(0)?.into(),
        kind: NOTE,
        observed_at: 0,
        size: row.get(1)?,
        body: row.get(2)?,
    };
    if row.get::<_, i64>(3)? != checksum(crawl, &note.key, note.size, &note.body) {
        return Err(damaged());
    }
    note.record().ok_or_else(damaged)
}
