//! Removing crawls.
//!
//! A crawl can have a million pages. Deleting them in one transaction would block the ledger, and
//! so every call of other processes, for seconds. So the crawl is first marked as removed, which
//! hides it, and its pages are then deleted in small transactions. The price is that a crash can
//! leave hidden pages behind; the next removal deletes them.

use std::collections::HashSet;

use rusqlite::{Connection, Transaction};

use super::{free, seal};
use crate::{
    Error, Kind, Result, State,
    error::OperationError,
    records,
    state::{self, Durability},
};

/// The status of a crawl whose pages are being deleted. Callers never see such a crawl.
pub(super) const REMOVED: &str = "removed";

impl State {
    /// Removes a crawl with its journal, and returns the space to the file system.
    ///
    /// # Errors
    ///
    /// [`Kind::Held`] if another process has it open, [`Kind::Missing`] if it does not exist.
    pub fn remove(&self, id: &str) -> Result<()> {
        self.0.write("remove a crawl", |transaction| {
            let number = free(self, transaction, id)?;
            let held = "UPDATE crawls SET status = ? WHERE number = ?";
            transaction.execute(held, (REMOVED, number))?;
            seal(transaction, number)
        })?;
        self.sweep()
    }

    /// Removes old crawls and returns their ids.
    ///
    /// It keeps the newest `keep` crawls, crawls that a process has open, and for each fingerprint
    /// the newest crawl if it is unfinished, because the next run would resume it.
    pub fn retain(&self, keep: usize) -> Result<Vec<String>> {
        let mut removed = Vec::new();
        let mut newer = HashSet::new();
        let mut kept = 0;
        for crawl in self.crawls()? {
            let is_newest = newer.insert(crawl.fingerprint.clone());
            kept += 1;
            if kept <= keep || (is_newest && crawl.status.is_unfinished()) {
                continue;
            }
            match self.remove(&crawl.id) {
                Ok(()) => removed.push(crawl.id),
                Err(error) if matches!(error.kind(), Kind::Held | Kind::Missing) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(removed)
    }

    /// Deletes the pages of removed crawls, including those that a crash left behind.
    fn sweep(&self) -> Result<()> {
        // Use another connection: it does not overwrite deleted pages with zeros, which contain no
        // secrets, and other threads can use the shared connection in between.
        let mut connection = state::connect(self.path(), Durability::Full)?;
        let path = self.path();
        let mut left = true;
        while left {
            left = state::transact(&mut connection, path, "remove a crawl", sweep_some)?;
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
    if !records::remove_pages(transaction, number)? {
        records::remove_notes(transaction, number)?;
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
