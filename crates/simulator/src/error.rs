//! The error of this crate.

use std::fmt;

/// Why a simulator could not be set up.
///
/// There is one way to fail, a scenario that cannot be read; what goes wrong in a call is the simulated answer.
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
    /// The scenario is not valid: fix its text.
    Scenario,
}

impl Error {
    pub(crate) fn scenario(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(Box::new(Inner {
            kind: ErrorKind::Scenario,
            source: source.into(),
        }))
    }

    /// What the caller can do about it.
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
