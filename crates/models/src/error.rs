//! The error type of this crate.

use std::fmt;

/// A response from which the endpoint's rows cannot be read.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    message: String,
    source: Option<serde_json::Error>,
}

impl Error {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            message: message.into(),
            source: None,
        }))
    }

    pub(crate) fn json(source: serde_json::Error) -> Self {
        let message =
            "the response is not JSON with the structure that the API description specifies"
                .to_owned();
        Self(Box::new(Inner {
            message,
            source: Some(source),
        }))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| source as _)
    }
}
