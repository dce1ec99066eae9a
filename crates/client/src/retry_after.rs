//! How long a server asks us to wait.

use std::time::Duration;

use fortilake_transport::http::{HeaderMap, header};
use jiff::{Timestamp, fmt::rfc2822::DateTimeParser};

use crate::class::Class;

/// The wait if the server asks for one without saying how long.
const DEFAULT: Duration = Duration::from_mins(1);

/// The wait after reaching an hourly limit.
const HOUR: Duration = Duration::from_hours(1);

/// The minimum wait, whatever the server says.
const SHORTEST: Duration = Duration::from_secs(1);

/// The maximum wait: the longest window of this API. A server with a wrong clock may ask for years.
const LONGEST: Duration = HOUR;

/// Returns the wait that `Retry-After` asks for, or the default for this class of responses.
///
/// A date is compared with the response's own `Date` header, so that our clock doesn't matter, or
/// with `now` if that header is missing.
pub(crate) fn wait(class: Class, headers: &HeaderMap, now: Timestamp) -> Duration {
    let usual = match class {
        Class::HourlyLimit | Class::ErrorLimit => HOUR,
        // A service that is down does not have to say when it will be back.
        Class::Transient => Duration::ZERO,
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
    // A date with a wrong day of the week is still usable.
    DateTimeParser::new()
        .relaxed_weekday(true)
        .parse_timestamp(text)
        .ok()
}

#[cfg(test)]
mod tests;
