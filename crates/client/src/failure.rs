//! One try that did not succeed.

use std::time::Duration;

use fortilake_auth::{self as auth, Token, transport};
use jiff::Timestamp;

use crate::{
    Envelope,
    class::{self, Class},
    error::Source,
    request::Call,
    retry::{Repeat, Stage, TokenState, Trial},
    retry_after,
};

/// One try that did not succeed, and what is known of why.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) class: Class,
    pub(crate) stage: Stage,
    pub(crate) http: Option<u16>,
    pub(crate) envelope: Option<Envelope>,
    pub(crate) source: Option<Source>,
    /// The token that the call was made with.
    pub(crate) token: Option<Token>,
    /// How long the server wants us to wait, where it wants that at all.
    pub(crate) wait: Duration,
}

impl Failure {
    /// There is no token to call with.
    pub(crate) fn sign_in(error: auth::Error) -> Self {
        let mut failure = Self::new(Class::Unexpected, Stage::SignIn);
        failure.class = match (error.kind(), error.limit()) {
            (auth::Kind::Credentials, _) => Class::Credentials,
            (auth::Kind::ClientId, _) => Class::Access,
            (auth::Kind::Limited, Some(limit)) => {
                let class = class::by_limit(limit.status);
                failure.wait = retry_after::wait(class, &limit.headers, Timestamp::now());
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

    /// The call got no answer.
    pub(crate) fn unanswered(error: transport::Error) -> Self {
        let class = match error.kind() {
            // One call that is sent elsewhere says nothing about the others.
            transport::Kind::TooLarge | transport::Kind::Redirect => Class::Unexpected,
            transport::Kind::Paused => Class::Suspended,
            kind if kind.is_transient() => Class::Transient,
            _ => Class::Config,
        };
        Self {
            source: Some(Source::Transport(error)),
            ..Self::new(class, Stage::Call)
        }
    }

    /// The call got an answer that is no success.
    pub(crate) fn answered(
        class: Class,
        http: u16,
        headers: &transport::http::HeaderMap,
        envelope: Option<Envelope>,
    ) -> Self {
        let wait = retry_after::wait(class, headers, Timestamp::now());
        Self {
            http: Some(http),
            envelope,
            wait,
            ..Self::new(class, Stage::Call)
        }
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
            source: None,
            token: None,
            wait,
        }
    }
}
