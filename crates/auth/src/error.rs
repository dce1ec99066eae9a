//! The error of this crate.

use std::{error, fmt, sync::Arc};

use fortilake_transport as transport;
use fortilake_transport::http::{HeaderMap, StatusCode};

/// A result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The reason why there is no token.
///
/// It is `Clone` because every caller that waited for the same sign-in gets its error.
#[derive(Debug, Clone)]
pub struct Error(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    message: String,
    limit: Option<Limit>,
    source: Option<transport::Error>,
}

/// What a caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The user or the password is wrong. Trying again would only use more of the error budget.
    Credentials,
    /// The user exists, but may not get a token for this `client_id`.
    ClientId,
    /// Another token of this user is still valid, and the server issues no second one until it
    /// expires.
    Taken,
    /// Too many calls or errors. [`Error::limit`] has the server's response, if a request was sent.
    Limited,
    /// A temporary failure. The same request may succeed a little later.
    Transient,
    /// The address or the connection is misconfigured.
    Config,
    /// The response is not one that a token server gives.
    Unexpected,
}

/// The server's response when it asked for fewer calls, or could not handle the request.
#[derive(Debug, Clone)]
pub struct Limit {
    /// The HTTP status code.
    pub http: StatusCode,
    /// The response headers, which may include `Retry-After`.
    pub headers: HeaderMap,
    /// The number under `status` in the body, if there is one.
    pub status: Option<i64>,
}

impl Error {
    pub(crate) fn new(kind: Kind, message: String) -> Self {
        Self(Arc::new(Inner {
            kind,
            message,
            limit: None,
            source: None,
        }))
    }

    /// An error whose response may say how long to wait.
    pub(crate) fn answered(kind: Kind, message: String, limit: Limit) -> Self {
        Self(Arc::new(Inner {
            kind,
            message,
            limit: Some(limit),
            source: None,
        }))
    }

    /// A sign-in that got no response.
    pub(crate) fn unanswered(client_id: &str, source: transport::Error) -> Self {
        use transport::Kind as K;
        let message = match source.kind() {
            K::Connect | K::Proxy | K::Tls => {
                format!("the sign-in for `{client_id}` could not be sent")
            }
            _ => format!("the sign-in for `{client_id}` failed"),
        };
        Self::no_answer(message, source)
    }

    /// A request, such as a sign-out, that got no response.
    pub(crate) fn no_answer(message: String, source: transport::Error) -> Self {
        let kind = match source.kind() {
            transport::Kind::TooLarge => Kind::Unexpected,
            transport::Kind::Paused => Kind::Limited,
            kind if kind.is_transient() => Kind::Transient,
            _ => Kind::Config,
        };
        Self(Arc::new(Inner {
            kind,
            message,
            limit: None,
            source: Some(source),
        }))
    }

    /// Returns what kind of failure this is, which decides what a caller can do about it.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Returns why the request got no response, or `None` if it got one or was never sent.
    pub fn transport_kind(&self) -> Option<transport::Kind> {
        self.0.source.as_ref().map(transport::Error::kind)
    }

    /// Whether the server answered, and would refuse the same request at any time.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(
            self.0.kind,
            Kind::Credentials | Kind::ClientId | Kind::Unexpected
        ) && self.0.source.is_none()
    }

    /// Returns the server's response if it may say how long to wait before the next request.
    pub fn limit(&self) -> Option<&Limit> {
        self.0.limit.as_ref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.message)
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.0.source.as_ref().map(|source| source as _)
    }
}
