//! A single try of a call that did not succeed.

mod error;

use std::{
    hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher, Hash},
    time::Duration,
};

use fortilake_auth::{self as auth, Micros, Token};
use fortilake_transport as transport;
use serde_json::value::RawValue;

use crate::{
    Envelope, Page, Pause,
    class::{self, Class},
    error::{ErrorBody, ErrorSource},
    limiter::Stop,
    pause::timestamp,
    request::Call,
    retry::{FailedTry, Repeat, TokenState},
    retry_after,
    tries::TryStage,
};

/// A single try that did not succeed, and what is known about the cause.
#[derive(Debug)]
pub(crate) struct CallFailure {
    pub(crate) class: Class,
    pub(crate) stage: TryStage,
    pub(crate) http: Option<u16>,
    pub(crate) envelope: Option<Envelope>,
    pub(crate) body: Option<ErrorBody>,
    pub(crate) source: Option<ErrorSource>,
    /// The token that the call was sent with.
    pub(crate) token: Option<Token>,
    /// Whether the token is so new that the API may not know it yet.
    pub(crate) young_token: bool,
    /// How many new tokens this call has been tried with, because the one before was refused.
    pub(crate) renewals: u32,
    /// How long the server asked us to wait; zero if it did not ask.
    pub(crate) wait: Duration,
    /// A description of the response, if it is not one that this API gives.
    pub(crate) shown_body: Option<String>,
    /// A digest of the complete response, if another try would most likely get the same one.
    pub(crate) digest: Option<u64>,
    /// Whether the previous try got the same response.
    pub(crate) repeated: bool,
    /// Until when calls pause, if that is why the call failed.
    pub(crate) pause: Option<Pause>,
}

impl CallFailure {
    /// A call that was not sent, because calls pause or the ledger cannot be used.
    pub(crate) fn stopped(stop: Stop) -> Self {
        match stop {
            Stop::Pause(pause) => Self {
                pause: Some(pause),
                ..Self::new(Class::Suspended, TryStage::Call)
            },
            Stop::Ledger(error) => Self {
                source: Some(ErrorSource::Ledger(error.into())),
                ..Self::new(Class::Uncounted, TryStage::Call)
            },
        }
    }

    /// A call that was not sent, because every token expired before its turn.
    pub(crate) fn stale_tokens() -> Self {
        let message = "every token expired while the call waited for its turn".to_owned();
        Self {
            envelope: Some(Envelope {
                message: Some(message),
                ..Envelope::default()
            }),
            ..Self::new(Class::Unexpected, TryStage::SignIn)
        }
    }

    /// A call that was not sent, because there is no token for it.
    pub(crate) fn sign_in(error: auth::Error, now: Micros) -> Self {
        let mut failure = Self::new(Class::Unexpected, TryStage::SignIn);
        failure.class = match (error.kind(), error.limit()) {
            (auth::Kind::Credentials | auth::Kind::Taken, _) => Class::Credentials,
            (auth::Kind::ClientId, _) => Class::Access,
            (auth::Kind::Limited, Some(limit)) => {
                let class = class::by_limit(limit.status);
                failure.wait = retry_after::wait(class, &limit.headers, timestamp(now));
                class
            }
            (auth::Kind::Limited, None) => Class::Suspended,
            (auth::Kind::Transient, Some(limit)) => {
                let class = Class::Transient;
                failure.wait = retry_after::wait(class, &limit.headers, timestamp(now));
                class
            }
            (auth::Kind::Transient, None) => match error.transport_kind() {
                Some(kind) => class::unanswered(kind),
                None => Class::Transient,
            },
            (auth::Kind::Config, _) => Class::Config,
            _ => Class::Unexpected,
        };
        // A response that came whole, and came again, would most likely come a third time.
        let is_answer = error.transport_kind().is_none()
            && error
                .limit()
                .is_none_or(|limit| !is_passing(limit.http.as_u16()));
        failure.digest =
            (failure.class == Class::Transient && is_answer).then(|| hash(error.to_string()));
        failure.source = Some(ErrorSource::Auth(error));
        failure
    }

    /// A call that got no response.
    pub(crate) fn unanswered(error: transport::Error) -> Self {
        let kind = error.kind();
        Self {
            source: Some(ErrorSource::Transport(error)),
            ..Self::new(class::unanswered(kind), TryStage::Call)
        }
    }

    /// A call whose response is not a success.
    pub(crate) fn answered(
        class: Class,
        response: &transport::Response,
        page: Option<Page>,
        now: Micros,
    ) -> Self {
        let wait = retry_after::wait(class, &response.headers, timestamp(now));
        let (envelope, body) = page.map(|page| (page.envelope, page.body)).unzip();
        // Only JSON is kept as the response. Anything else is a page from something on the way.
        let is_json = |text: &String| serde_json::from_str::<&RawValue>(text).is_ok();
        Self {
            http: Some(response.status.as_u16()),
            envelope,
            body: body.filter(is_json).map(ErrorBody),
            wait,
            digest: (class == Class::Transient)
                .then(|| digest(response))
                .flatten(),
            ..Self::new(class, TryStage::Call)
        }
    }

    /// Whether waiting long enough helps. The limiter has already waited for its own limits.
    pub(crate) fn is_waited_out(&self) -> bool {
        self.pause.is_some() && self.class != Class::Suspended
    }

    /// Returns what the retry decision needs to know about this try.
    pub(crate) fn trial(&self, call: &Call) -> FailedTry {
        let token = match &self.token {
            Some(_) if self.young_token => TokenState::Unproven,
            Some(token) if token.is_old() => TokenState::MaybeStale,
            Some(token) if token.has_worked() => TokenState::Worked,
            Some(_) => TokenState::Current,
            None => TokenState::None,
        };
        let repeat = match self.stage {
            TryStage::SignIn => Repeat::Harmless,
            TryStage::Call => call.repeat(),
        };
        // A refusal that is not in the API's own form may come from a proxy that had already passed
        // the call on. That matters only for writes.
        let refused = self.envelope.is_some() || repeat == Repeat::Harmless;
        FailedTry {
            class: self.class,
            stage: self.stage,
            repeat,
            token: if refused { token } else { TokenState::None },
            wait: self.wait,
        }
    }

    fn new(class: Class, stage: TryStage) -> Self {
        let wait = Duration::ZERO;
        Self {
            class,
            stage,
            http: None,
            envelope: None,
            body: None,
            source: None,
            token: None,
            young_token: false,
            renewals: 0,
            wait,
            shown_body: None,
            digest: None,
            repeated: false,
            pause: None,
        }
    }
}

/// A digest that identifies a response. `None` if its HTTP status says that the failure is
/// temporary.
fn digest(response: &transport::Response) -> Option<u64> {
    let http = response.status.as_u16();
    (!is_passing(http)).then(|| hash((http, &response.body)))
}

/// Whether this HTTP status says that the failure is temporary.
fn is_passing(http: u16) -> bool {
    [502, 503, 504].contains(&http)
}

fn hash(value: impl Hash) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(value)
}
