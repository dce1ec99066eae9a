//! The error type of this crate.

use std::{error, fmt, time::Duration};

use fortilake_auth as auth;
use fortilake_transport as transport;

use crate::{
    Pause, Reason,
    past_error::{LastErrors, PastError},
    tries::{Tries, TryStage},
};

/// A result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A call that has failed, after all retries that make sense.
#[derive(Debug)]
pub struct Error(Box<Parts>);

/// What an [`Error`] consists of.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are independent facts about one failure"
)]
pub(crate) struct Parts {
    pub(crate) kind: Kind,
    pub(crate) message: String,
    pub(crate) stage: Option<TryStage>,
    pub(crate) code: Option<i64>,
    pub(crate) http: Option<u16>,
    pub(crate) pause: Option<Pause>,
    pub(crate) body: Option<ErrorBody>,
    /// Whether the request was certainly never sent.
    pub(crate) unsent: bool,
    /// Whether the API certainly did nothing.
    pub(crate) undone: bool,
    /// The failed tries, including the last one.
    pub(crate) tries: Tries,
    pub(crate) repeated: bool,
    pub(crate) throttled: bool,
    pub(crate) retry_after: Duration,
    pub(crate) source: Option<ErrorSource>,
}

/// The body of a response that was not a success, with secrets removed. It is data, so `Debug`
/// hides it.
pub(crate) struct ErrorBody(pub(crate) String);

#[derive(Debug)]
pub(crate) enum ErrorSource {
    Auth(auth::Error),
    Transport(transport::Error),
    Json(serde_json::Error),
    Shape(ShapeError),
    Ledger(Box<dyn error::Error + Send + Sync>),
    Errors(LastErrors),
}

/// Why a response does not fit a type, without quoting the response.
#[derive(Debug)]
pub(crate) struct ShapeError(String);

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
    /// Skip the call: the response could not be understood.
    Unexpected,
}

impl Error {
    /// Returns what a caller can do about the error.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Returns the API's own error number, such as 202, if the response has one.
    pub fn code(&self) -> Option<i64> {
        self.0.code
    }

    /// Returns the HTTP status, if there was a response.
    pub fn http(&self) -> Option<u16> {
        self.0.http
    }

    /// Whether the sign-in failed, so that the call itself was not sent.
    pub fn is_at_sign_in(&self) -> bool {
        self.0.stage == Some(TryStage::SignIn)
    }

    /// Returns why and until when calls pause, if the kind is [`Kind::Paused`].
    pub fn pause(&self) -> Option<Pause> {
        self.0.pause
    }

    /// Whether the call certainly never left this machine.
    pub fn is_unsent(&self) -> bool {
        self.0.unsent
    }

    /// Whether the API certainly did nothing, because it never received the call or refused it.
    pub fn is_undone(&self) -> bool {
        self.0.undone
    }

    /// Whether two tries got the same complete response, or several new tokens were refused, so
    /// that another try would most likely end in the same way.
    pub fn is_repeated(&self) -> bool {
        self.0.repeated
    }

    /// Whether the API rejected this call because there were too many. Only the caller can find out
    /// whether it rejects other calls, too.
    pub fn is_throttled(&self) -> bool {
        self.0.throttled
    }

    /// Returns the failed tries, for a caller that tries the call again later.
    pub fn tries(&self) -> Tries {
        self.0.tries
    }

    /// Returns how long the server wants the caller to wait before the next try, if the kind is
    /// [`Kind::Transient`]. Zero if the server did not say.
    pub fn retry_after(&self) -> Duration {
        self.0.retry_after
    }

    /// Returns the JSON body of a response that was not a success, with secrets removed.
    ///
    /// An API that carried out only a part of a call reports it here: a registration lists each
    /// unit with its own status.
    pub fn response_body(&self) -> Option<&str> {
        self.0.body.as_ref().map(|body| body.0.as_str())
    }

