//! Removing crawls: much at once, but never for long.

use std::collections::HashSet;

use rusqlite::{Connection, Transaction};

use super::{free, seal};
use crate::{
    Error, Kind, Result, State,
    error::Fault,
    journal,
    state::{self, Durability},
};

/// The status of a crawl whose pages are being removed; nobody gets to see it.
pub(super) const REMOVED: &str = "removed";

impl State {
    /// Removes a crawl with its journal, and gives the room back.
    ///
    /// # Errors
    ///
    /// [`Kind::Held`] if another process works on it, [`Kind::Missing`] if there is none.
    pub fn remove(&self, id: &str) -> Result<()> {
        self.0.write("remove a crawl", |transaction| {
            let number = free(self, transaction, id)?;
            let held = "UPDATE crawls SET status = ? WHERE number = ?";
            transaction.execute(held, (REMOVED, number))?;
            seal(transaction, number)
        })?;
        self.sweep()
    }

    /// Removes all but the newest crawls, those that somebody works on, and those that a run of the
    /// same kind would resume; gives the ids.
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

    /// Removes what is left of removed crawls, also where a process died over it.
    fn sweep(&self) -> Result<()> {
        // A connection of its own: others shall get their turn, and nothing here is secret.
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

/// Removes some pages of a removed crawl, or what else there is of it; says whether more is left.
fn sweep_some(transaction: &Transaction<'_>) -> Result<bool, Fault> {
    let removed: Option<i64> = transaction.query_row(
        "SELECT min(number) FROM crawls WHERE status = ?",
        (REMOVED,),
        |row| row.get(0),
    )?;
    let Some(number) = removed else {
        return Ok(false);
    };
    if !journal::remove_pages(transaction, number)? {
        transaction.execute("DELETE FROM deliveries WHERE crawl = ?", (number,))?;
        transaction.execute("DELETE FROM crawls WHERE number = ?", (number,))?;
    }
    Ok(true)
}

/// Gives some free pages back to the disk; says whether more are left.
fn vacuum_some(connection: &Connection) -> rusqlite::Result<bool> {
    let free = |connection: &Connection| -> rusqlite::Result<i64> {
        connection.pragma_query_value(None, "freelist_count", |row| row.get(0))
    };
    let before = free(connection)?;
    connection.execute_batch("PRAGMA incremental_vacuum(1000)")?;
    let after = free(connection)?;
    Ok(after > 0 && after < before)
}
