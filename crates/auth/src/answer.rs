//! Reads the answers of the FortiCloud token server.

use std::time::Duration;

use fortilake_models::Secret;
use fortilake_transport::{Response, http::StatusCode};
use serde_json::{Map, Value};

use crate::Kind;

/// The lifetime of a token whose answer has no usable `expires_in`.
const DEFAULT_LIFE: Duration = Duration::from_hours(1);

/// Upper bound for a token's lifetime. It also keeps time arithmetic from overflowing.
const LONGEST_LIFE: Duration = Duration::from_hours(30 * 24);

/// A token and how long it lasts, counted from the moment it was requested.
#[derive(Debug, PartialEq)]
pub(crate) struct Grant {
    pub(crate) token: Secret,
    pub(crate) refresh: Option<Secret>,
    pub(crate) life: Duration,
}

/// An answer without a token, and why.
#[derive(Debug, PartialEq)]
pub(crate) struct Denial {
    pub(crate) kind: Kind,
    /// The number under `status`. A token server doesn't send one, but the API's rate limiter does.
    pub(crate) status: Option<i64>,
    /// The server's own message, unedited, or what the answer looks like if it has no message. It
    /// may contain secrets.
    pub(crate) text: String,
}

/// Reads an answer: a token, or whose fault it is that there is none.
pub(crate) fn read(answer: &Response) -> Result<Grant, Denial> {
    let Some(body) = object(answer) else {
        let text = "the answer is not a JSON object".to_owned();
        return Err(Denial {
            kind: without_body(answer.status),
            status: None,
            text,
        });
    };
    if let (true, Some(token)) = (answer.status.is_success(), word(&body, "access_token")) {
        return Ok(Grant {
            token: token.into(),
            refresh: word(&body, "refresh_token").map(Secret::from),
            life: life(&body),
        });
    }
    let status = body.get("status").and_then(Value::as_i64);
    let text = message(&body)
        .unwrap_or("the answer holds no token")
        .to_owned();
    Err(Denial {
        kind: with_body(answer.status, status, &body),
        status,
        text,
    })
}

/// The body, if it is a JSON object.
pub(crate) fn object(answer: &Response) -> Option<Map<String, Value>> {
    let text = answer
        .body
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(&answer.body);
    serde_json::from_slice(text).ok()
}

/// Returns the text of this member, unless it is missing, empty or not a string.
pub(crate) fn word<'a>(body: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    body.get(name)
        .and_then(Value::as_str)
        .filter(|word| !word.is_empty())
}

fn life(body: &Map<String, Value>) -> Duration {
    let seconds = match body.get("expires_in") {
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        _ => None,
    };
    let life = seconds
        .filter(|&seconds| seconds >= 1.0)
        .map_or(DEFAULT_LIFE, |seconds| {
            Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST_LIFE)
        });
    life.min(LONGEST_LIFE)
}

fn without_body(http: StatusCode) -> Kind {
    match http {
        StatusCode::TOO_MANY_REQUESTS => Kind::Limited,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Kind::Credentials,
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Kind::Config,
        _ => Kind::Transient,
    }
}

fn with_body(http: StatusCode, status: Option<i64>, body: &Map<String, Value>) -> Kind {
    let error = body
        .get("error")
        .and_then(Value::as_str)
        .unwrap_or_default();
    match (http.as_u16(), status, error) {
        // The API's own rate limiter answers in its own envelope; see `limits-and-errors` in the
        // API facts.
        (_, Some(-10 | -11 | -12 | -30), _) | (429, ..) => Kind::Limited,
        (500.., ..) => Kind::Transient,
        (_, _, "invalid_client" | "unauthorized_client") => Kind::ClientId,
        (400 | 401 | 403, ..) | (_, _, "invalid_grant") => Kind::Credentials,
        (404 | 405, ..) => Kind::Config,
        _ => Kind::Unexpected,
    }
}

/// Finds the server's message. Existing clients look in these places, in this order.
pub(crate) fn message(body: &Map<String, Value>) -> Option<&str> {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let inside = |name: &str| body.get(name)?.get("message")?.as_str();
    text("error_message")
        .or_else(|| text("error_description"))
        .or_else(|| text("message"))
        .or_else(|| text("oauth.message"))
        .or_else(|| inside("oauth"))
        .or_else(|| text("error"))
        .or_else(|| inside("error"))
        // FortiPortal's refusals are undocumented; the framework it is built on puts the message
        // here.
        .or_else(|| text("detail"))
        .or_else(|| inside("status"))
        .filter(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests;