    /// Creates an error for a ledger that cannot be read or written. Implementations of
    /// [`Ledger`](crate::ledger::Ledger) use it.
    pub fn ledger(source: impl Into<Box<dyn error::Error + Send + Sync>>) -> Self {
        let mut error = Self::new(
            Kind::Ledger,
            "cannot read or write the ledger that counts calls".to_owned(),
        );
        error.0.source = Some(ErrorSource::Ledger(source.into()));
        error
    }

    /// Creates an error for results of a registration that cannot be loaded or saved.
    pub fn memory(source: Box<dyn error::Error + Send + Sync>) -> Self {
        let message = "cannot load or save the results of the registration";
        let mut error = Self::new(Kind::Ledger, message.to_owned());
        error.0.source = Some(ErrorSource::Ledger(source));
        error
    }

    /// The configuration is invalid.
    pub(crate) fn config(message: String) -> Self {
        Self::new(Kind::Config, message)
    }

    /// Creates an error for arguments that do not fit the endpoint. Nothing was sent.
    pub fn arguments(label: &str, reason: &str) -> Self {
        Self::new(Kind::BadRequest, format!("{label} {reason}"))
    }

    /// The credentials cannot be used as they are. Nothing was sent.
    pub(crate) fn credentials(source: auth::Error) -> Self {
        let mut error = Self::new(Kind::Credentials, "cannot use the credentials".to_owned());
        error.0.source = Some(ErrorSource::Auth(source));
        error
    }

    /// A response that does not fit its type at this path. `reason` contains no data of the
    /// response.
    pub(crate) fn shape(label: &str, path: &str, reason: Option<String>) -> Self {
        let message = match path {
            "." => format!("{label} got a response that does not match the API description"),
            path => {
                format!(
                    "{label} got a response that does not match the API description at `{path}`"
                )
            }
        };
        let mut error = Self::new(Kind::Unexpected, message);
        (error.0.unsent, error.0.undone) = (false, false);
        error.0.source = reason.map(|reason| ErrorSource::Shape(ShapeError(reason)));
        error
    }

    /// Arguments that cannot be encoded as JSON.
    pub(crate) fn json(label: &str, reason: &str, source: serde_json::Error) -> Self {
        let mut error = Self::new(Kind::Unexpected, format!("{label} {reason}"));
        error.0.source = Some(ErrorSource::Json(source));
        error
    }

    /// Adds the errors that used up the error budget, if that is why calls pause.
    pub(crate) fn with_errors(mut self, errors: &[PastError]) -> Self {
        let reason = self.pause().map(|pause| pause.reason);
        let about_errors = matches!(
            reason,
            Some(Reason::Errors | Reason::ErrorLimit | Reason::Failures)
        );
        if about_errors && !errors.is_empty() {
            self.0.source = Some(ErrorSource::Errors(LastErrors::new(errors)));
        }
        self
    }

    pub(crate) fn of(parts: Parts) -> Self {
        Self(Box::new(parts))
    }

    /// The error with another message.
    pub(crate) fn with_message(mut self, message: &str) -> Self {
        message.clone_into(&mut self.0.message);
        self
    }

    fn new(kind: Kind, message: String) -> Self {
        Self::of(Parts {
            kind,
            message,
            stage: None,
            code: None,
            http: None,
            pause: None,
            body: None,
            unsent: true,
            undone: true,
            tries: Tries::default(),
            repeated: false,
            throttled: false,
            retry_after: Duration::ZERO,
            source: None,
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.message)
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self.0.source.as_ref()? {
            ErrorSource::Auth(error) => Some(error),
            ErrorSource::Transport(error) => Some(error),
            ErrorSource::Json(error) => Some(error),
            ErrorSource::Shape(error) => Some(error),
            ErrorSource::Ledger(error) => Some(&**error),
            ErrorSource::Errors(errors) => Some(errors),
        }
    }
}

impl fmt::Debug for ErrorBody {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} bytes", self.0.len())
    }
}

impl fmt::Display for ShapeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl error::Error for ShapeError {}
