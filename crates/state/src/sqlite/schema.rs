//! The schema of the state file, and its migrations.

#[cfg(test)]
mod tests;

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::{Error, Kind, Result};

/// Marks our files in the header (`application_id`): the bytes of "flak".
const APPLICATION: i64 = 0x666c_616b;

/// The SQL that upgrades each version of the file to the next one. The first creates the tables.
///
/// Never edit a released entry: existing files were created with it. Add a new one instead.
pub(crate) const MIGRATIONS: &[&str] = &[
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
];

/// Sets up a new, empty file: the mark in its header, and how it frees space.
pub(crate) fn begin(connection: &Connection, path: &Path) -> Result<()> {
    connection
        .pragma_update(None, "auto_vacuum", "incremental")
        .and_then(|()| connection.pragma_update(None, "application_id", APPLICATION))
        .map_err(|error| Error::sqlite("create the tables", path, error))
}

/// Upgrades the file to the newest version.
pub(crate) fn migrate(connection: &mut Connection, path: &Path, migrations: &[&str]) -> Result<()> {
    let failed = |error| Error::sqlite("read the version", path, error);
    if pragma(connection, "application_id").map_err(failed)? != APPLICATION {
        return Err(Error::damaged(
            path,
            "its header is not that of a fortilake state file",
        ));
    }
    let version = pragma(connection, "user_version").map_err(failed)?;
    let known = migrations.len();
    let version = usize::try_from(version)
        .map_err(|_| Error::damaged(path, format_args!("its version is {version}")))?;
    if version > known {
        let message = format!(
            "the state file `{}` has version {version}, but this program supports versions up to \
             {known}",
            path.display()
        );
        return Err(Error::new(Kind::Newer, message)
            .with_hint("upgrade fortilake, or use another state folder".to_owned()));
    }
    for (step, sql) in migrations.iter().enumerate().skip(version) {
        apply(connection, sql, step + 1)
            .map_err(|error| Error::sqlite("migrate the tables", path, error))?;
    }
    Ok(())
}

/// Applies one migration in one transaction, so the file always has exactly one version.
fn apply(connection: &mut Connection, sql: &str, version: usize) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(sql)?;
    transaction.pragma_update(None, "user_version", i64::try_from(version).unwrap_or(0))?;
    transaction.commit()
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

/// The small tables, which are checked at every start.
const SMALL: [&str; 11] = [
    "holders",
    "users",
    "in_flight",
    "answers",
    "tokens",
    "crawls",
    "deliveries",
    "baselines",
    "notes",
    "clock",
    "error_reasons",
];

/// Checks the trees of the small tables, because a damaged tree can lose rows without an error.
///
/// The table of pages is too large for this. Its rows are numbered without gaps, so a missing row
/// is noticed when the pages are read.
pub(crate) fn check_trees(connection: &Connection, path: &Path) -> Result<()> {
    for table in SMALL {
        let mut result = None;
        connection
            .pragma(None, "quick_check", table, |row| {
                result.get_or_insert(row.get::<_, String>(0)?);
                Ok(())
            })
            .map_err(|error| Error::sqlite("check the tables", path, error))?;
        if result.as_deref() != Some("ok") {
            return Err(Error::damaged(path, format_args!("the table `{table}`")));
        }
    }
    Ok(())
}
