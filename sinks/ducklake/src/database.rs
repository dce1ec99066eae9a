//! The SQLite file: opening it, creating the catalog in it, and its transactions.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use fortilake_sink::{Error, Kind, Result};
use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, Transaction, TransactionBehavior};

use crate::failure::{self, Failure};
use crate::footer::Snapshot;
use crate::register::{self, UUID};
use crate::statistics;

/// The only version of the catalog that we know.
const VERSION: &str = "1.0";

/// How long to wait while another program writes to the catalog.
const BUSY: Duration = Duration::from_secs(30);

/// A SQLite file with a catalog, or for one.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) file: PathBuf,
    /// What the paths of our files begin with.
    pub(crate) prefix: String,
}

impl Database {
    /// Checks that the catalog can be written and that these tables in it are ours. Leaves nothing behind.
    pub(crate) fn check(&self, tables: &[String]) -> Result<()> {
        let is_new = !self.file.exists();
        let checked = self.transaction(|transaction| {
            if !has_catalog(transaction)? {
                return Ok(());
            }
            self.check_metadata(transaction)?;
            let ours = if has_own(transaction)? {
                "SELECT table_id FROM fortilake_tables"
            } else {
                // An empty list: `NOT IN (NULL)` is never true.
                ""
            };
            let mut others = transaction.prepare(&format!(
                "SELECT 1 FROM ducklake_table WHERE table_name = ?1 AND end_snapshot IS NULL AND schema_id = 0
                 AND table_id NOT IN ({ours})"
            ))?;
            for table in tables {
                if others.exists([table])? {
                    return Err(register::not_ours(table).into());
                }
            }
            Ok(())
        });
        if is_new {
            // SQLite has created an empty file.
            let _ = fs::remove_file(&self.file);
        }
        checked
    }

    /// The newest registered snapshot.
    pub(crate) fn newest(&self) -> Result<Option<String>> {
        if !self.file.exists() {
            return Ok(None);
        }
        self.transaction(|transaction| {
            if !has_own(transaction)? {
                return Ok(None);
            }
            Ok(newest(transaction)?)
        })
    }

    /// The newest version of the catalog.
    pub(crate) fn version(&self) -> Result<i64> {
        self.transaction(|transaction| {
            let sql = "SELECT max(snapshot_id) FROM ducklake_snapshot";
            Ok(transaction.query_row(sql, [], |row| row.get(0))?)
        })
    }

    /// Registers a snapshot in all its tables, unless it or a newer one is registered.
    pub(crate) fn register(&self, snapshot: &Snapshot) -> Result<()> {
        self.transaction(|transaction| {
            self.prepare(transaction, snapshot)?;
            if newest(transaction)?.is_some_and(|newest| newest >= snapshot.manifest.snapshot) {
                return Ok(());
            }
            register::register(transaction, snapshot, &self.prefix)
        })
    }

    /// Takes versions out of the catalog whose files are about to be deleted. The newest version always stays.
    pub(crate) fn forget(&self, snapshots: &[String]) -> Result<()> {
        self.transaction(|transaction| {
            if !has_own(transaction)? {
                return Ok(());
            }
            for name in snapshots {
                for table in ["ducklake_snapshot", "ducklake_snapshot_changes"] {
                    let sql = format!(
                        "DELETE FROM {table} WHERE snapshot_id IN
                         (SELECT snapshot_id FROM fortilake_snapshots WHERE name = ?1)
                         AND snapshot_id < (SELECT max(snapshot_id) FROM ducklake_snapshot)"
                    );
                    transaction.execute(&sql, [name])?;
                }
            }
            // The rows of `fortilake_snapshots` stay, so that the snapshots are not registered again.
            transaction.execute_batch(
                "CREATE TEMP TABLE gone AS SELECT data_file_id FROM ducklake_data_file f
                 WHERE end_snapshot IS NOT NULL AND NOT EXISTS (SELECT 1 FROM ducklake_snapshot s
                 WHERE s.snapshot_id >= f.begin_snapshot AND s.snapshot_id < f.end_snapshot)
                 AND EXISTS (SELECT 1 FROM fortilake_tables t WHERE t.table_id = f.table_id);
                 DELETE FROM ducklake_file_column_stats WHERE data_file_id IN (SELECT data_file_id FROM gone);
                 DELETE FROM ducklake_delete_file WHERE data_file_id IN (SELECT data_file_id FROM gone);
                 DELETE FROM ducklake_data_file WHERE data_file_id IN (SELECT data_file_id FROM gone);
                 DROP TABLE gone;",
            )?;
            Ok(())
        })
    }

