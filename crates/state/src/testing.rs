//! Helpers for the tests of this crate.

use std::{
    path::Path,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicI64, Ordering},
    },
};

use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::{Clocks, NewCrawl, Record, RecordKind, State};

/// Defines each test once for every database. The functions take a [`Fixture`].
///
/// Those with a server are in a module `postgresql` and ignored: `cargo xtask interop` runs them.
macro_rules! in_each_database {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[test]
            fn $test() {
                super::$test(&crate::testing::Fixture::new());
            })+
        }

        #[cfg(all(feature = "postgres", unix))]
        mod postgresql {
            $(#[test]
            #[ignore = "needs PostgreSQL: cargo xtask interop"]
            fn $test() {
                super::$test(&crate::testing::Fixture::in_postgres());
            })+
        }
    };
}
pub(crate) use in_each_database;

/// An empty state with clocks that only the test changes.
pub(crate) struct Fixture {
    pub(crate) directory: TempDir,
    #[cfg(all(feature = "postgres", unix))]
    database: Option<crate::postgres::testing::Database>,
    /// The true time, as the machine's uptime shows it.
    pub(crate) time: Arc<AtomicI64>,
    /// How far the system's clock is ahead of the true time.
    pub(crate) ahead: Arc<AtomicI64>,
    /// How often the machine was started.
    pub(crate) boots: AtomicI64,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self {
            directory: tempfile::tempdir().expect("a temporary directory"),
            #[cfg(all(feature = "postgres", unix))]
            database: None,
            time: Arc::new(AtomicI64::new(1_767_225_600_000_000)),
            ahead: Arc::default(),
            boots: AtomicI64::new(1),
        }
    }

    /// A state in a schema of its own in a database.
    #[cfg(all(feature = "postgres", unix))]
    pub(crate) fn in_postgres() -> Self {
        let fixture = Self::new();
        let database = crate::postgres::testing::Database::new();
        Self {
            database: Some(database),
            ..fixture
        }
    }

    pub(crate) fn open(&self) -> State {
        self.try_open().expect("the state opens")
    }

    pub(crate) fn try_open(&self) -> crate::Result<State> {
        #[cfg(all(feature = "postgres", unix))]
        if let Some(database) = &self.database {
            return Ok(database.open(self.time.clone()));
        }
        let boot = self.boots.load(Ordering::SeqCst);
        let (time, ahead) = (self.time.clone(), self.ahead.clone());
        let wall = Arc::new(move || time.load(Ordering::SeqCst) + ahead.load(Ordering::SeqCst));
        let time = self.time.clone();
        let clocks = Clocks {
            wall,
            // The uptime of each boot counts from another instant.
            uptime: Arc::new(move || time.load(Ordering::SeqCst) - boot * 1_000_000_007),
            boot: format!("boot {boot}"),
        };
        State::open_with(self.directory.path(), clocks)
    }

    /// Sets the true time.
    pub(crate) fn set(&self, time: i64) {
        self.time.store(time, Ordering::SeqCst);
    }

    /// Changes a row behind the state's back.
    pub(crate) fn execute(&self, sql: &str) {
        #[cfg(all(feature = "postgres", unix))]
        if let Some(database) = &self.database {
            return database.execute(sql);
        }
        let path = self.directory.path().join("state.sqlite");
        let file = rusqlite::Connection::open(path).expect("it opens");
        file.execute_batch(sql).expect("it is written");
    }

    /// The number that a query returns.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        #[cfg(all(feature = "postgres", unix))]
        if let Some(database) = &self.database {
            return database.number(sql);
        }
        let path = self.directory.path().join("state.sqlite");
        let file = rusqlite::Connection::open(path).expect("it opens");
        file.query_row(sql, (), |row| row.get(0)).expect("a number")
    }

    pub(crate) fn now(&self) -> i64 {
        self.time.load(Ordering::SeqCst)
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }
}

pub(crate) fn new_crawl(id: &str) -> NewCrawl {
    NewCrawl {
        id: id.to_owned(),
        snapshot: format!("snapshot of {id}"),
        fingerprint: "acme".to_owned(),
        version: "0.1.0".to_owned(),
    }
}

pub(crate) fn page(body: &str) -> Record {
    Record {
        kind: RecordKind::Page,
        body: body.into(),
        observed_at: 7,
    }
}

/// Waits for a future, for tests that have no runtime of their own.
pub(crate) trait Wait: Future + Sized {
    fn wait(self) -> Self::Output {
        static RUNTIME: LazyLock<Runtime> =
            LazyLock::new(|| Builder::new_current_thread().build().expect("a runtime"));
        RUNTIME.block_on(self)
    }
}

impl<F: Future> Wait for F {}
