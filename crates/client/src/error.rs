//! The error type of this crate.

use std::{error, fmt};

use fortilake_auth::{self as auth, transport};

use crate::{Fault, Pause, Status, class::Class, failure::Failure, retry::Stage};

/// A result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A call that has failed, after all retries that make sense.
#[derive(Debug)]
pub struct Error(Box<Inner>);

/// What an [`Error`] consists of.
#[derive(Debug)]
struct Inner {
    kind: Kind,
    message: String,
    code: Option<i64>,
    http: Option<u16>,
    pause: Option<Pause>,
    answer: Option<Answer>,
    source: Option<Source>,
}

/// The body of an answer that was not a success, with secrets removed. It is data, so `Debug` hides
/// it.
pub(crate) struct Answer(pub(crate) String);

#[derive(Debug)]
pub(crate) enum Source {
    Auth(auth::Error),
    Transport(transport::Error),
    Json(serde_json::Error),
    Shape(Shape),
    Ledger(Box<dyn error::Error + Send + Sync>),
}

/// Why an answer does not fit a type, without quoting the answer.
#[derive(Debug)]
pub(crate) struct Shape(String);

/// What a caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Try again later. The call has already been retried a few times.
    Transient,
    /// Make no calls until the time in [`Error::pause`].
    Paused,
    /// Correct the credentials; no call works without them.
    Credentials,
    /// Correct the addresses or the connection; no call works without them.
    Config,
    /// Repair the ledger or the registration memory. Without them, it is unknown what the API still
    /// allows, or what it has done.
    Ledger,
    /// Skip the call: this user has no permission for it.
    Refused,
    /// Skip the call: it is wrong and would fail again.
    BadRequest,
    /// Skip the call: the API cannot do what it asks for.
    NotPossible,
    /// Skip the call: the answer could not be understood.
    Unexpected,
}

impl Error {
    /// Returns what a caller can do about the error.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Returns the API's own error number, such as 202, if the answer has one.
    pub fn code(&self) -> Option<i64> {
        self.0.code
    }

    /// Returns the HTTP status, if there was an answer.
    pub fn http(&self) -> Option<u16> {
        self.0.http
    }

    /// Why and until when no call is made, if the kind is [`Kind::Paused`].
    pub fn pause(&self) -> Option<Pause> {
        self.0.pause
    }

    /// The answer that was no success: a JSON text, without the secrets in it.
    ///
    /// An API that carried out only a part of a call reports it here: a registration lists each
    /// unit with its own status.
    pub fn answer(&self) -> Option<&str> {
        self.0.answer.as_ref().map(|answer| answer.0.as_str())
    }

    /// Creates an error for a ledger that cannot be read or written. Implementations of
    /// [`Ledger`](crate::ledger::Ledger) use it.
    pub fn ledger(source: impl Into<Box<dyn error::Error + Send + Sync>>) -> Self {
        let mut error = Self::new(
            Kind::Ledger,
            "the ledger of calls cannot be used".to_owned(),
        );
        error.0.source = Some(Source::Ledger(source.into()));
        error
    }

    /// What became of units cannot be remembered.
    pub(crate) fn memory(source: Box<dyn error::Error + Send + Sync>) -> Self {
        let message = "what was registered cannot be remembered";
        let mut error = Self::new(Kind::Ledger, message.to_owned());
        error.0.source = Some(Source::Ledger(source));
        error
    }

    /// The configuration is invalid.
    pub(crate) fn config(message: String) -> Self {
        Self::new(Kind::Config, message)
    }

    /// The arguments do not fit the endpoint; nothing was sent.
    pub(crate) fn arguments(label: &str, reason: &str) -> Self {
        Self::new(Kind::BadRequest, format!("{label} {reason}"))
    }

    /// The credentials cannot be used as they are. Nothing was sent.
    pub(crate) fn credentials(source: auth::Error) -> Self {
        let mut error = Self::new(Kind::Credentials, "calls cannot be signed".to_owned());
        error.0.source = Some(Source::Auth(source));
        error
    }

    /// An answer that does not fit its type at this path. `reason` contains no data of the answer.
    pub(crate) fn shape(label: &str, path: &str, reason: Option<String>) -> Self {
        let message = match path {
            "." => format!("{label} got an answer of another shape"),
            path => format!("{label} got an answer of another shape at `{path}`"),
        };
        let mut error = Self::new(Kind::Unexpected, message);
        error.0.source = reason.map(|reason| Source::Shape(Shape(reason)));
        error
    }

