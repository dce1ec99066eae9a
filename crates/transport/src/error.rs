//! The error type of this crate.

use std::{error, fmt};

/// A result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A request that got no response.
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
/// It is stored as text so that no error type of the HTTP library is part of this crate's API. Only
/// the innermost cause is kept, because the layers above it just repeat that something went wrong.
#[derive(Debug)]
struct Cause(String);

/// What a caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// No connection could be made, to the host or to a proxy. The request was not sent.
    Connect,
    /// The proxy refused to connect to the host. The request was not sent.
    Proxy,
    /// A connection that was kept from an earlier request broke before a response began.
    ///
    /// Servers and firewalls close idle connections without notice, so this says nothing about the
    /// request. See [`Request::new_connection`](crate::Request::new_connection).
    Stale,
    /// No response came in time.
    Timeout,
    /// The connection broke before the response was complete.
    Interrupted,
    /// The response is larger than the limit.
    TooLarge,
    /// A redirect that is not followed, because it leads to another host or is invalid.
    Redirect,
    /// The request would have been sent unencrypted.
    Insecure,
    /// The TLS handshake failed, or the certificate is not trusted.
    Tls,
    /// The transport itself is misconfigured.
    Config,
    /// Limits allow no request at the moment, so nothing was sent.
    Paused,
}

impl Kind {
    /// Whether the same request may succeed a little later.
    pub fn is_transient(self) -> bool {
        matches!(
            self,
            Self::Connect | Self::Stale | Self::Timeout | Self::Interrupted
        )
    }
}

impl Error {
    /// Creates an error. Implementations of [`Transport`](crate::Transport) use it.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            cause: None,
        }))
    }

    /// Adds the text of the underlying cause.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.0.cause = Some(Cause(cause.into()));
        self
    }

    /// Returns what kind of failure this is, which decides what a caller can do about it.
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
