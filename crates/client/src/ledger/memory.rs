//! A ledger in memory.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;

use super::{
    CallOutcome, ErrorLimit, ErrorReason, LAST_ERRORS, LONGEST_CLOSE, Ledger, LedgerUsage, Limits,
    MARGIN, PastError, Reservation, Spent, Ticket,
};
use crate::{Result, Window};
use fortilake_auth::{Clock, Micros, later, real_time, until};

/// How long to wait for a response before asking again.
///
/// A waiting client is woken when one of its own calls is answered, but not when another client's
/// is.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The minimum time for which calls are remembered.
///
/// A client with longer windows may start sharing the ledger later.
const REMEMBERED: Duration = Duration::from_hours(1);

/// A [`Ledger`] that lives as long as the process.
///
/// It is exact for all clients that share it, but does not know about other processes.
pub struct MemoryLedger {
    clock: Clock,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    last_ticket: i64,
    /// The calls in flight and their users.
    in_flight: HashMap<Ticket, String>,
    logs: HashMap<String, CallLog>,
}

/// The calls and errors of one user.
#[derive(Debug, Default)]
struct CallLog {
    in_flight: u32,
    answered: Events,
    errors: Events,
    /// The reasons of the most recent errors, newest first.
    reasons: VecDeque<(Micros, ErrorReason)>,
    closed_until: Option<Micros>,
    /// The latest time recorded so far.
    latest: Micros,
}

/// The times of events, oldest first, for as long as any limit needs them.
#[derive(Debug, Default)]
struct Events {
    times: VecDeque<Micros>,
    horizon: Duration,
}

impl MemoryLedger {
    /// Creates an empty ledger that uses the real time.
    pub fn new() -> Self {
        Self::with_clock(real_time())
    }

    /// Creates an empty ledger that uses this clock.
    pub fn with_clock(clock: Clock) -> Self {
        Self {
            clock,
            inner: Mutex::default(),
        }
    }

    /// Locks the ledger, even if another thread panicked while it held the lock. No critical
    /// section leaves the data half changed.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryLedger {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryLedger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.lock();
        formatter
            .debug_struct("MemoryLedger")
            .field("inner", &*inner)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn reserve(&self, user: &str, limits: &Limits) -> Result<Reservation> {
        let now = (self.clock)();
        let mut inner = self.lock();
        let ticket = Ticket(inner.last_ticket + 1);
        let log = inner.log(user);
        let now = log.tick(now);
        log.forget(limits, now);
        if let Some(refusal) = log.refusal(limits, now) {
            return Ok(refusal);
        }
        log.in_flight += 1;
        inner.last_ticket = ticket.0;
        inner.in_flight.insert(ticket, user.to_owned());
        Ok(Reservation::Granted(ticket))
    }

    async fn settle(
        &self,
        ticket: Ticket,
        outcome: CallOutcome,
        reason: Option<&ErrorReason>,
    ) -> Result<()> {
        let now = (self.clock)();
        let mut inner = self.lock();
        let Some(user) = inner.in_flight.remove(&ticket) else {
            return Ok(());
        };
        let log = inner.log(&user);
        let now = log.tick(now);
        log.in_flight -= 1;
        if outcome != CallOutcome::Unsent {
            log.answered.times.push_back(now);
        }
        if outcome == CallOutcome::Error {
            log.errors.times.push_back(now);
            if let Some(reason) = reason {
                log.reasons.truncate(LAST_ERRORS - 1);
                log.reasons.push_front((now, reason.clone()));
            }
        }
        Ok(())
    }

    async fn close(&self, user: &str, wait: Duration) -> Result<()> {
        let now = (self.clock)();
        let mut inner = self.lock();
        let log = inner.log(user);
        let until = later(log.tick(now), wait.min(LONGEST_CLOSE));
        log.closed_until = log.closed_until.max(Some(until));
        Ok(())
    }

    async fn usage(&self, user: &str, limits: &Limits) -> Result<LedgerUsage> {
        let now = (self.clock)();
        let mut inner = self.lock();
        let log = inner.log(user);
        let now = now.max(log.latest);
        let held = |window: &Window| log.answered.count(window.per, now) + log.in_flight;
        let errors = limits
            .errors
            .map_or(0, |limit| log.errors.count(limit.per, now));
        Ok(LedgerUsage {
            calls: limits.calls.iter().map(held).collect(),
            errors,
            last_errors: log.last_errors(limits, now),
            in_flight: log.in_flight,
            closed_for: log
                .closed_until
                .filter(|&closed| closed > now)
                .map(|closed| until(now, closed)),
        })
    }
}

impl Inner {
    fn log(&mut self, user: &str) -> &mut CallLog {
        self.logs.entry(user.to_owned()).or_default()
    }
}

impl CallLog {
    /// Advances to `now`. A clock that was set back does not move the ledger back.
    fn tick(&mut self, now: Micros) -> Micros {
        self.latest = self.latest.max(now);
        self.latest
    }

