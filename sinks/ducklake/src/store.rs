//! The database that a catalog is in.

use std::fmt;

use fortilake_sink::Result;
use serde_json::Value;

#[cfg(feature = "postgres")]
use crate::postgres::Server;
use crate::sqlite::SqliteFile;
use crate::transaction::Transaction;

/// A database with a catalog, or for one.
#[derive(Clone, Debug)]
pub(crate) enum Store {
    Sqlite(SqliteFile),
    #[cfg(feature = "postgres")]
    Postgres(Box<Server>),
}

impl Store {
    /// Runs `work` in a transaction that other registrations wait for. It may be run again, if another program has
    /// committed the same version or the answer to the commit was lost.
    pub(crate) fn transaction<T>(&self, work: impl Fn(&dyn Transaction) -> Result<T>) -> Result<T> {
        match self {
            Self::Sqlite(file) => file.transaction(work),
            #[cfg(feature = "postgres")]
            Self::Postgres(server) => server.transaction(work),
        }
    }

    /// Checks what a transaction needs, and runs `work`, which changes nothing. Leaves nothing behind.
    pub(crate) fn try_out(&self, work: impl Fn(&dyn Transaction) -> Result<()>) -> Result<()> {
        match self {
            Self::Sqlite(file) => file.try_out(work),
            #[cfg(feature = "postgres")]
            Self::Postgres(server) => server.try_out(work),
        }
    }

    /// Whether there may be a catalog.
    pub(crate) fn exists(&self) -> bool {
        match self {
            Self::Sqlite(file) => file.exists(),
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => true,
        }
    }

    /// What identifies the catalog among those of a place.
    pub(crate) fn identity(&self) -> String {
        match self {
            Self::Sqlite(file) => file.path(),
            #[cfg(feature = "postgres")]
            Self::Postgres(server) => server.to_string(),
        }
    }

    /// Where the catalog is, for the record in the place.
    pub(crate) fn members(&self) -> Vec<(&'static str, Value)> {
        match self {
            Self::Sqlite(file) => vec![("catalog", file.path().into())],
            #[cfg(feature = "postgres")]
            Self::Postgres(server) => vec![
                ("catalog", server.url().into()),
                ("schema", server.schema().into()),
            ],
        }
    }
}

impl fmt::Display for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(file) => file.fmt(formatter),
            #[cfg(feature = "postgres")]
            Self::Postgres(server) => server.fmt(formatter),
        }
    }
}