    /// Creates the catalog and our tables in it, if they are missing.
    fn prepare(&self, transaction: &Transaction<'_>, snapshot: &Snapshot) -> failure::Result<()> {
        if !has_catalog(transaction)? {
            let started: Option<Timestamp> = snapshot.manifest.crawl.started_at.parse().ok();
            let started = started.and_then(statistics::time).unwrap_or_default() + "+00";
            transaction.execute_batch(include_str!("catalog.sql"))?;
            let metadata = [
                ("version", VERSION),
                ("created_by", &snapshot.manifest.crawl.generator),
                ("data_path", &self.data_path()),
                ("encrypted", "false"),
            ];
            for (key, value) in metadata {
                let sql = "INSERT INTO ducklake_metadata(key, value) VALUES (?1, ?2)";
                transaction.execute(sql, [key, value])?;
            }
            let sql = "INSERT INTO ducklake_snapshot VALUES (0, ?1, 0, 1, 0)";
            transaction.execute(sql, [started])?;
            transaction.execute_batch(&format!(
                "INSERT INTO ducklake_snapshot_changes VALUES (0, 'created_schema:\"main\"', NULL, NULL, NULL);
                 INSERT INTO ducklake_schema VALUES (0, {UUID}, 0, NULL, 'main', 'main/', 1);"
            ))?;
        }
        self.check_metadata(transaction)?;
        transaction.execute_batch(include_str!("own.sql"))?;
        let sql = "INSERT OR IGNORE INTO fortilake_places VALUES (?1)";
        transaction.execute(sql, [&self.prefix])?;
        Ok(())
    }

    /// The folder for the files that users of the catalog write. It must not be the place, because DuckLake deletes
    /// every file in it that the catalog does not list.
    fn data_path(&self) -> String {
        format!("{}.files/", self.file.display())
    }

    fn check_metadata(&self, transaction: &Transaction<'_>) -> failure::Result<()> {
        let mut value = transaction
            .prepare("SELECT value FROM ducklake_metadata WHERE key = ?1 AND scope IS NULL")?;
        let mut value = |key: &str| value.query_row([key], |row| row.get(0)).optional();
        let (version, encrypted): (Option<String>, Option<String>) =
            (value("version")?, value("encrypted")?);
        let data_path: Option<String> = value("data_path")?;
        let problem = if version.as_deref() != Some(VERSION) {
            let version = version.unwrap_or_default();
            format!(
                "has version `{version}`, but only version {VERSION} is supported; use another catalog"
            )
        } else if encrypted.as_deref() == Some("true") {
            "is encrypted, but the files of fortilake are not; use another catalog".to_owned()
        } else if data_path.is_some_and(|path| self.prefix.starts_with(&path)) {
            "has its own data folder at or above the place, where DuckLake deletes files that it does not list; use \
             another folder for option `data`"
                .to_owned()
        } else {
            return Ok(());
        };
        let text = format!("the DuckLake catalog `{}` {problem}", self.file.display());
        Err(Error::new(Kind::Config, text).into())
    }

    /// Runs `work` in a transaction that locks out other writers, so what it reads cannot change before it ends.
    fn transaction<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> failure::Result<T>,
    ) -> Result<T> {
        if let Some(folder) = self.file.parent() {
            let made = fs::create_dir_all(folder);
            made.map_err(|error| Error::io("create the folder", folder, error))?;
        }
        let run = || -> failure::Result<T> {
            let mut connection = Connection::open(&self.file)?;
            connection.busy_timeout(BUSY)?;
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = work(&transaction)?;
            transaction.commit()?;
            Ok(done)
        };
        run().map_err(|failure| match failure {
            Failure::Sql(error) => self.failed(error),
            Failure::Refused(error) => error,
        })
    }

    fn failed(&self, error: rusqlite::Error) -> Error {
        let kind = match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Kind::Unavailable,
            Some(ErrorCode::DiskFull) => Kind::Full,
            Some(
                ErrorCode::NotADatabase
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::PermissionDenied,
            ) => Kind::Config,
            _ => Kind::Rejected,
        };
        let text = format!(
            "cannot write the DuckLake catalog `{}`",
            self.file.display()
        );
        Error::new(kind, text).with_source(error)
    }
}

fn has_catalog(transaction: &Transaction<'_>) -> rusqlite::Result<bool> {
    has_table(transaction, "ducklake_metadata")
}

fn has_own(transaction: &Transaction<'_>) -> rusqlite::Result<bool> {
    has_table(transaction, "fortilake_snapshots")
}

fn has_table(transaction: &Transaction<'_>, name: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1";
    transaction.prepare(sql)?.exists([name])
}

fn newest(transaction: &Transaction<'_>) -> rusqlite::Result<Option<String>> {
    let sql = "SELECT max(name) FROM fortilake_snapshots";
    transaction.query_row(sql, [], |row| row.get(0))
}
