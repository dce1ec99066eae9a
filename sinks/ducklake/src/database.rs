//! What a catalog contains: creating it, checking it, and its versions.

use fortilake_sink::{Error, Kind, Result};
use jiff::Timestamp;

use crate::footer::Snapshot;
use crate::register;
use crate::statistics;
use crate::store::Store;
use crate::transaction::{Transaction, params};

/// The only version of the catalog that we know.
const VERSION: &str = "1.0";

/// A database with a catalog, or for one.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    pub(crate) store: Store,
    /// What the paths of our files begin with.
    pub(crate) prefix: String,
}

impl Database {
    /// Checks that the catalog can be written and that these tables in it are ours. Leaves nothing behind.
    pub(crate) fn check(&self, tables: &[String]) -> Result<()> {
        self.store.try_out(|transaction| {
            if !has_catalog(transaction)? {
                return Ok(());
            }
            self.check_metadata(transaction)?;
            let ours = if has_own(transaction)? {
                "SELECT table_id FROM fortilake_tables"
            } else {
                // No id is negative, and `NOT IN (NULL)` is never true.
                "-1"
            };
            let others = format!(
                "SELECT 1 FROM ducklake_table WHERE table_name = $1 AND end_snapshot IS NULL AND schema_id = 0
                 AND table_id NOT IN ({ours})"
            );
            for table in tables {
                if transaction.query_opt(&others, params![table])?.is_some() {
                    return Err(register::not_ours(table));
                }
            }
            Ok(())
        })
    }

    /// The newest registered snapshot.
    pub(crate) fn newest(&self) -> Result<Option<String>> {
        if !self.store.exists() {
            return Ok(None);
        }
        self.store.transaction(|transaction| {
            if !has_own(transaction)? {
                return Ok(None);
            }
            newest(transaction)
        })
    }

    /// The newest version of the catalog.
    pub(crate) fn version(&self) -> Result<i64> {
        self.store.transaction(|transaction| {
            let sql = "SELECT max(snapshot_id) FROM ducklake_snapshot";
            transaction.query_one(sql, &[])?.get(0)
        })
    }

    /// Registers a snapshot in all its tables, unless it or a newer one is registered.
    pub(crate) fn register(&self, snapshot: &Snapshot) -> Result<()> {
        self.store.transaction(|transaction| {
            self.prepare(transaction, snapshot)?;
            if newest(transaction)?.is_some_and(|newest| newest >= snapshot.manifest.snapshot) {
                return Ok(());
            }
            register::register(transaction, snapshot, &self.prefix)
        })
    }

    /// Takes versions out of the catalog whose files are about to be deleted. The newest version always stays.
    pub(crate) fn forget(&self, snapshots: &[String]) -> Result<()> {
        self.store.transaction(|transaction| {
            if !has_own(transaction)? {
                return Ok(());
            }
            for name in snapshots {
                for table in ["ducklake_snapshot", "ducklake_snapshot_changes"] {
                    let sql = format!(
                        "DELETE FROM {table} WHERE snapshot_id IN
                         (SELECT snapshot_id FROM fortilake_snapshots WHERE name = $1)
                         AND snapshot_id < (SELECT max(snapshot_id) FROM ducklake_snapshot)"
                    );
                    transaction.execute(&sql, params![name])?;
                }
            }
            // The rows of `fortilake_snapshots` stay, so that the snapshots are not registered again.
            let sql = "DELETE FROM ducklake_data_file WHERE end_snapshot IS NOT NULL
                       AND table_id IN (SELECT table_id FROM fortilake_tables)
                       AND NOT EXISTS (SELECT 1 FROM ducklake_snapshot s
                       WHERE s.snapshot_id >= ducklake_data_file.begin_snapshot
                       AND s.snapshot_id < ducklake_data_file.end_snapshot)";
            transaction.execute(sql, &[])?;
            for table in ["ducklake_file_column_stats", "ducklake_delete_file"] {
                let sql = format!(
                    "DELETE FROM {table} WHERE table_id IN (SELECT table_id FROM fortilake_tables)
                     AND data_file_id NOT IN (SELECT data_file_id FROM ducklake_data_file)"
                );
                transaction.execute(&sql, &[])?;
            }
            Ok(())
        })
    }

