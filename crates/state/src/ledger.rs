//! The rate limit ledger, shared by all processes that use the state: how it decides.
//!
//! Each user has two sliding logs, one with the time of every answered call and one with the time
//! of every error. Their entries are numbered without gaps, and times never decrease. So checking
//! a window takes one look-up: if `n` more calls fit besides those in flight, the window is full
//! exactly while the `n`th newest entry is still inside it, and that entry tells how long to wait.
//! If an entry is missing, the file is damaged; it must not look like an empty window.
//!
//! A token bucket would need one row instead of a log, but it cannot keep the vendor's limits. They
//! are sliding windows: after an idle minute, a bucket of 100 calls allows 100 calls at once and
//! then keeps refilling, which is up to 200 calls within one minute. A smaller bucket would keep
//! the limits, but waste up to half of them. Fixed windows have the same problem at their
//! boundaries. The price of the log is one row per call, kept for a day.

#[cfg(test)]
mod tests;

use std::{
    ops::{Index, IndexMut},
    time::Duration,
};

use fortilake_auth::{Micros, later, until};
use fortilake_client::ledger::{ErrorLimit, ErrorReason, Limits, MARGIN, Reservation, Spent};

/// How often to check whether another process's call has been answered. There is no notification.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The longest wait for a call of this process. Its end wakes the waiter earlier.
const RECHECK: Duration = Duration::from_mins(1);

/// The minimum time that entries are kept, in microseconds. A later configuration may have longer
/// windows than this one, and its first call must find the entries.
pub(crate) const KEPT: Micros = 24 * 60 * 60 * 1_000_000;

/// The number of responses between two prunes. A prune deletes up to about twice as many entries
/// per log, so it catches up with a backlog.
pub(crate) const PRUNED: i64 = 64;

/// How many reasons of errors to keep per user.
pub(crate) const KEPT_REASONS: i64 = 64;

/// How long after an error the API is assumed to be failing.
///
/// The real results of the calls that a dead process had in flight are unknown. If the API has
/// returned an error within this time, they count as errors, because they may well be. Otherwise
/// they do not: with ten errors allowed per hour, a crash with ten calls in flight would pause the
/// user for an hour. The price is that the count can be too low if the API started to fail at the
/// moment of the crash.
pub(crate) const FAILING_PERIOD: Duration = Duration::from_hours(1);

/// The reason of such an error.
pub(crate) fn died_before_response() -> ErrorReason {
    ErrorReason {
        call: "a call whose process died before the response".to_owned(),
        http: None,
        message: String::new(),
    }
}

/// One of a user's two logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogKind {
    /// The times at which calls were answered.
    Calls,
    /// The times of the responses that were errors. Each one is in `Calls` too.
    Errors,
}

impl LogKind {
    /// The value of the column `log`.
    pub(crate) fn id(self) -> i64 {
        match self {
            Self::Calls => 0,
            Self::Errors => 1,
        }
    }
}

/// The entries that each of a user's logs has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entries {
    pub(crate) calls: EntryRange,
    pub(crate) errors: EntryRange,
}

/// The numbers of the first and last entry of a log. If the log is empty, `first` is `last + 1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EntryRange {
    pub(crate) first: i64,
    pub(crate) last: i64,
}

impl Entries {
    /// Both logs, from their first and last numbers: of the calls, then of the errors.
    pub(crate) fn of([calls, last_call, errors, last_error]: [i64; 4]) -> Self {
        let range = |first, last| EntryRange { first, last };
        Self {
            calls: range(calls, last_call),
            errors: range(errors, last_error),
        }
    }
}

impl EntryRange {
    /// The number of the entry of this rank, where the newest entry has rank 1.
    pub(crate) fn of_rank(self, rank: i64) -> Option<i64> {
        let number = self.last.saturating_sub(rank) + 1;
        (number >= self.first).then_some(number)
    }
}

impl Index<LogKind> for Entries {
    type Output = EntryRange;

    fn index(&self, log: LogKind) -> &EntryRange {
        match log {
            LogKind::Calls => &self.calls,
            LogKind::Errors => &self.errors,
        }
    }
}

