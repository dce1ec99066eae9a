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

mod account;
mod log;
#[cfg(test)]
mod tests;

use std::time::Duration;

use fortilake_client::{
    self as client,
    auth::later,
    ledger::{
        ErrorLimit, Ledger, Limits, MARGIN, Micros, Reservation, Spent, Ticket, Usage, Verdict,
    },
};
use rusqlite::{OptionalExtension, Transaction};

use self::{account::Account, log::Log};
use crate::{Error, State, error::Fault, holder, state::Shared};

/// How often to look whether a call of another process is answered; nobody tells.
const GLANCE: Duration = Duration::from_millis(50);

/// How long after an error the API is taken to be failing.
const AFTERMATH: Duration = Duration::from_hours(1);

/// The longest wait for a call of this process. Its end wakes the waiter earlier.
const RECHECK: Duration = Duration::from_mins(1);

impl Ledger for State {
    fn reserve(&self, user: &str, limits: &Limits, now: Micros) -> client::Result<Reservation> {
        self.0
            .write("reserve a call", |transaction| {
                reserve(&self.0, transaction, user, limits, now)
            })
            .map_err(for_client)
    }

    fn settle(&self, ticket: Ticket, now: Micros, verdict: Verdict) -> client::Result<()> {
        self.0
            .write("settle a call", |transaction| {
                settle(transaction, ticket, now, verdict)
            })
            .map_err(for_client)
    }

    fn close(&self, user: &str, until: Micros) -> client::Result<()> {
        self.0
            .write("close a window", |transaction| {
                let mut account = Account::load(transaction, user)?;
                account.closed_until = account.closed_until.max(until);
                account.save(transaction)
            })
            .map_err(for_client)
    }

    fn usage(&self, user: &str, limits: &Limits, now: Micros) -> client::Result<Usage> {
        self.0
            .write("read the ledger", |transaction| {
                usage(transaction, user, limits, now)
            })
            .map_err(for_client)
    }
}

fn for_client(error: Error) -> client::Error {
    client::Error::ledger(error)
}

fn reserve(
    shared: &Shared,
    transaction: &Transaction<'_>,
    user: &str,
    limits: &Limits,
    now: Micros,
) -> Result<Reservation, Fault> {
    let mut account = Account::load(transaction, user)?;
    let mut in_flight = InFlight::count(transaction, account.id, shared.holder.id)?;
    let mut now = now.max(account.latest);
    let mut answer = decide(transaction, &account, in_flight, limits, now)?;
    // Look for dead processes only if the call does not fit, because it costs a system call for
    // each.
    if answer.is_some()
        && in_flight.foreign > 0
        && holder::reap(transaction, &shared.directory, shared.holder.id, now)?
    {
        account = Account::load(transaction, user)?;
        in_flight = InFlight::count(transaction, account.id, shared.holder.id)?;
        now = now.max(account.latest);
        answer = decide(transaction, &account, in_flight, limits, now)?;
    }
    if let Some(answer) = answer {
        return Ok(answer);
    }
    transaction
        .prepare_cached("INSERT INTO in_flight (user, holder) VALUES (?, ?)")?
        .execute((account.id, shared.holder.id))?;
    let ticket = Ticket(transaction.last_insert_rowid());
    account.latest = now;
    account.span = account.span.max(longest(limits));
    account.save(transaction)?;
    Ok(Reservation::Granted(ticket))
}

fn settle(
    transaction: &Transaction<'_>,
    ticket: Ticket,
    now: Micros,
    verdict: Verdict,
) -> Result<(), Fault> {
    let user = transaction
        .prepare_cached("DELETE FROM in_flight WHERE ticket = ? RETURNING user")?
        .query_row((ticket.0,), |row| row.get(0))
        .optional()?;
    match user {
        Some(user) if verdict != Verdict::Unsent => {
            let mut account = Account::load_by_id(transaction, user)?;
            account.answered(transaction, now, verdict)?;
            account.prune(transaction)?;
            account.save(transaction)
        }
        _ => Ok(()),
    }
}

/// The calls that a dead holder had in flight are answered now.
///
/// How they ended nobody knows. Where the API was failing, they count as errors too; where nothing
/// has failed for an hour they do not, or a crash of ours would cost the user an hour's pause.
pub(crate) fn answer_for_the_dead(
    transaction: &Transaction<'_>,
    holder: i64,
    now: Micros,
) -> Result<(), Fault> {
    let mut statement =
        transaction.prepare_cached("DELETE FROM in_flight WHERE holder = ? RETURNING user")?;
    let users = statement.query_map((holder,), |row| row.get(0))?;
    for user in users.collect::<rusqlite::Result<Vec<i64>>>()? {
        let mut account = Account::load_by_id(transaction, user)?;
        let failing = account.entries_since(transaction, Log::Errors, now, AFTERMATH)? > 0;
        let verdict = if failing {
            Verdict::Error
        } else {
            Verdict::Good
        };
        account.answered(transaction, now, verdict)?;
        account.save(transaction)?;
    }
    Ok(())
}

