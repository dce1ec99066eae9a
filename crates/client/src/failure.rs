//! A single try of a call that did not succeed.

use std::time::Duration;

use fortilake_auth::{self as auth, Micros, Token, transport};
use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::{
    Envelope, Page, Pause,
    class::{self, Class},
    error::{Answer, Source},
    quota::Stop,
    request::Call,
    retry::{Repeat, Stage, TokenState, Trial},
    retry_after,
};

/// A single try that did not succeed, and what is known about the cause.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) class: Class,
    pub(crate) stage: Stage,
    pub(crate) http: Option<u16>,
    pub(crate) envelope: Option<Envelope>,
    pub(crate) answer: Option<Answer>,
    pub(crate) source: Option<Source>,
    /// The token that the call was sent with.
    pub(crate) token: Option<Token>,
    /// How long the server wants us to wait, where it wants that at all.
    pub(crate) wait: Duration,
    /// Until when we let no call out, where that is why.
    pub(crate) pause: Option<Pause>,
}

impl Failure {
    /// A call that was not sent, because calls pause or the ledger cannot be used.
    pub(crate) fn stopped(stop: Stop) -> Self {
        match stop {
            Stop::Pause(pause) => Self {
                pause: Some(pause),
                ..Self::new(Class::Suspended, Stage::Call)
            },
            Stop::Ledger(error) => Self {
                source: Some(Source::Ledger(error.into())),
                ..Self::new(Class::Uncounted, Stage::Call)
            },
        }
    }

    /// A call that was not sent, because every token expired before its turn.
    pub(crate) fn stale_tokens() -> Self {
        let message = "every token ended before the call's turn came".to_owned();
        Self {
            envelope: Some(Envelope {
                message: Some(message),
                ..Envelope::default()
            }),
            ..Self::new(Class::Unexpected, Stage::SignIn)
        }
    }

    /// A call that was not sent, because there is no token for it.
    pub(crate) fn sign_in(error: auth::Error, now: Micros) -> Self {
        let mut failure = Self::new(Class::Unexpected, Stage::SignIn);
        failure.class = match (error.kind(), error.limit()) {
            (auth::Kind::Credentials | auth::Kind::Taken, _) => Class::Credentials,
            (auth::Kind::ClientId, _) => Class::Access,
            (auth::Kind::Limited, Some(limit)) => {
                let class = class::by_limit(limit.status);
                failure.wait = retry_after::wait(class, &limit.headers, timestamp(now));
                class
            }
            (auth::Kind::Limited, None) => Class::Suspended,
            (auth::Kind::Transient, _) => Class::Transient,
            (auth::Kind::Config, _) => Class::Config,
            _ => Class::Unexpected,
        };
        failure.source = Some(Source::Auth(error));
        failure
    }

    /// A call that got no answer.
    pub(crate) fn unanswered(error: transport::Error) -> Self {
        let kind = error.kind();
        Self {
            source: Some(Source::Transport(error)),
            ..Self::new(class::unanswered(kind), Stage::Call)
        }
    }

    /// A call whose answer is not a success.
    pub(crate) fn answered(
        class: Class,
        http: u16,
        headers: &transport::http::HeaderMap,
        page: Option<Page>,
        now: Micros,
    ) -> Self {
        let wait = retry_after::wait(class, headers, timestamp(now));
        let (envelope, answer) = page.map(|page| (page.envelope, page.body)).unzip();
        // Only JSON is kept as the answer. Anything else is a page from something on the way.
        let is_json = |text: &String| serde_json::from_str::<&RawValue>(text).is_ok();
        Self {
            http: Some(http),
            envelope,
            answer: answer.filter(is_json).map(Answer),
            wait,
            ..Self::new(class, Stage::Call)
        }
    }

    /// Whether waiting long enough helps. The gate has already waited for its own limits.
    pub(crate) fn is_waited_out(&self) -> bool {
        self.pause.is_some() && self.class != Class::Suspended
    }

    /// What has to be known to decide what comes next.
    pub(crate) fn trial(&self, call: &Call) -> Trial {
        let token = match &self.token {
            Some(token) if token.is_old() => TokenState::Old,
            Some(_) => TokenState::Young,
            None => TokenState::None,
        };
        let repeat = match self.stage {
            Stage::SignIn => Repeat::Harmless,
            Stage::Call => call.repeat(),
        };
        Trial {
            class: self.class,
            stage: self.stage,
            repeat,
            token,
            wait: self.wait,
        }
    }

    fn new(class: Class, stage: Stage) -> Self {
        let wait = Duration::ZERO;
        Self {
            class,
            stage,
            http: None,
            envelope: None,
            answer: None,
            source: None,
            token: None,
            wait,
            pause: None,
        }
    }
}

/// A time as a date; a clock beyond what can be written as one is as wrong as any.
pub(crate) fn timestamp(now: Micros) -> Timestamp {
    Timestamp::from_microsecond(now).unwrap_or_default()
}
