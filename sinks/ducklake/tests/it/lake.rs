//! A catalog for tests, in either database, and its place.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

/// Defines each test once for every database. The functions take a [`Lake`].
///
/// Those with a server are in a module `postgresql` and ignored: `cargo xtask interop` runs them.
macro_rules! in_each_database {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $test() {
                super::$test(&crate::lake::Lake::new()).await;
            })+
        }

        #[cfg(all(feature = "postgres", unix))]
        mod postgresql {
            $(#[tokio::test]
            #[ignore = "needs PostgreSQL: cargo xtask interop"]
            async fn $test() {
                super::$test(&crate::lake::Lake::in_postgres().await).await;
            })+
        }
    };
}
pub(crate) use in_each_database;

/// A folder with a place and a catalog, in a file or in a database.
pub(crate) struct Lake {
    root: TempDir,
    #[cfg(all(feature = "postgres", unix))]
    pub(crate) database: Option<fortilake_postgres::testing::Database>,
}

impl Lake {
    pub(crate) fn new() -> Self {
        Self {
            root: tempfile::tempdir().unwrap(),
            #[cfg(all(feature = "postgres", unix))]
            database: None,
        }
    }

    #[cfg(all(feature = "postgres", unix))]
    pub(crate) async fn in_postgres() -> Self {
        let database = fortilake_postgres::testing::server().database().await;
        Self {
            database: Some(database),
            ..Self::new()
        }
    }

    /// Another one, in the same kind of database.
    #[cfg_attr(
        not(all(feature = "postgres", unix)),
        expect(clippy::unused_async, reason = "a server is asked for a database")
    )]
    pub(crate) async fn fresh(&self) -> Self {
        #[cfg(all(feature = "postgres", unix))]
        if self.database.is_some() {
            return Self::in_postgres().await;
        }
        Self::new()
    }

    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.root().join("data")
    }

    /// The file with the catalog, if it is not in a database.
    pub(crate) fn file(&self) -> PathBuf {
        self.root().join("lake.sqlite")
    }

    /// The option `catalog`.
    pub(crate) fn catalog(&self) -> String {
        #[cfg(all(feature = "postgres", unix))]
        if let Some(database) = &self.database {
            return database.url();
        }
        self.file().display().to_string()
    }

    /// Changes the catalog behind the sink's back, and returns how many rows that changed.
    #[cfg_attr(
        not(all(feature = "postgres", unix)),
        expect(clippy::unused_async, reason = "a server is asked")
    )]
    pub(crate) async fn execute(&self, sql: &str) -> u64 {
        #[cfg(all(feature = "postgres", unix))]
        if let Some(database) = &self.database {
            return database.client().await.execute(sql, &[]).await.unwrap();
        }
        let connection = Connection::open(self.file()).unwrap();
        connection.execute(sql, []).unwrap() as u64
    }

    /// The first column of all rows, which must be text.
    pub(crate) async fn query(&self, sql: &str) -> Vec<String> {
        let rows = self.rows(sql, 1).await.expect("there is a catalog");
        rows.into_iter().flatten().flatten().collect()
    }

    /// All rows, of columns that are text; `None` if the query fails, as it does without a catalog.
    #[cfg_attr(
        not(all(feature = "postgres", unix)),
        expect(clippy::unused_async, reason = "a server is asked")
    )]
    pub(crate) async fn rows(&self, sql: &str, columns: usize) -> Option<Vec<Vec<Option<String>>>> {
        #[cfg(all(feature = "postgres", unix))]
        if let Some(database) = &self.database {
            let rows = database.client().await.query(sql, &[]).await.ok()?;
            let rows = rows.iter();
            let rows = rows.map(|row| (0..columns).map(|index| row.get(index)).collect());
            return Some(rows.collect());
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let connection = Connection::open_with_flags(self.file(), flags).ok()?;
        let wait = std::time::Duration::from_secs(30);
        connection.busy_timeout(wait).unwrap();
        let mut statement = connection.prepare(sql).ok()?;
        let rows =
            statement.query_map([], |row| (0..columns).map(|index| row.get(index)).collect());
        Some(rows.unwrap().collect::<rusqlite::Result<_>>().unwrap())
    }
}
