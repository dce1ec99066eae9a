//! Turns the last failed try of a call into an error, and puts it into words.

use std::time::Duration;

use super::CallFailure;
use crate::{
    EnvelopeError, Error, Kind, Status,
    class::{CallOutcome, Class},
    error::Parts,
    tries::{Tries, TryStage},
};

impl CallFailure {
    /// The error of a token that could not be given back.
    pub(crate) fn into_sign_out_error(self) -> Error {
        let message = "the sign-out failed; the token stays valid until it expires";
        self.into_error("", Tries::ONE).with_message(message)
    }

    /// The error of a call whose last try this was.
    pub(crate) fn into_error(self, label: &str, tries: Tries) -> Error {
        let failure = self;
        let message = format!(
            "{label} {}{}",
            what_happened(&failure),
            facts(&failure, tries.count)
        );
        let code = failure
            .envelope
            .as_ref()
            .and_then(|envelope| match envelope.error {
                EnvelopeError::Code(code) => Some(code),
                EnvelopeError::None | EnvelopeError::Text => None,
            });
        let unsent = failure.stage == TryStage::SignIn
            || failure.class.outcome(failure.http) == CallOutcome::Unsent;
        // A refusal that is not in the API's own form may come from a proxy that had already passed
        // the call on, so it does not prove that nothing was done.
        let refused = match failure.class {
            Class::Access
            | Class::BadRequest
            | Class::Credentials
            | Class::Throttled
            | Class::HourlyLimit
            | Class::ErrorLimit => true,
            Class::Token => failure.envelope.is_some(),
            _ => false,
        };
        let throttled = failure.is_throttled();
        let retry_after = match failure.class {
            Class::Transient => failure.wait,
            _ if throttled => failure.wait,
            _ => Duration::ZERO,
        };
        Error::of(Parts {
            kind: match failure.pause {
                Some(_) => Kind::Paused,
                None if throttled => Kind::Transient,
                None => kind(failure.class),
            },
            message,
            stage: Some(failure.stage),
            code,
            http: failure.http,
            pause: failure.pause,
            body: failure.body,
            unsent,
            undone: unsent || refused,
            tries,
            repeated: failure.repeated,
            throttled,
            retry_after,
            source: failure.source,
        })
    }

    /// Whether this call was answered with "too many calls", and nothing is known about others.
    fn is_throttled(&self) -> bool {
        self.class == Class::Throttled && self.stage == TryStage::Call && self.pause.is_none()
    }
}

fn kind(class: Class) -> Kind {
    match class {
        // Another program may have signed in as the same user, which invalidates the token.
        Class::Transient | Class::Unreached | Class::Stale | Class::Token => Kind::Transient,
        Class::Throttled | Class::HourlyLimit | Class::ErrorLimit | Class::Suspended => {
            Kind::Paused
        }
        Class::Credentials => Kind::Credentials,
        Class::Config => Kind::Config,
        Class::Uncounted => Kind::Ledger,
        Class::Access => Kind::Refused,
        Class::BadRequest => Kind::BadRequest,
        Class::NotPossible => Kind::NotPossible,
        Class::Unexpected | Class::Success | Class::Empty => Kind::Unexpected,
    }
}

fn what_happened(failure: &CallFailure) -> String {
    if let Some(pause) = failure.pause {
        return format!("has to wait: {}", pause.reason);
    }
    if failure.is_throttled() {
        return "was throttled".to_owned();
    }
    let text = match (failure.class, failure.stage) {
        (Class::Throttled | Class::HourlyLimit | Class::ErrorLimit | Class::Suspended, _) => {
            "has to wait"
        }
        (Class::Uncounted, _) => "was not sent",
        (Class::Unreached, _) => "could not be sent",
        (_, TryStage::SignIn) => "was not sent, because the sign-in failed",
        (Class::Credentials, _) => "was rejected because of the credentials",
        (Class::Token, _) => return refused(failure.renewals),
        (Class::Access, _) => "was refused",
        (Class::BadRequest, _) => "was rejected",
        (Class::NotPossible, _) => "is not possible",
        (Class::Config, _) => "could not be sent",
        (Class::Transient | Class::Stale, _) => "got no usable response",
        _ if failure.shown_body.is_some() => "got a response that did not come from the API",
        _ => "got an unexpected response",
    };
    text.to_owned()
}

/// Describes a call whose token was refused, after it was renewed this many times.
fn refused(renewals: u32) -> String {
    match renewals {
        0 => "was refused because of its token".to_owned(),
        1 => "was refused even with a new token".to_owned(),
        _ => format!("was refused even with {renewals} new tokens"),
    }
}

/// Formats what the response says, followed by its numbers in parentheses.
fn facts(failure: &CallFailure, tries: u32) -> String {
    let envelope = failure.envelope.clone().unwrap_or_default();
    let mut numbers = Vec::new();
    if let EnvelopeError::Code(code) = envelope.error {
        numbers.push(format!("error {code}"));
    }
    if let Status::Number(status) | Status::Code(status) = envelope.status {
        numbers.push(format!("status {status}"));
    }
    numbers.extend(failure.http.map(|http| format!("HTTP {http}")));
    match tries {
        _ if failure.repeated && failure.class != Class::Token => {
            numbers.push("the same response twice".to_owned());
        }
        0 | 1 => {}
        _ => numbers.push(format!("{tries} tries")),
    }
    let shown_body = failure
        .shown_body
        .as_ref()
        .filter(|_| failure.pause.is_none());
    let shown_body = shown_body.map(|shown_body| format!("the response is {shown_body}"));
    let message = envelope
        .message
        .or(shown_body)
        .map(|text| format!(": {text}"))
        .unwrap_or_default();
    if numbers.is_empty() {
        return message;
    }
    format!("{message} ({})", numbers.join(", "))
}
