//! How long a server wants us to wait.

use std::time::Duration;

use fortilake_auth::transport::http::{HeaderMap, header};
use jiff::{Timestamp, fmt::rfc2822::DateTimeParser};

use crate::class::Class;

/// The wait where the server wants one and does not say how long.
const DEFAULT: Duration = Duration::from_mins(1);

/// The wait after the limits of an hour.
const HOUR: Duration = Duration::from_hours(1);

/// No wait is shorter, whatever the server says.
const SHORTEST: Duration = Duration::from_secs(1);

/// No limit of this API lasts longer; it also keeps the arithmetic of time from overflowing.
const LONGEST: Duration = Duration::from_hours(24);

/// The wait that `Retry-After` asks for, or the usual one for this class of answers.
///
/// A date is compared with the answer's own `Date`, so that no clock of ours matters,
/// and with `now` where that is missing.
pub(crate) fn wait(class: Class, headers: &HeaderMap, now: Timestamp) -> Duration {
    let usual = match class {
        Class::HourlyLimit | Class::ErrorLimit => HOUR,
        _ => DEFAULT,
    };
    let text = |name| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::trim)
    };
    let asked = text(header::RETRY_AFTER).and_then(|value| {
        if let Ok(seconds) = value.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let until = date(value)?;
        let since = text(header::DATE).and_then(date).unwrap_or(now);
        Some(Duration::try_from(until.duration_since(since)).unwrap_or_default())
    });
    asked.map_or(usual, |asked| asked.clamp(SHORTEST, LONGEST))
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
