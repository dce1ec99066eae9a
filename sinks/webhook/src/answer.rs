//! What an answer means for what comes next.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::StatusCode;
use reqwest::header::{self, HeaderMap};

/// No receiver is waited for longer; it also keeps the arithmetic of time from overflowing.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The receiver has the message.
    Delivered,
    /// It may take the same message later, and may have said how much later.
    Again {
        cause: String,
        wait: Option<Duration>,
    },
    /// It will never take this message.
    Refused { cause: String },
    /// It wants no message at all any more.
    Gone,
}

/// Judges by the status alone: what stands in the body is for people.
pub(crate) fn judge(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Verdict {
    let cause = format!("the answer was {}", told(status));
    match status {
        // A conflict is a message that the receiver has already.
        status if status.is_success() || status == StatusCode::CONFLICT => Verdict::Delivered,
        StatusCode::GONE => Verdict::Gone,
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Verdict::Again {
            cause,
            wait: wait(headers, now),
        },
        status if status.is_server_error() => Verdict::Again {
            cause,
            wait: wait(headers, now),
        },
        status if status.is_redirection() => Verdict::Refused {
            cause: format!("{cause}, and redirects are not followed"),
        },
        _ => Verdict::Refused { cause },
    }
}

/// The number of a status, and its name where it has one.
fn told(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

/// The wait that `Retry-After` asks for, in seconds or until a date.
///
/// A date is compared with the answer's own `Date`, so that no clock of ours matters,
/// and with `now` where that is missing.
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
    // The day of the week is not worth refusing a date for.
    DateTimeParser::new()
        .relaxed_weekday(true)
        .parse_timestamp(text)
        .ok()
}

#[cfg(test)]
mod tests;
