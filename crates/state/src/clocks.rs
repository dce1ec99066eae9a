//! The clocks that a state uses, and what it reports of them.

use std::{fmt, sync::Arc, time::Duration};

use fortilake_auth::{Clock, Micros, real_time, uptime};

/// The clocks that a [`State`](crate::State) uses.
#[derive(Clone)]
pub struct Clocks {
    /// The system's date and time in microseconds of Unix time. It may jump.
    pub wall: Clock,
    /// A monotonic time in microseconds, counted from an arbitrary instant of this boot.
    pub uptime: Clock,
    /// The id of this boot. Processes with the same id have the same uptime. Empty if the uptime is
    /// counted by this process alone.
    pub boot: String,
}

/// A change of the system's clock that the ledger has noticed.
///
/// Its text says what happened, and what it means for the rate limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Correction {
    /// By how much the clock has moved, in microseconds. Negative if it was set back.
    pub step: Micros,
    /// Whether the machine was restarted since, so the real time in between is unknown.
    pub restarted: bool,
}

/// A listener that is called with each correction.
pub type OnCorrection = Arc<dyn Fn(&Correction) + Send + Sync>;

impl Clocks {
    /// The system's clock and the machine's uptime.
    ///
    /// On systems that do not provide the uptime and a boot id, this process counts from now on.
    /// Then a new process cannot tell whether the clock was changed in between.
    pub fn system(wall: Clock) -> Self {
        match (uptime(), boot()) {
            (Some(_), Some(boot)) => Self {
                wall,
                uptime: Arc::new(|| uptime().unwrap_or_default()),
                boot,
            },
            _ => Self {
                wall,
                uptime: real_time(),
                boot: String::new(),
            },
        }
    }
}

/// The id of this boot and the time namespace. A container with its own time namespace counts the
/// uptime from another instant.
fn boot() -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = std::fs::read_link("/proc/self/ns/time").unwrap_or_default();
    Some(format!("{} {}", boot.trim(), namespace.display()))
}

impl fmt::Display for Correction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = span(Duration::from_micros(self.step.unsigned_abs()));
        match (self.restarted, self.step < 0) {
            (false, true) => write!(
                formatter,
                "the system clock was set back by {by}; the limits are measured by the machine's \
                 uptime, so they are not affected"
            ),
            (false, false) => write!(
                formatter,
                "the system clock was set forward by {by}; the limits are measured by the \
                 machine's uptime, so they are not affected"
            ),
            (true, true) => write!(
                formatter,
                "the system clock is {by} behind the last call that was recorded before the \
                 machine restarted; recorded calls and errors count as if they had just happened, \
                 so calls may have to wait for up to one window"
            ),
            (true, false) => write!(formatter, "the system clock was set forward by {by}"),
        }
    }
}

/// A duration in its largest one or two units, such as `3 h 20 min`.
fn span(length: Duration) -> String {
    const DAY: u64 = 24 * 3600;
    let seconds = length.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..DAY => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / DAY, seconds % DAY / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_correction_says_by_how_much() {
        for (seconds, expected) in [
            (59, "59 s"),
            (60, "1 min 0 s"),
            (3599, "59 min 59 s"),
            (3600, "1 h 0 min"),
            (86_399, "23 h 59 min"),
            (86_400, "1 d 0 h"),
            (100_000, "1 d 3 h"),
        ] {
            for (step, way) in [(seconds, "forward"), (-seconds, "back")] {
                let correction = Correction {
                    step: step * 1_000_000,
                    restarted: false,
                };
                let expected = format!("the system clock was set {way} by {expected}; ");
                let text = correction.to_string();
                assert!(text.starts_with(&expected), "{text}");
            }
        }
    }

    /// Otherwise each process would count for itself, and a changed clock could free calls.
    #[test]
    #[cfg(target_os = "linux")]
    fn processes_of_one_boot_share_the_uptime() {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("a boot id");
        let clocks = Clocks::system(real_time());
        assert!(clocks.boot.starts_with(id.trim()), "{}", clocks.boot);
        let before = uptime().expect("an uptime");
        let shown = (clocks.uptime)();
        let after = uptime().expect("an uptime");
        assert!((before..=after).contains(&shown), "{shown}");
    }
}