    /// Creates the catalog and our tables in it, if they are missing.
    fn prepare(&self, transaction: &dyn Transaction, snapshot: &Snapshot) -> Result<()> {
        if !has_catalog(transaction)? {
            let started: Option<Timestamp> = snapshot.manifest.crawl.started_at.parse().ok();
            let started = started.and_then(statistics::time).unwrap_or_default() + "+00";
            transaction.create_catalog()?;
            let metadata = [
                ("version", VERSION),
                ("created_by", &snapshot.manifest.crawl.generator),
                ("data_path", &self.data_path()),
                ("encrypted", "false"),
            ];
            for (key, value) in metadata {
                let sql = "INSERT INTO ducklake_metadata(key, value) VALUES ($1, $2)";
                transaction.execute(sql, params![key, value])?;
            }
            let time = transaction.time("$1");
            let sql = format!("INSERT INTO ducklake_snapshot VALUES (0, {time}, 0, 1, 0)");
            transaction.execute(&sql, params![&started])?;
            let sql = "INSERT INTO ducklake_snapshot_changes
                       VALUES (0, 'created_schema:\"main\"', NULL, NULL, NULL)";
            transaction.execute(sql, &[])?;
            let uuid = transaction.new_uuid();
            let sql = format!(
                "INSERT INTO ducklake_schema VALUES (0, {uuid}, 0, NULL, 'main', 'main/', true)"
            );
            transaction.execute(&sql, &[])?;
        }
        self.check_metadata(transaction)?;
        transaction.create_own()?;
        let sql = "INSERT INTO fortilake_places VALUES ($1) ON CONFLICT DO NOTHING";
        transaction.execute(sql, params![&self.prefix])?;
        Ok(())
    }

    /// The folder for the files that users of the catalog write. It must not be the place, because DuckLake deletes
    /// every file in it that the catalog does not list.
    fn data_path(&self) -> String {
        match &self.store {
            Store::Sqlite(file) => format!("{}.files/", file.path()),
            // A database on a server is in no folder, so this one is beside the place.
            #[cfg(feature = "postgres")]
            Store::Postgres(_) => format!("{}.files/", self.prefix.trim_end_matches('/')),
        }
    }

    fn check_metadata(&self, transaction: &dyn Transaction) -> Result<()> {
        let value = |key: &str| -> Result<Option<String>> {
            let sql = "SELECT value FROM ducklake_metadata WHERE key = $1 AND scope IS NULL";
            let row = transaction.query_opt(sql, params![key])?;
            row.map(|row| row.get(0)).transpose()
        };
        let version = value("version")?;
        let problem = if version.as_deref() != Some(VERSION) {
            let version = version.unwrap_or_default();
            format!(
                "has version `{version}`, but only version {VERSION} is supported; use another catalog"
            )
        } else if value("encrypted")?.as_deref() == Some("true") {
            "is encrypted, but the files of fortilake are not; use another catalog".to_owned()
        } else if value("data_path")?.is_some_and(|path| self.prefix.starts_with(&path)) {
            "has its own data folder at or above the place, where DuckLake deletes files that it does not list; use \
             another folder for option `data`"
                .to_owned()
        } else {
            return Ok(());
        };
        let text = format!("the DuckLake catalog {} {problem}", self.store);
        Err(Error::new(Kind::Config, text))
    }
}

fn has_catalog(transaction: &dyn Transaction) -> Result<bool> {
    transaction.has_table("ducklake_metadata")
}

fn has_own(transaction: &dyn Transaction) -> Result<bool> {
    transaction.has_table("fortilake_snapshots")
}

fn newest(transaction: &dyn Transaction) -> Result<Option<String>> {
    let sql = "SELECT max(name) FROM fortilake_snapshots";
    transaction.query_one(sql, &[])?.get(0)
}