    fn forget(&mut self, limits: &Limits, now: Micros) {
        let longest = limits.calls.iter().map(|window| window.per).max();
        self.answered.forget(longest.unwrap_or_default(), now);
        let longest = limits.errors.map(|limit| limit.per);
        self.errors.forget(longest.unwrap_or_default(), now);
    }

    fn last_errors(&self, limits: &Limits, now: Micros) -> Vec<PastError> {
        let per = limits.errors.map_or(REMEMBERED, |limit| limit.per);
        let recent = self
            .reasons
            .iter()
            .filter(|(at, _)| later(*at, per + MARGIN) > now);
        recent
            .map(|(at, reason)| PastError {
                ago: until(*at, now),
                reason: reason.clone(),
            })
            .collect()
    }

    /// Returns why no call fits now, or `None` if one does.
    fn refusal(&self, limits: &Limits, now: Micros) -> Option<Reservation> {
        let closed = self.closed_until.unwrap_or(now);
        let (budget, errors_end) = limits
            .errors
            .map_or((Budget::Enough, now), |limit| self.budget(limit, now));
        let mut full_until = now;
        let mut all_in_flight = false;
        for window in &limits.calls {
            match self.fits(*window, now) {
                Some(instant) => full_until = full_until.max(instant),
                None => all_in_flight = true,
            }
        }
        let earliest = full_until.max(closed);
        let spent = |end: Micros, why| {
            Some(Reservation::Spent {
                wait: until(now, end),
                why,
            })
        };
        // The order matters: a used-up error budget and a closed server mean a long pause, which
        // the caller must learn of even if a window is full as well.
        if budget == Budget::Spent {
            return spent(earliest.max(errors_end), Spent::Errors);
        }
        if closed > now {
            return spent(earliest, Spent::Closed);
        }
        if all_in_flight {
            return Some(Reservation::AfterAnswer(LOOK_AGAIN));
        }
        if full_until > now {
            return Some(Reservation::After(until(now, full_until)));
        }
        let wait = until(now, errors_end).min(LOOK_AGAIN);
        (budget == Budget::Held).then_some(Reservation::AfterAnswer(wait))
    }

    /// Returns when one more call fits into a window, or `None` if the calls in flight alone fill
    /// it.
    ///
    /// It does not matter when the calls in flight are answered: they stay in the window longer
    /// than the older calls that have to leave it.
    fn fits(&self, window: Window, now: Micros) -> Option<Micros> {
        let free = window.max.checked_sub(self.in_flight + 1)?;
        Some(self.answered.at_most(free, window.per, now))
    }

    /// Returns the state of the error budget, and how long it lasts if no more calls are answered.
    fn budget(&self, limit: ErrorLimit, now: Micros) -> (Budget, Micros) {
        let Some(free) = limit.usable().checked_sub(1) else {
            // This limit never allows a call. Saying so once per window is enough.
            return (Budget::Spent, later(now, limit.per + MARGIN));
        };
        let spent = self.errors.at_most(free, limit.per, now);
        if spent > now {
            return (Budget::Spent, spent);
        }
        match free.checked_sub(self.in_flight) {
            Some(free) => match self.errors.at_most(free, limit.per, now) {
                instant if instant > now => (Budget::Held, instant),
                _ => (Budget::Enough, now),
            },
            None => (Budget::Held, Micros::MAX),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Budget {
    Enough,
    /// The calls in flight occupy what is left of the budget.
    Held,
    Spent,
}

impl Events {
    fn forget(&mut self, longest: Duration, now: Micros) {
        self.horizon = self.horizon.max(longest).max(REMEMBERED);
        let horizon = self.horizon + MARGIN;
        while self
            .times
            .front()
            .is_some_and(|&then| later(then, horizon) <= now)
        {
            self.times.pop_front();
        }
    }

    /// Iterates over the events that still count against a limit of this length.
    fn since(&self, per: Duration, now: Micros) -> impl ExactSizeIterator<Item = &Micros> {
        let held = per + MARGIN;
        let start = self.times.partition_point(|&then| later(then, held) <= now);
        self.times.range(start..)
    }

    fn count(&self, per: Duration, now: Micros) -> u32 {
        self.since(per, now).len().try_into().unwrap_or(u32::MAX)
    }

    /// Returns from when on at most `free` events count against a limit of this length.
    fn at_most(&self, free: u32, per: Duration, now: Micros) -> Micros {
        let mut held = self.since(per, now);
        let surplus = held
            .len()
            .saturating_sub(free.try_into().unwrap_or(usize::MAX));
        surplus
            .checked_sub(1)
            .and_then(|last_to_leave| held.nth(last_to_leave))
            .map_or(now, |&then| later(then, per + MARGIN))
    }
}

#[cfg(test)]
mod tests;
