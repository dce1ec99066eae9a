//! The error of this crate.

use std::{error, fmt};

/// A result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A request that got no answer.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    message: String,
    cause: Option<Cause>,
}

/// The text of the innermost cause.
///
/// It is text so that no error type of the HTTP library shows, and the innermost one because the
/// layers above it only repeat that something went wrong.
#[derive(Debug)]
struct Cause(String);

/// What a caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// No connection came about; the request was not sent.
    Connect,
    /// No answer came in time.
    Timeout,
    /// The connection broke before the answer was complete.
    Interrupted,
    /// The answer is larger than allowed.
    TooLarge,
    /// A redirect leads elsewhere, or nowhere.
    Redirect,
    /// The request would have travelled unencrypted.
    Insecure,
    /// No trustworthy encryption came about.
    Tls,
    /// The transport itself is set up wrongly.
    Config,
    /// Limits allow no request for now, so nothing was sent.
    Paused,
}

impl Kind {
    /// Whether the same request may well succeed a little later.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Connect | Self::Timeout | Self::Interrupted)
    }
}

impl Error {
    /// Builds an error, for implementations of [`Transport`](crate::Transport).
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            cause: None,
        }))
    }

    /// Adds the text of what caused the error.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.0.cause = Some(Cause(cause.into()));
        self
    }

    /// What a caller can do about it.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.message)
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.0.cause.as_ref().map(|cause| cause as _)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl error::Error for Cause {}
