//! The rate limit ledger, shared by all processes that use the state file.
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

use std::time::Duration;

use async_trait::async_trait;
use fortilake_auth::{Micros, later, until};
use fortilake_client::{
    self as client,
    ledger::{
        CallOutcome, ErrorLimit, ErrorReason, LONGEST_CLOSE, Ledger, LedgerUsage, Limits, MARGIN,
        PastError, Reservation, Spent, Ticket,
    },
};
use rusqlite::{OptionalExtension, Transaction};

use crate::{
    State,
    error::OperationError,
    holder,
    state::Shared,
    user_ledger::{LogKind, UserLedger, reasons, span_after},
};

/// How often to check whether another process's call has been answered. There is no notification.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The longest wait for a call of this process. Its end wakes the waiter earlier.
const RECHECK: Duration = Duration::from_mins(1);

#[async_trait]
impl Ledger for State {
    async fn reserve(&self, user: &str, limits: &Limits) -> client::Result<Reservation> {
        let (user, limits) = (user.to_owned(), limits.clone());
        self.ask("reserve a call", move |shared, transaction| {
            reserve(shared, transaction, &user, &limits)
        })
        .await
    }

    async fn settle(
        &self,
        ticket: Ticket,
        outcome: CallOutcome,
        reason: Option<&ErrorReason>,
    ) -> client::Result<()> {
        let reason = reason.cloned();
        self.ask("settle a call", move |shared, transaction| {
            let now = shared.time.now();
            settle(transaction, ticket, now, outcome, reason.as_ref())
        })
        .await
    }

    async fn close(&self, user: &str, wait: Duration) -> client::Result<()> {
        let user = user.to_owned();
        self.ask("close a window", move |shared, transaction| {
            let mut ledger = UserLedger::load(transaction, &user)?;
            let until = later(shared.time.now(), wait.min(LONGEST_CLOSE));
            ledger.closed_until = ledger.closed_until.max(until);
            ledger.save(transaction)
        })
        .await
    }

    async fn usage(&self, user: &str, limits: &Limits) -> client::Result<LedgerUsage> {
        let (user, limits) = (user.to_owned(), limits.clone());
        self.ask("read the ledger", move |shared, transaction| {
            usage(transaction, &user, &limits, shared.time.now())
        })
        .await
    }
}

impl State {
    /// The last errors of all users whose reasons are known, newest first.
    pub fn last_errors(&self) -> crate::Result<Vec<PastError>> {
        self.0.write("read the ledger", |transaction| {
            reasons::last(transaction, None, self.0.time.now())
        })
    }

    async fn ask<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Shared, &Transaction<'_>) -> Result<T, OperationError> + Send + 'static,
    ) -> client::Result<T> {
        let answer = self.write_elsewhere(operation, work).await;
        answer.map_err(client::Error::ledger)
    }
}

fn reserve(
    shared: &Shared,
    transaction: &Transaction<'_>,
    user: &str,
    limits: &Limits,
) -> Result<Reservation, OperationError> {
    let now = shared.time.check(transaction)?;
    let mut ledger = UserLedger::load(transaction, user)?;
    let mut in_flight = InFlight::count(transaction, ledger.id, shared.holder.id)?;
    let mut now = now.max(ledger.latest);
    // A time further ahead than any wait was written by a wrong clock, so limit it.
    ledger.closed_until = ledger.closed_until.min(later(now, LONGEST_CLOSE));
    let mut answer = decide(transaction, &ledger, in_flight, limits, now)?;
    // Look for dead processes only if the call does not fit, because it costs a system call for
    // each.
    if answer.is_some()
        && in_flight.foreign > 0
        && holder::clean_up_dead(transaction, &shared.directory, shared.holder.id, now)?
    {
        ledger = UserLedger::load(transaction, user)?;
        in_flight = InFlight::count(transaction, ledger.id, shared.holder.id)?;
        now = now.max(ledger.latest);
        answer = decide(transaction, &ledger, in_flight, limits, now)?;
    }
    if let Some(answer) = answer {
        return Ok(answer);
    }
    transaction
        .prepare_cached("INSERT INTO in_flight (user, holder) VALUES (?, ?)")?
        .execute((ledger.id, shared.holder.id))?;
    let ticket = Ticket(transaction.last_insert_rowid());
    ledger.latest = now;
    ledger.span = ledger.span.max(longest(limits));
    ledger.save(transaction)?;
    Ok(Reservation::Granted(ticket))
}

