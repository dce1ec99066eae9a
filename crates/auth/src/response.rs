//! Reads the responses of the FortiCloud token server.

use std::time::Duration;

use fortilake_models::Secret;
use fortilake_transport::{Response, http::StatusCode};
use serde_json::{Map, Value};

use crate::{Kind, describe_body};

/// The lifetime of a token whose response has no usable `expires_in`.
const DEFAULT_LIFE: Duration = Duration::from_hours(1);

/// Upper bound for a token's lifetime. It also keeps time arithmetic from overflowing.
const LONGEST_LIFE: Duration = Duration::from_hours(30 * 24);

/// A token and how long it lasts, counted from the moment it was requested.
#[derive(Debug, PartialEq)]
pub(crate) struct TokenResponse {
    pub(crate) token: Secret,
    pub(crate) refresh: Option<Secret>,
    pub(crate) life: Duration,
}

/// A response without a token, and why.
#[derive(Debug, PartialEq)]
pub(crate) struct SignInRefusal {
    pub(crate) kind: Kind,
    /// The number under `status`. A token server doesn't send one, but the API's rate limiter does.
    pub(crate) status: Option<i64>,
    /// The server's own message, unedited, or what the response looks like if it has no message. It
    /// may contain secrets.
    pub(crate) text: String,
    pub(crate) hint: RefusalHint,
}

/// What a response reveals apart from its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefusalHint {
    None,
    /// The response is not JSON, so something other than the token server sent it.
    Foreign,
    /// The token server did not receive the body of the request.
    LostBody,
    /// The user may be locked out. A lock-out ends by itself.
    LockOut,
    /// The response forbids the request without a word about the credentials, as gateways and rules
    /// for addresses do.
    Forbidden,
}

/// Reads a response: either a token, or the reason why there is none.
pub(crate) fn read(response: &Response) -> Result<TokenResponse, SignInRefusal> {
    let Some(body) = object(response) else {
        return Err(without_body(response));
    };
    if let (true, Some(token)) = (response.status.is_success(), word(&body, "access_token")) {
        return Ok(TokenResponse {
            token: token.into(),
            refresh: word(&body, "refresh_token").map(Secret::from),
            life: life(&body),
        });
    }
    let status = body.get("status").and_then(Value::as_i64);
    let text = message(&body)
        .unwrap_or("the response contains no token")
        .to_owned();
    let lost = is_lost_body(&text);
    Err(SignInRefusal {
        kind: match with_body(response.status, status, &body) {
            Kind::Credentials | Kind::Unexpected if lost => Kind::Config,
            kind => kind,
        },
        status,
        hint: match () {
            () if lost => RefusalHint::LostBody,
            () if is_lock_out(&body, &text) => RefusalHint::LockOut,
            () if is_forbidden(response.status, &body, &text) => RefusalHint::Forbidden,
            () => RefusalHint::None,
        },
        text,
    })
}

/// Recognizes the token server's message for a request whose body a redirect or a proxy dropped.
fn is_lost_body(text: &str) -> bool {
    text.to_ascii_lowercase().contains("not valid json")
}

/// Recognizes a possible lock-out. FortiCloud locks a user out after many password grants, and says
/// nothing more specific than `invalid_grant`, which a wrong password gets as well.
fn is_lock_out(body: &Map<String, Value>, text: &str) -> bool {
    word(body, "error") == Some("invalid_grant") || text.to_ascii_lowercase().contains("locked")
}

/// Recognizes a refusal by something in front of the token server, which names each of its own refusals in `error`.
fn is_forbidden(http: StatusCode, body: &Map<String, Value>, text: &str) -> bool {
    http == StatusCode::FORBIDDEN && word(body, "error").is_none() && !is_about_user(text)
}

/// Whether a message is about the user or the password.
fn is_about_user(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let words = ["password", "credential", "user", "login", "locked"];
    words.iter().any(|word| text.contains(word))
}

/// Parses the body, with or without a byte order mark. Returns `None` unless it is a JSON object.
pub(crate) fn object(response: &Response) -> Option<Map<String, Value>> {
    let text = response
        .body
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(&response.body);
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

/// Judges a response that is not a JSON object. The token server always answers in JSON, so such a
/// response says nothing about the credentials, whatever its HTTP status.
fn without_body(response: &Response) -> SignInRefusal {
    let http = response.status;
    let text = describe_body(&response.body, &[]);
    let hint = if is_lost_body(&text) {
        RefusalHint::LostBody
    } else {
        RefusalHint::Foreign
    };
    // An HTML page was sent on purpose. Anything shorter may be a response that was cut off, so it
    // is worth another try.
    let whole = text.starts_with("an HTML page") || http.is_client_error();
    let kind = match http {
        StatusCode::TOO_MANY_REQUESTS => Kind::Limited,
        _ if http.is_server_error() || !whole => Kind::Transient,
        _ => Kind::Config,
    };
    SignInRefusal {
        kind,
        status: None,
        text,
        hint,
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
        (500.., ..) | (_, _, "temporarily_unavailable" | "server_error") => Kind::Transient,
        (_, _, "invalid_client" | "unauthorized_client") => Kind::ClientId,
        // These errors are about the request, not about who sends it.
        (_, _, "invalid_request" | "unsupported_grant_type" | "invalid_scope") => Kind::Unexpected,
        (401 | 403, ..) | (_, _, "invalid_grant" | "access_denied") => Kind::Credentials,
        // HTTP 400 has many causes. Somebody who resets the password for no reason breaks every other
        // program of this user.
        (400, ..) if message(body).is_some_and(is_about_user) => Kind::Credentials,
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
        .or_else(|| body.get("non_field_errors")?.get(0)?.as_str())
        .or_else(|| inside("status"))
        .filter(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests;