impl IndexMut<LogKind> for Entries {
    fn index_mut(&mut self, log: LogKind) -> &mut EntryRange {
        match log {
            LogKind::Calls => &mut self.calls,
            LogKind::Errors => &mut self.errors,
        }
    }
}

/// The number of a user's calls in flight: of this process, and of others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InFlight {
    pub(crate) own: i64,
    pub(crate) foreign: i64,
}

impl InFlight {
    pub(crate) fn all(self) -> i64 {
        self.own + self.foreign
    }
}

/// Decides whether another call fits. `None` means that it does; otherwise the reason and the wait.
///
/// `leaves` returns when the entry of a rank leaves a window, where the newest entry has rank 1;
/// `None` if it has already left, or does not exist.
pub(crate) fn decide<E>(
    closed_until: Micros,
    in_flight: InFlight,
    limits: &Limits,
    now: Micros,
    mut leaves: impl FnMut(LogKind, i64, Duration) -> Result<Option<Micros>, E>,
) -> Result<Option<Reservation>, E> {
    let glance = if in_flight.foreign > 0 {
        POLL_INTERVAL
    } else {
        RECHECK
    };
    let (mut at, mut full_of_calls_in_flight) = (closed_until.max(now), false);
    for window in &limits.calls {
        let free = i64::from(window.max) - in_flight.all();
        if free < 1 {
            full_of_calls_in_flight = true;
        } else if let Some(instant) = leaves(LogKind::Calls, free, window.per)? {
            at = at.max(instant);
        }
    }
    let budget = match limits.errors {
        Some(limit) => Budget::of(limit, in_flight, now, &mut leaves)?,
        None => Budget::Enough,
    };
    Ok(match budget {
        Budget::Spent(end) => Some(Reservation::Spent {
            wait: until(now, end.max(at)),
            why: Spent::Errors,
        }),
        _ if closed_until > now => Some(Reservation::Spent {
            wait: until(now, at),
            why: Spent::Closed,
        }),
        _ if full_of_calls_in_flight => Some(Reservation::AfterAnswer(glance)),
        _ if at > now => Some(Reservation::After(until(now, at))),
        Budget::Held(end) => Some(Reservation::AfterAnswer(until(now, end).min(glance))),
        Budget::Enough => None,
    })
}

/// The state of the error budget.
enum Budget {
    Enough,
    /// The calls in flight could use up the budget. At this time enough old errors have left the
    /// window for another call, even if no call in flight is answered. It may fit earlier if they
    /// succeed. `Micros::MAX` means that only a response can help.
    Held(Micros),
    Spent(Micros),
}

impl Budget {
    fn of<E>(
        limit: ErrorLimit,
        in_flight: InFlight,
        now: Micros,
        mut leaves: impl FnMut(LogKind, i64, Duration) -> Result<Option<Micros>, E>,
    ) -> Result<Self, E> {
        let usable = i64::from(limit.usable());
        if usable == 0 {
            // The configuration allows no errors, so no call ever fits. Report a wait of one
            // window.
            return Ok(Self::Spent(span_after(now, limit.per)));
        }
        if let Some(instant) = leaves(LogKind::Errors, usable, limit.per)? {
            return Ok(Self::Spent(instant));
        }
        let free = usable - in_flight.all();
        if free < 1 {
            return Ok(Self::Held(Micros::MAX));
        }
        let held = leaves(LogKind::Errors, free, limit.per)?;
        Ok(held.map_or(Self::Enough, Self::Held))
    }
}

/// The length of the longest window of `limits` with its margin, in microseconds.
pub(crate) fn longest(limits: &Limits) -> i64 {
    let errors = limits.errors.map(|limit| limit.per);
    let spans = limits.calls.iter().map(|window| window.per).chain(errors);
    span_after(0, spans.max().unwrap_or_default())
}

/// The time at which an entry of `time` has left a window of length `per`, with a safety margin.
pub(crate) fn span_after(time: Micros, per: Duration) -> Micros {
    later(time, per.saturating_add(MARGIN))
}

pub(crate) fn narrow(count: i64) -> u32 {
    u32::try_from(count.max(0)).unwrap_or(u32::MAX)
}
