//! The error of this crate.

use std::{error, fmt, io, path::Path, sync::Arc};

use rusqlite::ffi;

/// A result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error while storing or reading state.
///
/// It can be cloned because a journal that failed returns the same error from every later call.
#[derive(Debug, Clone)]
pub struct Error(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    message: String,
    hint: Option<String>,
    source: Option<Box<dyn error::Error + Send + Sync>>,
}

/// What a caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Free disk space, on the server if the state is there. Everything stored so far is kept.
    Full,
    /// Check the disk, the path and its permissions.
    Io,
    /// Move the damaged file away. [`Error::hint`] names it and says what is lost.
    Damaged,
    /// Try again: another process locked the file for too long.
    Busy,
    /// Upgrade: a newer version wrote the file, or created the tables.
    Newer,
    /// Wait for the process that has the crawl open, or end it.
    Held,
    /// Check the id: there is no such crawl.
    Missing,
    /// Fix the URL, the password, a privilege or a certificate of the database.
    Refused,
    /// Try again when the database can be reached.
    Unavailable,
    /// Stop: another process has taken over the crawl.
    Lost,
    /// Report a bug.
    Unforeseen,
}

impl Error {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: message.into(),
            hint: None,
            source: None,
        }))
    }

    /// An operation on a file or folder failed.
    pub(crate) fn io(operation: &str, path: &Path, source: io::Error) -> Self {
        let kind = match source.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Kind::Full,
            _ => Kind::Io,
        };
        let message = format!("cannot {operation} `{}`", path.display());
        let error = Self::new(kind, message).with_source(source);
        match disk_hint(kind) {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }

    /// The state file contains something that this crate cannot have written.
    pub(crate) fn damaged(path: &Path, what: impl fmt::Display) -> Self {
        let message = format!("the state file `{}` is damaged: {what}", path.display());
        Self::new(Kind::Damaged, message).with_hint(damaged_hint(path))
    }

    /// An SQL operation on the state file failed.
    pub(crate) fn sqlite(operation: &str, path: &Path, source: rusqlite::Error) -> Self {
        let kind = kind_of(&source);
        let shown = path.display();
        let message = match kind {
            Kind::Damaged => format!("the state file `{shown}` is damaged: cannot {operation}"),
            Kind::Full => format!("no space left to {operation} in `{shown}`"),
            _ => format!("cannot {operation} in `{shown}`"),
        };
        let error = Self::new(kind, message).with_source(source);
        match disk_hint(kind) {
            _ if kind == Kind::Damaged => error.with_hint(damaged_hint(path)),
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        // The error was just created, so there is only one reference.
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.hint = Some(hint.into());
        }
        self
    }

    pub(crate) fn with_source(
        mut self,
        source: impl Into<Box<dyn error::Error + Send + Sync>>,
    ) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.source = Some(source.into());
        }
        self
    }

    /// What a caller can do about the error.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// What the user should do about the error, for messages.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

/// The cause of a failed operation on the file. [`OperationError::during`] adds the operation's name.
#[derive(Debug)]
pub(crate) enum OperationError {
    Sqlite(rusqlite::Error),
    /// A row that this crate cannot have written.
    Damaged(String),
    Error(Error),
}

impl OperationError {
    pub(crate) fn during(self, operation: &str, path: &Path) -> Error {
        match self {
            Self::Sqlite(error) => Error::sqlite(operation, path, error),
            Self::Damaged(what) => Error::damaged(path, what),
            Self::Error(error) => error,
        }
    }
}

impl From<rusqlite::Error> for OperationError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Error> for OperationError {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// The hint for errors of the disk.
fn disk_hint(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Full => Some(
            "free disk space there and run the same command again; everything stored so far is kept",
        ),
        Kind::Io => Some(
            "check that it can be read and written, then run the same command again; everything \
             stored so far is kept",
        ),
        _ => None,
    }
}

/// The hint for a damaged file: what to move away, and what is lost with it.
fn damaged_hint(path: &Path) -> String {
    let shown = path.display();
    format!(
        "move `{shown}` away, together with `{shown}-wal` and `{shown}-shm` if they exist; you lose \
         the crawls that could be resumed or replayed, the tokens, and the record of the last \
         hour's calls, so wait an hour before the next crawl; published snapshots are not affected"
    )
}

fn kind_of(error: &rusqlite::Error) -> Kind {
    let rusqlite::Error::SqliteFailure(failure, _) = error else {
        return match error {
            // This crate cannot have written such a row or value.
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..)
            | rusqlite::Error::QueryReturnedNoRows
            | rusqlite::Error::SqlInputError { .. } => Kind::Damaged,
            _ => Kind::Unforeseen,
        };
    };
    match failure.extended_code {
        // The index of the log is a mapped file that cannot grow because the disk is full.
        ffi::SQLITE_IOERR_SHMSIZE => Kind::Full,
        // The file ends in the middle of a page.
        ffi::SQLITE_IOERR_SHORT_READ | ffi::SQLITE_IOERR_CORRUPTFS => Kind::Damaged,
        code => match code & 0xff {
            ffi::SQLITE_FULL => Kind::Full,
            ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED => Kind::Busy,
            ffi::SQLITE_IOERR
            | ffi::SQLITE_CANTOPEN
            | ffi::SQLITE_PERM
            | ffi::SQLITE_READONLY
            | ffi::SQLITE_AUTH
            | ffi::SQLITE_NOLFS => Kind::Io,
            // Our statements are correct, so the file lacks a table or column, or breaks a
            // constraint.
            ffi::SQLITE_CORRUPT
            | ffi::SQLITE_NOTADB
            | ffi::SQLITE_FORMAT
            | ffi::SQLITE_ERROR
            | ffi::SQLITE_SCHEMA
            | ffi::SQLITE_CONSTRAINT
            | ffi::SQLITE_MISMATCH
            | ffi::SQLITE_TOOBIG => Kind::Damaged,
            _ => Kind::Unforeseen,
        },
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.message)
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
