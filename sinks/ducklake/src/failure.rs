//! Why a transaction failed.

use fortilake_sink::Error;

/// A result with [`Failure`].
pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// Why a transaction failed. Either way, it is rolled back.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The database failed.
    Sql(rusqlite::Error),
    /// The catalog or the snapshot is not as it has to be.
    Refused(Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}
