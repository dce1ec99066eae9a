//! Decides from a response whether a message was delivered, is retried, or is given up.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::StatusCode;
use reqwest::header::{self, HeaderMap};

/// The longest `Retry-After` that is taken literally. The limit also keeps time arithmetic from
/// overflowing.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// What a response means for its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// The receiver has the message.
    Delivered,
    /// The receiver may accept the same message later; `wait` is its `Retry-After`, if it sent one.
    Retry {
        cause: String,
        wait: Option<Duration>,
    },
    /// The receiver will never accept this message.
    Refused { cause: String },
    /// The receiver accepts no more messages at all.
    Gone,
}

/// Interprets a response by its status and `Retry-After`; the body is never interpreted.
pub(crate) fn meaning(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Disposition {
    let cause = format!("the receiver returned {}", describe(status));
    match status {
        // Receivers that deduplicate by id answer 409 for a message that they already have.
        status if status.is_success() || status == StatusCode::CONFLICT => Disposition::Delivered,
        StatusCode::GONE => Disposition::Gone,
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Disposition::Retry {
            cause,
            wait: wait(headers, now),
        },
        status if status.is_server_error() => Disposition::Retry {
            cause,
            wait: wait(headers, now),
        },
        status if status.is_redirection() => Disposition::Refused {
            cause: format!("{cause}, and redirects are not followed"),
        },
        _ => Disposition::Refused { cause },
    }
}

/// The number of a status, and its name if it has one, such as `404 Not Found`.
fn describe(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

/// The wait that `Retry-After` asks for, given in seconds or as a date.
///
/// A date is compared with the response's own `Date`, so that a difference between the two
/// machines' clocks does not matter. Only if `Date` is missing is it compared with `now`.
fn wait(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let value = text(header::RETRY_AFTER)?;
    let asked = if let Ok(seconds) = value.parse() {
        Duration::from_secs(seconds)
    } else {
        let until = date(value)?;
        let since = text(header::DATE).and_then(date).unwrap_or(now);
        Duration::try_from(until.duration_since(since)).unwrap_or_default()
    };
    Some(asked.min(LONGEST_WAIT))
}

fn date(text: &str) -> Option<Timestamp> {
    // A wrong day of the week is ignored, because the rest of the date is unambiguous.
    DateTimeParser::new()
        .relaxed_weekday(true)
        .parse_timestamp(text)
        .ok()
}

#[cfg(test)]
mod tests;
