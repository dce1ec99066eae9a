//! The error of this crate.

use std::{error, fmt, sync::Arc};

use fortilake_transport as transport;
use fortilake_transport::http::{HeaderMap, StatusCode};

/// A result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why there is no token.
///
/// It can be cloned because everyone who waited for one sign-in gets its error.
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
    /// The user or the password is wrong; more tries would only cost more errors.
    Credentials,
    /// The user exists, but gets no token for this `client_id`.
    ClientId,
    /// Another token of the user is valid, and there is no second one before it ends.
    Taken,
    /// Too many calls or errors; [`Error::limit`] has what the server said, if it was asked at all.
    Limited,
    /// The same may well succeed a little later.
    Transient,
    /// The address or the connection is set up wrongly.
    Config,
    /// The server said something that no token server says.
    Unexpected,
}

/// What a server said when it wanted no more calls.
#[derive(Debug, Clone)]
pub struct Limit {
    /// The HTTP status.
    pub http: StatusCode,
    /// The headers, among which `Retry-After` may be.
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

    pub(crate) fn limited(message: String, limit: Limit) -> Self {
        Self(Arc::new(Inner {
            kind: Kind::Limited,
            message,
            limit: Some(limit),
            source: None,
        }))
    }

    /// A sign-in that got no answer.
    pub(crate) fn unanswered(client_id: &str, source: transport::Error) -> Self {
        Self::no_answer(
            format!("no answer to the sign-in for `{client_id}`"),
            source,
        )
    }

    /// A request that got no answer.
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

    /// What a caller can do about it.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Whether the server has answered, and will not give a token for this request at any time.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(
            self.0.kind,
            Kind::Credentials | Kind::ClientId | Kind::Unexpected
        ) && self.0.source.is_none()
    }

    /// What the server said when it wanted no more calls.
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