fn usage(
    transaction: &Transaction<'_>,
    user: &str,
    limits: &Limits,
    now: Micros,
) -> Result<Usage, Fault> {
    let account = Account::load(transaction, user)?;
    let now = now.max(account.latest);
    let in_flight = InFlight::count(transaction, account.id, 0)?.all();
    let held = |log: Log, per| account.entries_since(transaction, log, now, per);
    let calls = limits.calls.iter().map(|window| {
        let answered = held(Log::Calls, window.per)?;
        Ok(narrow(answered.saturating_add(in_flight)))
    });
    Ok(Usage {
        calls: calls.collect::<Result<_, Fault>>()?,
        errors: match limits.errors {
            Some(limit) => narrow(held(Log::Errors, limit.per)?),
            None => 0,
        },
        in_flight: narrow(in_flight),
        closed_until: (account.closed_until > now).then_some(account.closed_until),
    })
}

/// The number of a user's calls in flight: of this process, and of others.
#[derive(Debug, Clone, Copy)]
struct InFlight {
    own: i64,
    foreign: i64,
}

impl InFlight {
    fn count(transaction: &Transaction<'_>, user: i64, own: i64) -> Result<Self, Fault> {
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
    account: &Account,
    in_flight: InFlight,
    limits: &Limits,
    now: Micros,
) -> Result<Option<Reservation>, Fault> {
    let leaves = |log, rank, per| account.leaves(transaction, log, rank, now, per);
    let patience = if in_flight.foreign > 0 {
        GLANCE
    } else {
        RECHECK
    };
    let glance = later(now, patience);
    let (mut at, mut full_of_calls_in_flight) = (account.closed_until.max(now), false);
    for window in &limits.calls {
        let free = i64::from(window.max) - in_flight.all();
        if free < 1 {
            full_of_calls_in_flight = true;
        } else if let Some(instant) = leaves(Log::Calls, free, window.per)? {
            at = at.max(instant);
        }
    }
    let budget = match limits.errors {
        Some(limit) => Budget::of(limit, in_flight, now, leaves)?,
        None => Budget::Enough,
    };
    Ok(match budget {
        Budget::Spent(until) => Some(Reservation::Spent {
            until: until.max(at),
            why: Spent::Errors,
        }),
        _ if account.closed_until > now => Some(Reservation::Spent {
            until: at,
            why: Spent::Closed,
        }),
        _ if full_of_calls_in_flight => Some(Reservation::AfterAnswer(glance)),
        _ if at > now => Some(Reservation::At(at)),
        Budget::Held(until) => Some(Reservation::AfterAnswer(until.min(glance))),
        Budget::Enough => None,
    })
}

/// The state of the error budget.
enum Budget {
    Enough,
    /// The calls in flight could use up the budget. At this time enough old errors have left the
    /// window for another call, even if no call in flight is answered. It may fit earlier if they
    /// succeed. `Micros::MAX` means that only an answer can help.
    Held(Micros),
    Spent(Micros),
}

impl Budget {
    fn of(
        limit: ErrorLimit,
        in_flight: InFlight,
        now: Micros,
        leaves: impl Fn(Log, i64, Duration) -> Result<Option<Micros>, Fault>,
    ) -> Result<Self, Fault> {
        let usable = i64::from(limit.usable());
        if usable == 0 {
            // The configuration allows no errors, so no call ever fits. Report a wait of one
            // window.
            return Ok(Self::Spent(span_after(now, limit.per)));
        }
        if let Some(instant) = leaves(Log::Errors, usable, limit.per)? {
            return Ok(Self::Spent(instant));
        }
        let free = usable - in_flight.all();
        if free < 1 {
            return Ok(Self::Held(Micros::MAX));
        }
        let held = leaves(Log::Errors, free, limit.per)?;
        Ok(held.map_or(Self::Enough, Self::Held))
    }
}

/// When what happens at `time` has left a window.
fn span_after(time: Micros, per: Duration) -> Micros {
    later(time, per.saturating_add(MARGIN))
}

/// The longest span that any of the limits looks back, in microseconds.
fn longest(limits: &Limits) -> i64 {
    let errors = limits.errors.map(|limit| limit.per);
    let spans = limits.calls.iter().map(|window| window.per).chain(errors);
    span_after(0, spans.max().unwrap_or_default())
}

fn narrow(count: i64) -> u32 {
    u32::try_from(count.max(0)).unwrap_or(u32::MAX)
}
