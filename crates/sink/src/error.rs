//! What can go wrong in a sink, sorted by what the caller can do about it.

use std::error::Error as StdError;
use std::fmt::{self, Display};
use std::io;
use std::path::Path;

#[cfg(test)]
mod tests;

/// The result of everything that a sink does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of a sink, of the registry or of a sink's options.
///
/// It is opaque so that sinks can add detail without breaking anyone; what a program needs is [`Error::kind`].
/// The text names what failed and on what, and the reason behind it is the [source](StdError::source).
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
    /// Mend the configuration: an unknown sink, a wrong option, a path that cannot be written.
    Config,
    /// Try again later: the destination did not answer or could not be read or written just now.
    Unavailable,
    /// Make room and try again: the destination is full.
    Full,
    /// Look at the data: the destination is well and refused what it was given.
    Rejected,
    /// Report it: the sink or its caller broke the contract.
    Internal,
}

impl Error {
    /// An error of this kind whose text is `text`: lower case, one line, no full stop.
    pub fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            text: text.into(),
            source: None,
        }))
    }

    /// The same error with the reason behind it; the text must not repeat that reason.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// "cannot `action` `path`", because of `source`.
    ///
    /// The kind follows from the I/O error at the bottom of `source`, wherever that is in the chain:
    /// a full disk is [`Kind::Full`], a path that is wrong or forbidden is [`Kind::Config`],
    /// and anything else may heal and is [`Kind::Unavailable`].
    /// Without an I/O error in the chain nothing outside is at fault, and it is [`Kind::Internal`].
    pub fn io(
        action: impl Display,
        path: &Path,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        let source = source.into();
        let text = format!("cannot {action} `{}`", path.display());
        Self::new(kind_of(source.as_ref()), text).with_source(source)
    }

    /// What the caller can do.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Whether the same thing may work later, with the same configuration and the same data.
    ///
    /// It is so for [`Kind::Unavailable`] and [`Kind::Full`], and the latter heals only once somebody makes room.
    /// A sink has made the tries that were worth making before it returns an error, so this says whether
    /// delivering the crawl again is worth it, and not that the same call should be repeated.
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
        io::ErrorKind::StorageFull
        | io::ErrorKind::QuotaExceeded
        | io::ErrorKind::FileTooLarge
        | io::ErrorKind::WriteZero => Kind::Full,
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