fn settle(
    transaction: &Transaction<'_>,
    ticket: Ticket,
    now: Micros,
    outcome: CallOutcome,
    reason: Option<&ErrorReason>,
) -> Result<(), OperationError> {
    let user = transaction
        .prepare_cached("DELETE FROM in_flight WHERE ticket = ? RETURNING user")?
        .query_row((ticket.0,), |row| row.get(0))
        .optional()?;
    match user {
        Some(user) if outcome != CallOutcome::Unsent => {
            let mut ledger = UserLedger::load_by_id(transaction, user)?;
            ledger.answered(transaction, now, outcome)?;
            if let Some(reason) = reason.filter(|_| outcome == CallOutcome::Error) {
                reasons::keep(transaction, ledger.id, ledger.last_error(), now, reason)?;
            }
            ledger.prune(transaction)?;
            ledger.save(transaction)
        }
        _ => Ok(()),
    }
}

fn usage(
    transaction: &Transaction<'_>,
    user: &str,
    limits: &Limits,
    now: Micros,
) -> Result<LedgerUsage, OperationError> {
    let ledger = UserLedger::load(transaction, user)?;
    let now = now.max(ledger.latest);
    let in_flight = InFlight::count(transaction, ledger.id, 0)?.all();
    let held = |log: LogKind, per| ledger.entries_since(transaction, log, now, per);
    let calls = limits.calls.iter().map(|window| {
        let answered = held(LogKind::Calls, window.per)?;
        Ok(narrow(answered.saturating_add(in_flight)))
    });
    Ok(LedgerUsage {
        calls: calls.collect::<Result<_, OperationError>>()?,
        errors: match limits.errors {
            Some(limit) => narrow(held(LogKind::Errors, limit.per)?),
            None => 0,
        },
        last_errors: reasons::last(transaction, Some(ledger.id), now)?
            .into_iter()
            .filter(|error| {
                limits
                    .errors
                    .is_none_or(|limit| error.ago < limit.per + MARGIN)
            })
            .collect(),
        in_flight: narrow(in_flight),
        closed_for: (ledger.closed_until > now).then(|| until(now, ledger.closed_until)),
    })
}

/// The number of a user's calls in flight: of this process, and of others.
#[derive(Debug, Clone, Copy)]
struct InFlight {
    own: i64,
    foreign: i64,
}

impl InFlight {
    fn count(transaction: &Transaction<'_>, user: i64, own: i64) -> Result<Self, OperationError> {
        let mut statement = transaction.prepare_cached(
            "SELECT count(*) FILTER (WHERE holder = ?2), count(*) FILTER (WHERE holder <> ?2)
             FROM in_flight WHERE user = ?1",
        )?;
        Ok(statement.query_row((user, own), |row| {
            Ok(Self {
                own: row.get(0)?,
                foreign: row.get(1)?,
            })
        })?)
    }

    fn all(self) -> i64 {
        self.own + self.foreign
    }
}

/// Decides whether another call fits. `None` means that it does; otherwise the reason and the wait.
fn decide(
    transaction: &Transaction<'_>,
    ledger: &UserLedger,
    in_flight: InFlight,
    limits: &Limits,
    now: Micros,
) -> Result<Option<Reservation>, OperationError> {
    let leaves = |log, rank, per| ledger.leaves(transaction, log, rank, now, per);
    let glance = if in_flight.foreign > 0 {
        POLL_INTERVAL
    } else {
        RECHECK
    };
    let (mut at, mut full_of_calls_in_flight) = (ledger.closed_until.max(now), false);
    for window in &limits.calls {
        let free = i64::from(window.max) - in_flight.all();
        if free < 1 {
            full_of_calls_in_flight = true;
        } else if let Some(instant) = leaves(LogKind::Calls, free, window.per)? {
            at = at.max(instant);
        }
    }
    let budget = match limits.errors {
        Some(limit) => Budget::of(limit, in_flight, now, leaves)?,
        None => Budget::Enough,
    };
    Ok(match budget {
        Budget::Spent(end) => Some(Reservation::Spent {
            wait: until(now, end.max(at)),
            why: Spent::Errors,
        }),
        _ if ledger.closed_until > now => Some(Reservation::Spent {
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
    fn of(
        limit: ErrorLimit,
        in_flight: InFlight,
        now: Micros,
        leaves: impl Fn(LogKind, i64, Duration) -> Result<Option<Micros>, OperationError>,
    ) -> Result<Self, OperationError> {
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
fn longest(limits: &Limits) -> i64 {
    let errors = limits.errors.map(|limit| limit.per);
    let spans = limits.calls.iter().map(|window| window.per).chain(errors);
    span_after(0, spans.max().unwrap_or_default())
}

fn narrow(count: i64) -> u32 {
    u32::try_from(count.max(0)).unwrap_or(u32::MAX)
}
