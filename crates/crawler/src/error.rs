//! The error of this crate.

use std::{error::Error as StdError, fmt};

use fortilake_client::Pause;

/// The result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a crawl published nothing.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    message: String,
    pause: Option<Pause>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What the caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Correct the configuration.
    Configuration,
    /// Correct the credentials.
    Credentials,
    /// Run the crawl again at the time that [`Error::pause`] names.
    Paused,
    /// Check the state: the journal or the ledger cannot be used.
    State,
    /// Nothing to do: the caller stopped the crawl.
    Interrupted,
    /// Check the source: nothing could be read from it.
    Unreadable,
    /// Check the sinks: all of them failed.
    Sinks,
    /// Report a bug in fortilake.
    Unforeseen,
}

impl Error {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            pause: None,
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

    pub(crate) fn state(source: fortilake_state::Error) -> Self {
        Self::new(Kind::State, "the state cannot be read or written").with_source(source)
    }

    pub(crate) fn with_pause(mut self, pause: Pause) -> Self {
        self.0.pause = Some(pause);
        self
    }

    /// Why the crawl paused and until when, if the kind is [`Kind::Paused`].
    pub fn pause(&self) -> Option<Pause> {
        self.0.pause
    }

    /// What the caller can do about the error.
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

/// An error and its causes, joined with `: `. This is the form that `coverage` stores.
pub fn one_line(error: &dyn StdError) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    line
}
