//! The tables of the state file, version by version.

#[cfg(test)]
mod tests;

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::{Error, Kind, Result};

/// Says in the file's header whose file it is: "flak", as digits.
const APPLICATION: i64 = 0x666c_616b;

/// What makes each version of the file from the one before; the first makes it from nothing.
///
/// A released entry is never edited, because there are files that it has made.
pub(crate) const MIGRATIONS: &[&str] =
    &[include_str!("schema/1.sql"), include_str!("schema/2.sql")];

/// Says in a new file whose it is, before the first table is there.
pub(crate) fn begin(connection: &Connection, path: &Path) -> Result<()> {
    connection
        .pragma_update(None, "auto_vacuum", "incremental")
        .and_then(|()| connection.pragma_update(None, "application_id", APPLICATION))
        .map_err(|error| Error::sqlite("create the tables", path, error))
}

/// Brings the file to the newest version.
pub(crate) fn migrate(connection: &mut Connection, path: &Path, migrations: &[&str]) -> Result<()> {
    let failed = |error| Error::sqlite("read the version", path, error);
    if pragma(connection, "application_id").map_err(failed)? != APPLICATION {
        return Err(Error::damaged(path, "it is no state file by its header"));
    }
    let version = pragma(connection, "user_version").map_err(failed)?;
    let known = migrations.len();
    let version = usize::try_from(version)
        .map_err(|_| Error::damaged(path, format_args!("it claims to be version {version}")))?;
    if version > known {
        let message = format!(
            "the state file `{}` is of version {version}, and this program knows versions up to \
             {known}",
            path.display()
        );
        return Err(Error::new(Kind::Newer, message)
            .with_hint("use the newer program, or another state directory".to_owned()));
    }
    for (step, sql) in migrations.iter().enumerate().skip(version) {
        apply(connection, sql, step + 1)
            .map_err(|error| Error::sqlite("migrate the tables", path, error))?;
    }
    Ok(())
}

/// One version at a time, whole or not at all.
fn apply(connection: &mut Connection, sql: &str, version: usize) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(sql)?;
    transaction.pragma_update(None, "user_version", i64::try_from(version).unwrap_or(0))?;
    transaction.commit()
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

/// The tables that are read at every start, and are small.
const SMALL: [&str; 8] = [
    "holders",
    "users",
    "in_flight",
    "answers",
    "tokens",
    "crawls",
    "deliveries",
    "baselines",
];

/// Looks for rows that went missing with the part of the tree that they were in.
///
/// The pages of crawls have no gaps in their numbers, so they need not be read for this.
pub(crate) fn check_trees(connection: &Connection, path: &Path) -> Result<()> {
    for table in SMALL {
        let mut verdict = None;
        connection
            .pragma(None, "quick_check", table, |row| {
                verdict.get_or_insert(row.get::<_, String>(0)?);
                Ok(())
            })
            .map_err(|error| Error::sqlite("check the tables", path, error))?;
        if verdict.as_deref() != Some("ok") {
            return Err(Error::damaged(path, format_args!("the table `{table}`")));
        }
    }
    Ok(())
}
