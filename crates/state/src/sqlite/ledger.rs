//! The rate limit ledger in the state file.

use std::time::Duration;

use async_trait::async_trait;
use fortilake_auth::{Micros, later, until};
use fortilake_client::{
    self as client,
    ledger::{
        CallOutcome, ErrorReason, LONGEST_CLOSE, Ledger, LedgerUsage, Limits, MARGIN, PastError,
        Reservation, Ticket,
    },
};
use rusqlite::{OptionalExtension, Transaction};

use super::{
    Shared, Sqlite, holder,
    user_ledger::{UserLedger, reasons},
};
use crate::{
    error::OperationError,
    ledger::{self, InFlight, LogKind, longest, narrow},
};

#[async_trait]
impl Ledger for Sqlite {
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
            let mut account = UserLedger::load(transaction, &user)?;
            let until = later(shared.time.now(), wait.min(LONGEST_CLOSE));
            account.closed_until = account.closed_until.max(until);
            account.save(transaction)
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

impl Sqlite {
    pub(super) fn read_last_errors(&self) -> crate::Result<Vec<PastError>> {
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
    let mut account = UserLedger::load(transaction, user)?;
    let mut in_flight = count_in_flight(transaction, account.id, shared.holder.id)?;
    let mut now = now.max(account.latest);
    // A time further ahead than any wait was written by a wrong clock, so limit it.
    account.closed_until = account.closed_until.min(later(now, LONGEST_CLOSE));
    let mut answer = decide(transaction, &account, in_flight, limits, now)?;
    // Look for dead processes only if the call does not fit, because it costs a system call for
    // each.
    if answer.is_some()
        && in_flight.foreign > 0
        && holder::clean_up_dead(transaction, &shared.directory, shared.holder.id, now)?
    {
        account = UserLedger::load(transaction, user)?;
        in_flight = count_in_flight(transaction, account.id, shared.holder.id)?;
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
    outcome: CallOutcome,
    reason: Option<&ErrorReason>,
) -> Result<(), OperationError> {
    let user = transaction
        .prepare_cached("DELETE FROM in_flight WHERE ticket = ? RETURNING user")?
        .query_row((ticket.0,), |row| row.get(0))
        .optional()?;
    match user {
        Some(user) if outcome != CallOutcome::Unsent => {
            let mut account = UserLedger::load_by_id(transaction, user)?;
            account.answered(transaction, now, outcome)?;
            if let Some(reason) = reason.filter(|_| outcome == CallOutcome::Error) {
                reasons::keep(transaction, account.id, account.last_error(), now, reason)?;
            }
            account.prune(transaction)?;
            account.save(transaction)
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
    let account = UserLedger::load(transaction, user)?;
    let now = now.max(account.latest);
    let in_flight = count_in_flight(transaction, account.id, 0)?.all();
    let held = |log: LogKind, per| account.entries_since(transaction, log, now, per);
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
        last_errors: reasons::last(transaction, Some(account.id), now)?
            .into_iter()
            .filter(|error| {
                limits
                    .errors
                    .is_none_or(|limit| error.ago < limit.per + MARGIN)
            })
            .collect(),
        in_flight: narrow(in_flight),
        closed_for: (account.closed_until > now).then(|| until(now, account.closed_until)),
    })
}

/// Counts a user's calls in flight.
fn count_in_flight(
    transaction: &Transaction<'_>,
    user: i64,
    own: i64,
) -> Result<InFlight, OperationError> {
    let mut statement = transaction.prepare_cached(
        "SELECT count(*) FILTER (WHERE holder = ?2), count(*) FILTER (WHERE holder <> ?2)
         FROM in_flight WHERE user = ?1",
    )?;
    Ok(statement.query_row((user, own), |row| {
        Ok(InFlight {
            own: row.get(0)?,
            foreign: row.get(1)?,
        })
    })?)
}

/// As [`ledger::decide`], with the entries of the file.
fn decide(
    transaction: &Transaction<'_>,
    account: &UserLedger,
    in_flight: InFlight,
    limits: &Limits,
    now: Micros,
) -> Result<Option<Reservation>, OperationError> {
    let leaves = |log, rank, per| account.leaves(transaction, log, rank, now, per);
    ledger::decide(account.closed_until, in_flight, limits, now, leaves)
}
