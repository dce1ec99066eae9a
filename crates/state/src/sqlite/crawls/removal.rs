//! Removing crawls.
//!
//! A crawl can have a million pages. Deleting them in one transaction would block the ledger, and
//! so every call of other processes, for seconds. So the crawl is first marked as removed, which
//! hides it, and its pages are then deleted in small transactions. The price is that a crash can
//! leave hidden pages behind; the next removal deletes them.

#[cfg(test)]
mod tests;

use rusqlite::{Connection, Transaction};

use super::{free, seal};
use crate::{
    Error, Result,
    error::OperationError,
    sqlite::{self, Durability, Sqlite, notes, pages},
};

/// The status of a crawl whose pages are being deleted. Callers never see such a crawl.
pub(super) const REMOVED: &str = "removed";

impl Sqlite {
    /// Removes a crawl with its journal, and returns the space to the file system.
    pub(in crate::sqlite) fn remove_with_journal(&self, id: &str) -> Result<()> {
        self.0.write("remove a crawl", |transaction| {
            let number = free(self, transaction, id)?;
            let held = "UPDATE crawls SET status = ? WHERE number = ?";
            transaction.execute(held, (REMOVED, number))?;
            seal(transaction, number)
        })?;
        self.sweep()
    }

    /// Deletes the pages of removed crawls, including those that a crash left behind.
    fn sweep(&self) -> Result<()> {
        // Use another connection: it does not overwrite deleted pages with zeros, which contain no
        // secrets, and other threads can use the shared connection in between.
        let mut connection = sqlite::connect(self.path(), Durability::Full)?;
        let path = self.path();
        let mut left = true;
        while left {
            left = sqlite::transact(&mut connection, path, "remove a crawl", sweep_some)?;
        }
        while vacuum_some(&connection)
            .map_err(|error| Error::sqlite("remove a crawl", path, error))?
        {}
        Ok(())
    }
}

/// Deletes some pages of a removed crawl, or the rest of it if it has no pages left. Returns
/// whether to call it again.
fn sweep_some(transaction: &Transaction<'_>) -> Result<bool, OperationError> {
    let removed: Option<i64> = transaction.query_row(
        "SELECT min(number) FROM crawls WHERE status = ?",
        (REMOVED,),
        |row| row.get(0),
    )?;
    let Some(number) = removed else {
        return Ok(false);
    };
    if !pages::remove(transaction, number)? {
        notes::remove(transaction, number)?;
        transaction.execute("DELETE FROM deliveries WHERE crawl = ?", (number,))?;
        transaction.execute("DELETE FROM crawls WHERE number = ?", (number,))?;
    }
    Ok(true)
}

/// Returns some free space of the file to the file system. Returns whether to call it again.
fn vacuum_some(connection: &Connection) -> rusqlite::Result<bool> {
    let free = |connection: &Connection| -> rusqlite::Result<i64> {
        connection.pragma_query_value(None, "freelist_count", |row| row.get(0))
    };
    let before = free(connection)?;
    connection.execute_batch("PRAGMA incremental_vacuum(1000)")?;
    let after = free(connection)?;
    Ok(after > 0 && after < before)
}
