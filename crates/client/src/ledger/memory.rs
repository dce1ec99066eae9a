//! A ledger in memory.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    ErrorLimit, Ledger, Limits, MARGIN, Micros, Reservation, Spent, Ticket, Usage, Verdict,
};
use crate::{Result, Window};
use fortilake_auth::later;

/// How long to wait for an answer before asking again.
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
/// It is exact for all clients that share it, and knows nothing of other processes.
#[derive(Debug, Default)]
pub struct MemoryLedger(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    last_ticket: i64,
    /// The calls in flight and their users.
    in_flight: HashMap<Ticket, String>,
    logs: HashMap<String, Log>,
}

/// The calls and errors of one user.
#[derive(Debug, Default)]
struct Log {
    in_flight: u32,
    answered: Events,
    errors: Events,
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
        Self::default()
    }

    /// Locks the ledger, even if another thread panicked while it held the lock. No critical
    /// section leaves the data half changed.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger for MemoryLedger {
    fn reserve(&self, user: &str, limits: &Limits, now: Micros) -> Result<Reservation> {
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

    fn settle(&self, ticket: Ticket, now: Micros, verdict: Verdict) -> Result<()> {
        let mut inner = self.lock();
        let Some(user) = inner.in_flight.remove(&ticket) else {
            return Ok(());
        };
        let log = inner.log(&user);
        let now = log.tick(now);
        log.in_flight -= 1;
        if verdict != Verdict::Unsent {
            log.answered.times.push_back(now);
        }
        if verdict == Verdict::Error {
            log.errors.times.push_back(now);
        }
        Ok(())
    }

    fn close(&self, user: &str, until: Micros) -> Result<()> {
        let mut inner = self.lock();
        let log = inner.log(user);
        log.closed_until = log.closed_until.max(Some(until));
        Ok(())
    }

    fn usage(&self, user: &str, limits: &Limits, now: Micros) -> Result<Usage> {
        let mut inner = self.lock();
        let log = inner.log(user);
        let now = now.max(log.latest);
        let held = |window: &Window| log.answered.count(window.per, now) + log.in_flight;
        let errors = limits
            .errors
            .map_or(0, |limit| log.errors.count(limit.per, now));
        Ok(Usage {
            calls: limits.calls.iter().map(held).collect(),
            errors,
            in_flight: log.in_flight,
            closed_until: log.closed_until.filter(|&until| until > now),
        })
    }
}

impl Inner {
    fn log(&mut self, user: &str) -> &mut Log {
        self.logs.entry(user.to_owned()).or_default()
    }
}

impl Log {
    /// The time, which never steps back here.
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

    /// Why no call fits now, if none does.
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
        if budget == Budget::Spent {
            let until = earliest.max(errors_end);
            return Some(Reservation::Spent {
                until,
                why: Spent::Errors,
            });
        }
        if closed > now {
            return Some(Reservation::Spent {
                until: earliest,
                why: Spent::Closed,
            });
        }
        if all_in_flight {
            return Some(Reservation::AfterAnswer(later(now, LOOK_AGAIN)));
        }
        if full_until > now {
            return Some(Reservation::At(full_until));
        }
        let at = errors_end.min(later(now, LOOK_AGAIN));
        (budget == Budget::Held).then_some(Reservation::AfterAnswer(at))
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
            return (Budget::Spent, Micros::MAX);
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
