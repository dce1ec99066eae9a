//! The time that is kept beyond the process.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::time::Instant;

/// A time in microseconds of Unix time.
pub type Micros = i64;

/// Says what time it is.
///
/// It is a parameter wherever time is kept, so that whole crawls run in virtual time.
pub type Clock = Arc<dyn Fn() -> Micros + Send + Sync>;

/// How far the system's clock gets ahead before it is believed.
const SLEPT: Duration = Duration::from_mins(1);

/// The real time, told by tokio's clock from where the system's clock stood at first.
///
/// So it never steps back while the process runs, and a paused tokio clock moves it.
/// Tokio's clock stands still while the machine sleeps;
/// so once the system's clock is more than a minute ahead, this one follows.
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

/// How long it is from one time to another; nothing where that is in the past.
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
