//! The error of this crate.

use std::{error::Error as StdError, fmt};

/// The result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a crawl published nothing.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What whoever started the crawl can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Correct the configuration.
    Configuration,
    /// Correct the credentials.
    Credentials,
    /// Come back later: the API takes no more calls for now.
    Paused,
    /// It was told to stop.
    Interrupted,
    /// Look into the source: nothing could be read from it.
    Unreadable,
    /// Look into the sinks: none of them takes anything.
    Sinks,
    /// Report it.
    Unforeseen,
}

impl Error {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            source: None,
        }))
    }

    pub(crate) fn with_source(
        mut self,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What whoever started the crawl can do about it.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
