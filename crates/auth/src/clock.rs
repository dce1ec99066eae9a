//! The clock behind every time that is stored beyond the process.

use std::{
    sync::{Arc, Mutex, PoisonError},
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

/// How far the system's clock gets ahead before it is believed.
const SLEPT: Duration = Duration::from_mins(1);

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
    let anchor = Mutex::new((Instant::now(), system_time()));
    Arc::new(move || {
        let mut anchor = anchor.lock().unwrap_or_else(PoisonError::into_inner);
        let (instant, then) = *anchor;
        let now = later(then, instant.elapsed());
        let system = system_time();
        if system > later(now, SLEPT) {
            *anchor = (Instant::now(), system);
            return system;
        }
        now
    })
}

/// The time this long after another; the last there is where that overflows.
pub fn later(time: Micros, by: Duration) -> Micros {
    time.saturating_add(i64::try_from(by.as_micros()).unwrap_or(Micros::MAX))
}

/// Returns the time from `now` to `then`, or zero if `then` is in the past.
pub fn until(now: Micros, then: Micros) -> Duration {
    Duration::from_micros(u64::try_from(then.saturating_sub(now)).unwrap_or_default())
}

/// A clock before 1970 is a broken one, and 1970 as good as any.
fn system_time() -> Micros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    later(0, since.unwrap_or_default())
}

#[cfg(test)]
mod tests;
