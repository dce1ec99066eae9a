//! The error type of sinks, whose kinds tell what the caller can do.

use std::error::Error as StdError;
use std::fmt::{self, Display};
use std::io;
use std::path::Path;

#[cfg(test)]
mod tests;

/// A result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of a sink, of the registry or of a sink's options.
///
/// It is opaque so that details can be added without breaking callers; programs decide by [`Error::kind`]. The text
/// says what failed and on what, and the cause is the [source](StdError::source).
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    text: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What the caller can do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Fix the configuration: an unknown sink, a wrong option, or a path that cannot be written.
    Config,
    /// Try again later: the destination did not respond, or could not be read or written for now.
    Unavailable,
    /// Free space and try again: the destination is full.
    Full,
    /// Check the data: the destination works, but rejected the data it got.
    Rejected,
    /// Decide: publishing would remove rows that may still exist, and neither an option nor a flag allows it.
    Refused,
    /// Report a bug: the sink or its caller broke the contract.
    Internal,
}

impl Error {
    /// An error of this kind. `text` is one line, starts in lower case, and has no full stop.
    pub fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            text: text.into(),
            source: None,
        }))
    }

    /// Adds the cause. The error's text must not repeat it, because callers print the whole chain.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// An error with the text "cannot `action` `path`" and the cause `source`.
    ///
    /// The kind follows from the first I/O error in the chain of `source`. A full disk is [`Kind::Full`], a path that
    /// is wrong or forbidden is [`Kind::Config`], and any other I/O error may be temporary and is
    /// [`Kind::Unavailable`]. Without an I/O error in the chain, the kind is [`Kind::Internal`].
    pub fn io(
        action: impl Display,
        path: &Path,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        let source = source.into();
        let text = format!("cannot {action} `{}`", path.display());
        Self::new(kind_of(source.as_ref()), text).with_source(source)
    }

    /// What the caller can do about the error.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Whether delivering the crawl again later may succeed, with the same configuration and the same data.
    ///
    /// This is the case for [`Kind::Unavailable`], and for [`Kind::Full`] once someone has freed space. It does not
    /// mean that the caller should retry the call: the sink made all useful retries before it returned the error.
    pub fn is_transient(&self) -> bool {
        matches!(self.0.kind, Kind::Unavailable | Kind::Full)
    }
}

fn kind_of(error: &(dyn StdError + 'static)) -> Kind {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return kind_of_io(error.kind());
        }
        next = error.source();
    }
    Kind::Internal
}

fn kind_of_io(kind: io::ErrorKind) -> Kind {
    match kind {
        // `write_all` reports `WriteZero` if a device takes no more bytes.
        io::ErrorKind::StorageFull
        | io::ErrorKind::QuotaExceeded
        | io::ErrorKind::FileTooLarge
        | io::ErrorKind::WriteZero => Kind::Full,
        // Another process could change these too, but a retry rarely helps, and a crawl that keeps retrying hides a
        // wrong path from the user.
        io::ErrorKind::NotFound
        | io::ErrorKind::PermissionDenied
        | io::ErrorKind::AlreadyExists
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::IsADirectory
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::InvalidInput
        | io::ErrorKind::InvalidFilename
        | io::ErrorKind::Unsupported => Kind::Config,
        _ => Kind::Unavailable,
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("text", &self.0.text)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
