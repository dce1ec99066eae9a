//! The processes that have the state open, and cleaning up after dead ones.
//!
//! Each process holds a lock on a file of its own, and it is alive as long as the lock is held. The
//! system releases the lock however the process ends. A process id is no substitute: the system
//! reuses it, and it means nothing in another container that shares the directory. A heartbeat
//! would need a timeout, and would take a suspended process for dead. The price is one small file
//! per process.

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
};

use rusqlite::{OptionalExtension, Transaction};

use super::{files, user_ledger};
use crate::{Error, Result, error::OperationError, process};

/// One opened state: a row in the table `holders` and a lock file, both with this id.
#[derive(Debug)]
pub(crate) struct Holder {
    pub(crate) id: i64,
    pub(crate) path: PathBuf,
    /// Locked as long as the process lives or the state is open.
    _lock: File,
}

impl Holder {
    /// Takes a new id. It locks the file before the transaction makes the id visible to others.
    pub(crate) fn enter(
        transaction: &Transaction<'_>,
        directory: &Path,
        now: i64,
    ) -> Result<Self, OperationError> {
        loop {
            transaction.execute(
                "INSERT INTO holders (pid, host, since) VALUES (?, ?, ?)",
                (std::process::id(), process::host(), now),
            )?;
            let id = transaction.last_insert_rowid();
            let path = lock_path(directory, id);
            let lock = files::open_private(&path)?;
            if try_lock(&lock, &path)? {
                return Ok(Self {
                    id,
                    path,
                    _lock: lock,
                });
            }
            // A living process has this id in an older state file, which was moved away. Try the
            // next id.
            transaction.execute("DELETE FROM holders WHERE id = ?", (id,))?;
        }
    }

    /// Removes the row, unless it still has calls in flight or a crawl. Returns whether it was
    /// removed.
    pub(crate) fn leave(&self, transaction: &Transaction<'_>) -> Result<bool, OperationError> {
        let done = transaction.execute(
            "DELETE FROM holders WHERE id = ?1
             AND NOT EXISTS (SELECT 1 FROM in_flight WHERE holder = ?1)
             AND NOT EXISTS (SELECT 1 FROM crawls WHERE holder = ?1)",
            (self.id,),
        )?;
        Ok(done > 0)
    }
}

/// Cleans up after dead processes: records their calls as answered, releases their crawls, and
/// removes their rows and files.
///
/// Returns whether there were any.
pub(crate) fn clean_up_dead(
    transaction: &Transaction<'_>,
    directory: &Path,
    own: i64,
    now: i64,
) -> Result<bool, OperationError> {
    let mut statement = transaction.prepare_cached(
        "SELECT id FROM holders WHERE id <> ?1
         UNION SELECT holder FROM in_flight WHERE holder <> ?1
         UNION SELECT holder FROM crawls WHERE holder <> ?1",
    )?;
    let holders = statement.query_map((own,), |row| row.get(0))?;
    let mut reaped = false;
    for id in holders.collect::<rusqlite::Result<Vec<i64>>>()? {
        if lives(directory, id)? {
            continue;
        }
        user_ledger::settle_calls_of_dead_processes(transaction, id, now)?;
        transaction.execute("UPDATE crawls SET holder = NULL WHERE holder = ?", (id,))?;
        transaction.execute("DELETE FROM holders WHERE id = ?", (id,))?;
        files::remove(&lock_path(directory, id))?;
        reaped = true;
    }
    Ok(reaped)
}

/// Describes a process for messages: its id, host and start.
pub(crate) fn describe(transaction: &Transaction<'_>, id: i64) -> Result<String, OperationError> {
    let holder = transaction
        .query_row(
            "SELECT pid, host, since FROM holders WHERE id = ?",
            (id,),
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .optional()?;
    let Some((pid, host, since)): Option<(i64, String, i64)> = holder else {
        return Ok("an unknown process".to_owned());
    };
    Ok(process::describe(pid, &host, since))
}

fn lives(directory: &Path, id: i64) -> Result<bool> {
    let path = lock_path(directory, id);
    if !path.exists() {
        return Ok(false);
    }
    let lock = files::open_private(&path)?;
    Ok(!try_lock(&lock, &path)?)
}

fn try_lock(file: &File, path: &Path) -> Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(Error::io("lock", path, error)),
    }
}

fn lock_path(directory: &Path, id: i64) -> PathBuf {
    directory.join(format!("holder-{id}.lock"))
}
