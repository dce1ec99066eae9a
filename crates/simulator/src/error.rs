//! The error type of this crate.

use std::fmt;

/// Why a simulator could not be created.
///
/// The only cause is a scenario that cannot be read. Failures of calls are not errors of this type,
/// but simulated responses.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// What a caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The scenario is invalid; correct its text.
    Scenario,
}

impl Error {
    pub(crate) fn scenario(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(Box::new(Inner {
            kind: ErrorKind::Scenario,
            source: source.into(),
        }))
    }

    /// Returns what kind of failure this is, which decides what a caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.kind {
            ErrorKind::Scenario => formatter.write_str("cannot read the scenario"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self.0.source.as_ref())
    }
}
