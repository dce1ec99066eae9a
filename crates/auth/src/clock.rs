//! The clock behind every time that is stored beyond the process.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::time::Instant;

/// A time in microseconds of Unix time.
pub type Micros = i64;

/// Returns the current time.
///
/// Everything that stores or compares times takes a clock as a parameter, so that tests can run
/// whole crawls in virtual time.
pub type Clock = Arc<dyn Fn() -> Micros + Send + Sync>;

/// A shorter suspension can't be distinguished from the time it takes to read two clocks.
const SLEEP: Duration = Duration::from_secs(1);

/// A clock that starts at the system time and then advances with a monotonic clock.
///
/// Reading the system time each time would be simpler, but if somebody set the clock while the
/// process runs, tokens would seem to expire and pauses would end too early. This clock neither
/// steps back nor jumps ahead. The price is that it doesn't follow a correction either, until the
/// process restarts.
///
/// It uses tokio's clock, so tests can pause and advance it. Tokio's clock stops while the machine
/// is suspended. On Linux, the suspended time is added; elsewhere it is missing.
pub fn real_time() -> Clock {
    let (start, then, before) = (Instant::now(), system_time(), slept());
    let latest = AtomicI64::new(then);
    Arc::new(move || {
        let slept = slept().saturating_sub(before);
        let slept = if slept < SLEEP { Duration::ZERO } else { slept };
        let now = later(then, start.elapsed().saturating_add(slept));
        latest.fetch_max(now, Ordering::Relaxed).max(now)
    })
}

/// Returns how long the machine has been up, including suspended time. This clock cannot be set.
///
/// Returns `None` on systems other than Linux.
pub fn uptime() -> Option<Micros> {
    #[cfg(target_os = "linux")]
    return Some(later(0, read(rustix::time::ClockId::Boottime)));
    #[cfg(not(target_os = "linux"))]
    return None;
}

/// Returns how long the machine has been suspended since it started.
#[cfg(target_os = "linux")]
fn slept() -> Duration {
    use rustix::time::ClockId;
    read(ClockId::Boottime).saturating_sub(read(ClockId::Monotonic))
}

/// Returns zero: suspended time is only measured on Linux.
#[cfg(not(target_os = "linux"))]
fn slept() -> Duration {
    Duration::ZERO
}

#[cfg(target_os = "linux")]
fn read(clock: rustix::time::ClockId) -> Duration {
    let time = rustix::time::clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(seconds, nanoseconds)
}

/// Returns `time` plus `by`, or `Micros::MAX` if that overflows.
pub fn later(time: Micros, by: Duration) -> Micros {
    time.saturating_add(i64::try_from(by.as_micros()).unwrap_or(Micros::MAX))
}

/// Returns the time from `now` to `then`, or zero if `then` is in the past.
pub fn until(now: Micros, then: Micros) -> Duration {
    Duration::from_micros(u64::try_from(then.saturating_sub(now)).unwrap_or_default())
}

/// Returns the system clock's date and time, which may be wrong.
///
/// A system clock before 1970 is broken, and counts as 1970.
pub fn system_time() -> Micros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    later(0, since.unwrap_or_default())
}

#[cfg(test)]
mod tests;
