//! The clock of this process, and how times and durations are shown.

use std::{fmt, sync::OnceLock, time::Duration};

use fortilake_auth::{Clock, Micros, later, real_time, system_time, until};

/// The one clock of this process. All clients must use the same, or their times do not compare.
pub(crate) fn clock() -> Clock {
    static CLOCK: OnceLock<Clock> = OnceLock::new();
    CLOCK.get_or_init(real_time).clone()
}

/// Displays a time of the clients' clock in UTC, with the wait until then.
pub(crate) struct Time(pub(crate) Micros);

impl fmt::Display for Time {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The clients' clock is monotonic and does not follow when the system's clock is set. So
        // the wait is added to the system's current time instead of printing the clock's own time.
        let away = until(clock()(), self.0);
        let Ok(time) = jiff::Timestamp::from_microsecond(later(system_time(), away)) else {
            return formatter.write_str("an unknown time");
        };
        let away = Duration::from_secs(away.as_secs());
        write!(
            formatter,
            "{} (in {})",
            time.strftime("%Y-%m-%dT%H:%M:%SZ"),
            Span(away)
        )
    }
}

/// Displays a duration in its two largest units, such as `1 h 5 min`.
pub(crate) struct Span(pub(crate) Duration);

impl fmt::Display for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match seconds {
            0..60 => write!(formatter, "{seconds} s"),
            60..3600 => write!(formatter, "{} min {} s", seconds / 60, seconds % 60),
            _ => write!(
                formatter,
                "{} h {} min",
                seconds / 3600,
                seconds % 3600 / 60
            ),
        }
    }
}

/// The length of a limit's window, as it is said after "per" and "in the last".
pub(crate) fn window_name(length: Duration) -> String {
    match length.as_secs() {
        60 => "minute".to_owned(),
        3600 => "hour".to_owned(),
        _ => Span(length).to_string(),
    }
}
