//! Reads FortiPortal's responses to a sign-in.

use std::time::Duration;

use fortilake_models::Secret;
use fortilake_transport::{
    Response,
    http::{StatusCode, header},
};
use jiff::{Timestamp, fmt::rfc2822::DateTimeParser};
use serde_json::{Map, Value};

use crate::{
    Kind, Micros, later,
    response::{RefusalHint, SignInRefusal, message, object, word},
    until,
};

/// A token and how long it lasts, counted from the moment it was requested.
#[derive(Debug, PartialEq)]
pub(super) struct PortalToken {
    pub(super) token: Secret,
    pub(super) life: Duration,
}

/// Reads a response: either a token, or the reason why there is none.
pub(super) fn read(
    response: &Response,
    asked: Duration,
    now: Micros,
) -> Result<PortalToken, SignInRefusal> {
    let http = response.status;
    let body = object(response);
    if let Some(body) = body.as_ref().filter(|_| http.is_success())
        && let Some(token) = word(body, "token")
    {
        return Ok(PortalToken {
            token: token.into(),
            life: life(body, response, asked, now),
        });
    }
    let text = match &body {
        Some(body) => message(body).unwrap_or("the response contains no token"),
        None => "the response is not a JSON object",
    };
    Err(SignInRefusal {
        kind: blame(http, body.is_some()),
        status: None,
        text: text.to_owned(),
        hint: RefusalHint::None,
    })
}

/// Returns how long the token lasts: the requested lifetime, unless the server says less.
///
/// The server's `expiry` is a time of its own clock, which may differ from ours. So it is compared
/// with the `Date` header of the same response instead of with our time. A missing or unreadable
/// expiry, or one that is later than requested, counts as the requested one.
fn life(body: &Map<String, Value>, response: &Response, asked: Duration, now: Micros) -> Duration {
    let date = response.headers.get(header::DATE);
    let sent = date
        .and_then(|date| date.to_str().ok())
        .and_then(|date| DateTimeParser::new().parse_timestamp(date).ok())
        .map_or(now, Timestamp::as_microsecond);
    word(body, "expiry")
        .and_then(|expiry| expiry.parse::<Timestamp>().ok())
        .map(Timestamp::as_microsecond)
        .filter(|&expiry| sent < expiry && expiry < later(sent, asked))
        .map_or(asked, |expiry| until(sent, expiry))
}

fn blame(http: StatusCode, is_object: bool) -> Kind {
    match http.as_u16() {
        429 => Kind::Limited,
        400 | 401 => Kind::Credentials,
        403 => Kind::Taken,
        404 | 405 => Kind::Config,
        500.. => Kind::Transient,
        200..=299 if !is_object => Kind::Transient,
        _ => Kind::Unexpected,
    }
}
