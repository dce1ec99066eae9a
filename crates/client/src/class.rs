//! What an answer means for what comes next.

use fortilake_auth::transport;

use crate::{
    envelope::{Content, Envelope, Fault, Status},
    ledger::Verdict,
};

/// The classes of answers, and of what happens instead of one, by what is to be done about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Rows, or nothing to say.
    Success,
    /// The API says that there is nothing.
    Empty,
    /// The same call may well succeed a little later.
    Transient,
    /// Too many calls in a minute.
    Throttled,
    /// Too many calls in an hour.
    HourlyLimit,
    /// Too many errors.
    ErrorLimit,
    /// The token is not or no longer good.
    Token,
    /// No permission, or a stale token.
    Access,
    /// The call itself is wrong and stays so.
    BadRequest,
    /// The call is right, but what it asks for cannot be done.
    NotPossible,
    /// No answer that this API gives.
    Unexpected,
    /// No token: the user or the password is wrong.
    Credentials,
    /// No answer: an address or the connection is set up wrongly.
    Config,
    /// Nothing was sent, because a limit allows no call for now.
    Suspended,
    /// Nothing was sent, because nobody knows how many calls there have been.
    Uncounted,
}

impl Class {
    /// Whether the API would count it as one of its errors, of which it allows ten an hour.
    ///
    /// Nobody has published what it counts, so this is the safe side:
    /// all that is no success, what got no answer, and whatever HTTP calls an error.
    /// The redirects on the way to an answer are none.
    pub(crate) fn verdict(self, http: Option<u16>) -> Verdict {
        match self {
            Self::Success => Verdict::Good,
            // "Nothing found" is no error, however the API says it, unless HTTP says otherwise.
            Self::Empty if http.is_none_or(|http| http < 400) => Verdict::Good,
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
            | Self::Credentials => Verdict::Error,
            Self::Config | Self::Suspended | Self::Uncounted => Verdict::Unsent,
        }
    }
}

/// Judges an answer, from its body first: most failures arrive as HTTP 400.
///
/// The first row that fits decides.
pub(crate) fn classify(http: u16, envelope: Option<&Envelope>) -> Class {
    use {Content as C, Fault as F, Status as S};

    let Some(envelope) = envelope else {
        return without_envelope(http);
    };
    if envelope.misses_token() {
        return Class::Token;
    }
    match (&envelope.status, envelope.fault, http) {
        (S::Number(status @ (-10 | -11 | -12 | -30)), ..) => by_limit(Some(*status)),
        (.., 429) => Class::Throttled,
        // What the body says of access stands, whatever HTTP makes of it.
        (_, F::Code(201), _) => Class::Token,
        (_, F::Code(202), _) => Class::Access,
        (.., 500..) => Class::Transient,

        // "Nothing found" comes in several forms, and as success as well as not.
        (S::Number(1008), ..)
        | (S::Number(0), F::Code(301), _)
        | (S::Number(0), F::Text, 200..=299)
        | (S::Number(0), F::None | F::Text, 404)
        | (_, F::Code(301), 404) => Class::Empty,
        (S::Number(0), F::None, 200..=299) => Class::Success,

        (S::Number(-2 | 2), ..) => Class::NotPossible,
        (S::Number(-1), F::Code(100..=199), _) => Class::BadRequest,
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

/// Judges a call that got no answer.
pub(crate) fn unanswered(kind: transport::Kind) -> Class {
    match kind {
        // One call that is sent elsewhere says nothing about the others.
        transport::Kind::TooLarge | transport::Kind::Redirect => Class::Unexpected,
        transport::Kind::Paused => Class::Suspended,
        kind if kind.is_transient() => Class::Transient,
        _ => Class::Config,
    }
}

/// Judges a limit that was met while signing in, by the number under `status` if there is one.
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
        403 => Class::Access,
        404 | 405 => Class::BadRequest,
        300..=399 => Class::Unexpected,
        // HTML from something on the way, a cut body, nothing at all.
        _ => Class::Transient,
    }
}

#[cfg(test)]
mod tests;