    /// A token that could not be given back.
    pub(crate) fn sign_out(failure: Failure) -> Self {
        let message = "the API cannot be signed out of, so its token stays valid until it ends";
        let mut error = Self::last("", failure, 1);
        message.clone_into(&mut error.0.message);
        error
    }

    /// Arguments that are no JSON.
    pub(crate) fn json(label: &str, reason: &str, source: serde_json::Error) -> Self {
        let mut error = Self::new(Kind::Unexpected, format!("{label} {reason}"));
        error.0.source = Some(Source::Json(source));
        error
    }

    /// The last try of a call.
    pub(crate) fn last(label: &str, failure: Failure, tries: u32) -> Self {
        let message = format!("{label} {}{}", verdict(&failure), facts(&failure, tries));
        let code = failure
            .envelope
            .as_ref()
            .and_then(|envelope| match envelope.fault {
                Fault::Code(code) => Some(code),
                Fault::None | Fault::Text => None,
            });
        Self(Box::new(Inner {
            kind: failure
                .pause
                .map_or_else(|| kind(failure.class), |_| Kind::Paused),
            message,
            code,
            http: failure.http,
            pause: failure.pause,
            answer: failure.answer,
            source: failure.source,
        }))
    }

    fn new(kind: Kind, message: String) -> Self {
        Self(Box::new(Inner {
            kind,
            message,
            code: None,
            http: None,
            pause: None,
            answer: None,
            source: None,
        }))
    }
}

fn kind(class: Class) -> Kind {
    match class {
        Class::Transient => Kind::Transient,
        Class::Throttled | Class::HourlyLimit | Class::ErrorLimit | Class::Suspended => {
            Kind::Paused
        }
        Class::Credentials => Kind::Credentials,
        Class::Config => Kind::Config,
        Class::Uncounted => Kind::Ledger,
        Class::Access => Kind::Refused,
        Class::BadRequest => Kind::BadRequest,
        Class::NotPossible => Kind::NotPossible,
        Class::Token | Class::Unexpected | Class::Success | Class::Empty => Kind::Unexpected,
    }
}

fn verdict(failure: &Failure) -> String {
    if let Some(pause) = failure.pause {
        return format!("has to wait: {}", pause.reason);
    }
    let text = match (failure.class, failure.stage) {
        (Class::Throttled | Class::HourlyLimit | Class::ErrorLimit | Class::Suspended, _) => {
            "has to wait"
        }
        (Class::Uncounted, _) => "is not sent",
        (_, Stage::SignIn) | (Class::Credentials, _) => "cannot sign in",
        (Class::Token, _) => "is refused even with a new token",
        (Class::Access, _) => "is refused",
        (Class::BadRequest, _) => "is not accepted",
        (Class::NotPossible, _) => "is not possible",
        (Class::Transient | Class::Config, _) => "got no usable answer",
        _ => "got an answer that makes no sense",
    };
    text.to_owned()
}

/// What the answer says, then its numbers in parentheses.
fn facts(failure: &Failure, tries: u32) -> String {
    let envelope = failure.envelope.clone().unwrap_or_default();
    let mut numbers = Vec::new();
    if let Fault::Code(code) = envelope.fault {
        numbers.push(format!("error {code}"));
    }
    if let Status::Number(status) | Status::Code(status) = envelope.status {
        numbers.push(format!("status {status}"));
    }
    numbers.extend(failure.http.map(|http| format!("HTTP {http}")));
    if tries > 1 {
        numbers.push(format!("{tries} tries"));
    }
    let message = envelope
        .message
        .map(|text| format!(": {text}"))
        .unwrap_or_default();
    if numbers.is_empty() {
        return message;
    }
    format!("{message} ({})", numbers.join(", "))
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.message)
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self.0.source.as_ref()? {
            Source::Auth(error) => Some(error),
            Source::Transport(error) => Some(error),
            Source::Json(error) => Some(error),
            Source::Shape(error) => Some(error),
            Source::Ledger(error) => Some(&**error),
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} bytes", self.0.len())
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl error::Error for Shape {}
