//! Classifies responses by what has to happen next.

use fortilake_transport as transport;

use crate::envelope::{Content, Envelope, EnvelopeError, Status};

/// The class of a response, or of the reason why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Success, with or without rows.
    Success,
    /// The API says explicitly that nothing was found.
    Empty,
    /// A temporary failure. The same call may succeed a little later.
    Transient,
    /// Nothing was sent, because no connection could be made. This may be temporary.
    Unreached,
    /// A connection that was kept from an earlier call broke before a response began.
    Stale,
    /// Too many calls within a minute.
    Throttled,
    /// Too many calls within an hour.
    HourlyLimit,
    /// Too many errors.
    ErrorLimit,
    /// The API refused the token.
    Token,
    /// Access denied: either a missing permission or a stale token.
    Access,
    /// The call itself is wrong, and would fail again.
    BadRequest,
    /// The call is valid, but the API cannot do what it asks for.
    NotPossible,
    /// A response that this API does not give.
    Unexpected,
    /// No token, because the user or the password is wrong.
    Credentials,
    /// No response, because an address or the connection is misconfigured.
    Config,
    /// Nothing was sent, because a limit allows no call at the moment.
    Suspended,
    /// Nothing was sent, because the ledger could not be used and the calls would not be counted.
    Uncounted,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallOutcome {
    /// With a response that the API does not count as an error.
    Good,
    /// With a response that the API counts as an error, or without a known response.
    Error,
    /// The call never left this machine: the reservation is undone.
    Unsent,
}

impl Class {
    /// The name in traces. It is a documented interface.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Empty => "empty",
            Self::Transient => "transient",
            Self::Unreached => "unreached",
            Self::Stale => "stale",
            Self::Throttled => "throttled",
            Self::HourlyLimit => "hourly_limit",
            Self::ErrorLimit => "error_limit",
            Self::Token => "token",
            Self::Access => "access",
            Self::BadRequest => "bad_request",
            Self::NotPossible => "not_possible",
            Self::Unexpected => "unexpected",
            Self::Credentials => "credentials",
            Self::Config => "config",
            Self::Suspended => "suspended",
            Self::Uncounted => "uncounted",
        }
    }

    /// Whether the API would count this as one of the ten errors that it allows in an hour.
    ///
    /// What the API counts is undocumented, so this assumes the worst: everything that is not a
    /// success, every call without a response, and every HTTP error status counts. Counting too
    /// much costs a pause at most; counting too little can get the user blocked.
    ///
    /// Redirects on the way to a response are not errors. Neither is a kept connection that broke:
    /// the API never answered on it, and the call did not cause it.
    pub(crate) fn outcome(self, http: Option<u16>) -> CallOutcome {
        match self {
            Self::Success | Self::Stale => CallOutcome::Good,
            // "Nothing found" is not an error, however the API words it, unless the HTTP status is
            // one.
            Self::Empty if http.is_none_or(|http| http < 400) => CallOutcome::Good,
            Self::Empty
            | Self::Transient
            | Self::Throttled
            | Self::HourlyLimit
            | Self::ErrorLimit
            | Self::Token
            | Self::Access
            | Self::BadRequest
            | Self::NotPossible
            | Self::Unexpected
            | Self::Credentials => CallOutcome::Error,
            Self::Config | Self::Unreached | Self::Suspended | Self::Uncounted => {
                CallOutcome::Unsent
            }
        }
    }
}

/// Classifies a response. The body is more reliable than the HTTP status, because most failures
/// arrive as HTTP 400.
///
/// The order of the rows matters: the first one that matches decides.
pub(crate) fn classify(http: u16, envelope: Option<&Envelope>) -> Class {
    use {Content as C, EnvelopeError as F, Status as S};

    let Some(envelope) = envelope else {
        return without_envelope(http);
    };
    if let Status::Number(status @ (-10 | -11 | -12 | -30)) = envelope.status {
        return by_limit(Some(status));
    }
    if envelope.refuses_token() {
        return Class::Token;
    }
    match (&envelope.status, envelope.error, http) {
        (.., 429) => Class::Throttled,
        // If the body denies access or refuses the token, that holds whatever the HTTP status is.
        (_, F::Code(201), _) => Class::Token,
        (_, F::Code(202), _) => Class::Access,
        // 206 is a partial response. None was requested, so the response is not usable. FortiCloud has
        // no use for the others either: 202 announces a response that comes later, and the rest are
        // parts of a response or several at once.
        (.., 206 | 500..) | (S::Number(_), _, 202 | 207..=226) => Class::Transient,

        // The API says "nothing found" in several ways, sometimes with a success status and
        // sometimes with an error status.
        (S::Number(1008), ..) | (S::Number(0), F::None, 404) | (_, F::Code(301), 404) => {
            Class::Empty
        }
        (S::Number(0), F::Code(301), _) | (S::Number(0), F::Text, 200..=299 | 404)
            if envelope.says_nothing_found() =>
        {
            Class::Empty
        }
        // Whether rows beside an error are usable is decided when they are read. A registration, for
        // example, lists the units beside error 301, each with its own message.
        (S::Number(0), F::Code(301), _) | (S::Number(0), F::Text, 200..=299)
            if envelope.content == C::Some =>
        {
            Class::Empty
        }
        (S::Number(0), F::None, 200..=299) => Class::Success,

        (S::Number(-2 | 2), ..) => Class::NotPossible,
        // With such a code, `-1` means that the request is wrong. FortiAuthenticator puts an error
        // text into a successful response if it has not done what it was asked to do.
        (S::Number(-1), F::Code(100..=199), _) | (S::Absent, F::Text, 200..=299) => {
            Class::BadRequest
        }
        (.., 401) => Class::Token,
        (.., 403) => Class::Access,
        (S::Number(-1), ..) | (.., 400..=499) => Class::BadRequest,

        (S::Word(word), F::None, 200..=299) if word.eq_ignore_ascii_case("success") => {
            Class::Success
        }
        (S::Absent | S::Other, F::None, 200..=299) => match envelope.content {
            C::None => Class::Transient,
            C::Blank | C::Some => Class::Success,
        },
        _ => Class::Unexpected,
    }
}

/// Classifies a call that got no response.
pub(crate) fn unanswered(kind: transport::Kind) -> Class {
    match kind {
        // A response that is too large or redirected elsewhere concerns only this call, not the
        // others.
        transport::Kind::TooLarge | transport::Kind::Redirect => Class::Unexpected,
        transport::Kind::Paused => Class::Suspended,
        transport::Kind::Connect => Class::Unreached,
        transport::Kind::Stale => Class::Stale,
        kind if kind.is_transient() => Class::Transient,
        _ => Class::Config,
    }
}

/// Classifies a limit that a sign-in ran into, by the number under `status` if there is one.
pub(crate) fn by_limit(status: Option<i64>) -> Class {
    match status {
        Some(-11) => Class::HourlyLimit,
        Some(-30) => Class::ErrorLimit,
        _ => Class::Throttled,
    }
}

fn without_envelope(http: u16) -> Class {
    match http {
        429 => Class::Throttled,
        401 => Class::Token,
        // The API words its refusals in JSON, so this came from a proxy or firewall on the way.
        403 | 404 | 405 | 300..=399 => Class::Unexpected,
        // HTML from something on the way, a truncated body, or an empty one.
        _ => Class::Transient,
    }
}

#[cfg(test)]
mod tests;
