//! The ledger's clock.
//!
//! The system's clock can be changed at any time, by an hour or by years. If the ledger used it, a
//! jump ahead would empty all windows and a jump back would block calls for years. So the ledger
//! uses the machine's uptime, which cannot be set and is the same for all processes, plus an offset
//! that turns it into a date. The offset is stored in the file, with the id of the boot that it
//! belongs to.
//!
//! Only after a restart of the machine does the system's clock decide how much time has passed. If
//! it is behind the newest entry, the ledger continues at that entry. Then entries look newer than
//! they are, and a call may wait too long, but by at most the longest window.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use fortilake_auth::{Clock, Micros, real_time, uptime};
use rusqlite::{OptionalExtension, Transaction};

use crate::{checksum::Checksum, error::OperationError};

/// Smaller steps of the system's clock, in microseconds, are normal time synchronization and are
/// not reported.
const TOLERANCE: Micros = 2_000_000;

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

/// The ledger's time, for one opened state.
pub(crate) struct Time {
    clocks: Clocks,
    /// Added to the uptime to get the ledger's time. It never changes while the state is open.
    offset: Micros,
    /// Whether the system's clock has not been checked yet since the machine was restarted.
    restarted: AtomicBool,
    /// The ledger's time minus the system's clock when the state was opened.
    ahead_at_first: Micros,
    corrections: Mutex<Corrections>,
}

#[derive(Default)]
struct Corrections {
    listener: Option<OnCorrection>,
    untold: Vec<Correction>,
}

/// The one row of `clock`.
struct ClockRow {
    boot: String,
    offset: Micros,
    ahead: Micros,
}

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

impl Time {
    /// Determines the ledger's time, given the time of its newest entry.
    pub(crate) fn start(
        transaction: &Transaction<'_>,
        clocks: Clocks,
        latest: Micros,
    ) -> Result<Self, OperationError> {
        let kept = ClockRow::read(transaction)?;
        let (wall, uptime) = ((clocks.wall)(), (clocks.uptime)());
        let ahead = kept.as_ref().map_or(0, |kept| kept.ahead);
        let same_boot = |kept: &&ClockRow| !clocks.boot.is_empty() && kept.boot == clocks.boot;
        let (now, restarted) = match kept.as_ref().filter(same_boot) {
            Some(kept) => (uptime.saturating_add(kept.offset), false),
            // The uptime of another boot began at another instant, so only the system's clock is left.
            None => (wall.saturating_add(ahead), true),
        };
        let now = now.max(latest);
        let time = Self {
            offset: now.saturating_sub(uptime),
            restarted: AtomicBool::new(restarted),
            ahead_at_first: now.saturating_sub(wall),
            corrections: Mutex::default(),
            clocks,
        };
        time.keep(transaction, ahead)?;
        Ok(time)
    }

    /// The ledger's time in microseconds.
    pub(crate) fn now(&self) -> Micros {
        (self.clocks.uptime)().saturating_add(self.offset)
    }

    /// The system's date and time, which may be wrong.
    pub(crate) fn wall(&self) -> Micros {
        (self.clocks.wall)()
    }

    /// Converts a time of the process's own clock to the ledger's time. That clock was equal to the
    /// system's clock when the state was opened, and cannot be set.
    pub(crate) fn to_ledger(&self, time: Micros) -> Micros {
        time.saturating_add(self.ahead_at_first)
    }

    /// The reverse of [`to_ledger`](Self::to_ledger).
    pub(crate) fn to_local(&self, time: Micros) -> Micros {
        time.saturating_sub(self.ahead_at_first)
    }

    /// Returns the ledger's time. If the system's clock was changed since the last check of any
    /// process, reports that.
    pub(crate) fn check(&self, transaction: &Transaction<'_>) -> Result<Micros, OperationError> {
        let now = self.now();
        let ahead = now.saturating_sub(self.wall());
        let restarted = self.restarted.swap(false, Ordering::Relaxed);
        // Another process may have reported the change already, and stored it.
        let known = ClockRow::read(transaction)?.map_or(0, |kept| kept.ahead);
        let step = known.saturating_sub(ahead);
        if step.saturating_abs() > TOLERANCE {
            self.keep(transaction, ahead)?;
            self.tell(Correction { step, restarted });
        }
        Ok(now)
    }

    /// Sets the listener, and calls it for the corrections so far.
    pub(crate) fn on_correction(&self, listener: OnCorrection) {
        let mut corrections = self.corrections();
        corrections.untold.drain(..).for_each(|one| listener(&one));
        corrections.listener = Some(listener);
    }

    fn tell(&self, correction: Correction) {
        tracing::warn!(%correction, "the system clock was changed");
        let mut corrections = self.corrections();
        match &corrections.listener {
            Some(listener) => listener(&correction),
            None => corrections.untold.push(correction),
        }
    }

    fn corrections(&self) -> MutexGuard<'_, Corrections> {
        self.corrections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, transaction: &Transaction<'_>, ahead: Micros) -> Result<(), OperationError> {
        let kept = ClockRow {
            boot: self.clocks.boot.clone(),
            offset: self.offset,
            ahead,
        };
        transaction.execute(
            "INSERT OR REPLACE INTO clock VALUES (1, ?, ?, ?, ?)",
            (&kept.boot, kept.offset, kept.ahead, kept.checksum()),
        )?;
        Ok(())
    }
}

impl ClockRow {
    fn read(transaction: &Transaction<'_>) -> Result<Option<Self>, OperationError> {
        let row = transaction
            .prepare_cached("SELECT boot, uptime_offset, ahead, checksum FROM clock")?
            .query_row((), |row| {
                let kept = Self {
                    boot: row.get(0)?,
                    offset: row.get(1)?,
                    ahead: row.get(2)?,
                };
                Ok((kept, row.get::<_, i64>(3)?))
            })
            .optional()?;
        match row {
            Some((kept, checksum)) if checksum != kept.checksum() => Err(OperationError::Damaged(
                "the ledger's clock has a wrong checksum".to_owned(),
            )),
            row => Ok(row.map(|(kept, _)| kept)),
        }
    }

    fn checksum(&self) -> i64 {
        Checksum::of("clock")
            .text(&self.boot)
            .int(self.offset)
            .int(self.ahead)
            .finish()
    }
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
