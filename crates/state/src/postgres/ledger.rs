//! The rate limit ledger in the database.
//!
//! Whoever changes a user's part locks the user's row, and only then reads the clock and the
//! entries: the wait for the lock may have taken a while. No lock is held while a call is made. What
//! the other calls do meanwhile is why every call in flight counts.

use std::{sync::atomic::Ordering, time::Duration};

use async_trait::async_trait;
use fortilake_auth::{Micros, later, until};
use fortilake_client::{
    self as client,
    ledger::{
        CallOutcome, ErrorReason, LONGEST_CLOSE, Ledger, LedgerUsage, Limits, MARGIN, Reservation,
        Ticket,
    },
};

use super::{
    Postgres, Shared,
    account::{self, Account, COUNTED_AS_ERROR, COUNTED_AS_GOOD, DEAD},
    database::{Database, Failure, Param, Transaction, get},
    fence,
};
use crate::{
    Result,
    ledger::{InFlight, LogKind, decide, longest, narrow},
};

#[async_trait]
impl Ledger for Postgres {
    async fn reserve(&self, user: &str, limits: &Limits) -> client::Result<Reservation> {
        let (user, limits) = (user.to_owned(), limits.clone());
        let request = self.0.holder.next_request();
        self.ask("reserve a call", move |shared, transaction| {
            reserve(shared, transaction, &user, &limits, request)
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
        self.ask("settle a call", move |_, transaction| {
            settle(transaction, ticket, outcome, reason.as_ref())
        })
        .await
    }

    async fn close(&self, user: &str, wait: Duration) -> client::Result<()> {
        let user = user.to_owned();
        self.ask("close a window", move |_, transaction| {
            let (mut account, now) = Account::lock(transaction, &user)?;
            let until = later(now, wait.min(LONGEST_CLOSE));
            account.closed_until = account.closed_until.max(until);
            account.save(transaction)
        })
        .await
    }

    async fn usage(&self, user: &str, limits: &Limits) -> client::Result<LedgerUsage> {
        let (user, limits) = (user.to_owned(), limits.clone());
        self.ask("read the ledger", move |_, transaction| {
            usage(transaction, &user, &limits)
        })
        .await
    }
}

impl Postgres {
    async fn ask<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnMut(&Shared, &mut Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> client::Result<T> {
        let answer = self.transact_elsewhere(operation, work).await;
        answer.map_err(client::Error::ledger)
    }
}

fn reserve(
    shared: &Shared,
    transaction: &mut Transaction<'_>,
    user: &str,
    limits: &Limits,
    request: i64,
) -> Result<Reservation, Failure> {
    let own = shared.holder.id;
    if transaction.is_repeated {
        // An earlier attempt may have been granted without us knowing, and was never used.
        transaction.execute(
            "DELETE FROM in_flight WHERE holder = $1 AND request = $2",
            &[Param::Int(own), Param::Int(request)],
        )?;
    }
    // Others must not take this process for dead while its call is in flight.
    shared.holder.renew(transaction)?;
    let (mut account, now) = Account::lock(transaction, user)?;
    account.closed_until = account.closed_until.min(later(now, LONGEST_CLOSE));
    let status = Status::read(transaction, account.id, own)?;
    // A process that lost its crawl must not make calls for it.
    if status.crawls < shared.holder.crawls.load(Ordering::SeqCst) {
        return Err(fence::lost("the crawl").into());
    }
    let mut in_flight = status.in_flight;
    let mut answer = answer(transaction, &account, in_flight, limits, now)?;
    // Look for dead processes only if the call does not fit.
    if answer.is_some()
        && in_flight.foreign > 0
        && account.settle_calls_of_dead_processes(transaction, own, now)?
    {
        in_flight = Status::read(transaction, account.id, own)?.in_flight;
        answer = self::answer(transaction, &account, in_flight, limits, now)?;
    }
    if let Some(answer) = answer {
        account.save(transaction)?;
        return Ok(answer);
    }
    account.latest = now;
    account.span = account.span.max(longest(limits));
    account.save(transaction)?;
    let row = transaction.query_one(
        "INSERT INTO in_flight (user_id, holder, request) VALUES ($1, $2, $3) RETURNING ticket",
        &[Param::Int(account.id), Param::Int(own), Param::Int(request)],
    )?;
    Ok(Reservation::Granted(Ticket(get(&row, 0)?)))
}

/// Counts the calls that dead processes had in flight, of all users.
pub(super) fn settle_calls_of_dead_processes(database: &mut Database, own: i64) -> Result<()> {
    let users = database.transact_once("read the ledger", |transaction| {
        let rows = transaction.query(
            &format!("SELECT DISTINCT u.name FROM in_flight f JOIN users u ON u.id = f.user_id WHERE {DEAD}"),
            &[Param::Int(own)],
        )?;
        let names = rows.iter().map(|row| get(row, 0));
        names.collect::<Result<Vec<String>, Failure>>()
    })?;
    // One user per transaction, so that no two processes wait for each other's locks.
    for user in users {
        database.transact_once("settle calls of dead processes", |transaction| {
            let (mut account, now) = Account::lock(transaction, &user)?;
            account.settle_calls_of_dead_processes(transaction, own, now)?;
            account.save(transaction)
        })?;
    }
    Ok(())
}

/// As [`decide`], with the entries of the database.
fn answer(
    transaction: &mut Transaction<'_>,
    account: &Account,
    in_flight: InFlight,
    limits: &Limits,
    now: Micros,
) -> Result<Option<Reservation>, Failure> {
    decide(
        account.closed_until,
        in_flight,
        limits,
        now,
        |log, rank, per| account.leaves(transaction, log, rank, now, per),
    )
}

fn settle(
    transaction: &mut Transaction<'_>,
    ticket: Ticket,
    outcome: CallOutcome,
    reason: Option<&ErrorReason>,
) -> Result<(), Failure> {
    // The user's row is locked before the call's, as everywhere, so that no two wait for each other.
    let found = transaction.query_opt(
        "SELECT u.name FROM in_flight f JOIN users u ON u.id = f.user_id WHERE f.ticket = $1",
        &[Param::Int(ticket.0)],
    )?;
    let Some(row) = found else {
        return Ok(());
    };
    let (mut account, now) = Account::lock(transaction, get(&row, 0)?)?;
    let deleted = transaction.query_opt(
        "DELETE FROM in_flight WHERE ticket = $1 RETURNING counted",
        &[Param::Int(ticket.0)],
    )?;
    let Some(row) = deleted else {
        return Ok(());
    };
    let is_error = outcome == CallOutcome::Error;
    match get(&row, 0)? {
        // This process was silent for so long that its call was counted. An error was not.
        COUNTED_AS_GOOD if is_error => {
            account.latest = account.latest.max(now);
            account.push(transaction, LogKind::Errors)?;
        }
        COUNTED_AS_GOOD | COUNTED_AS_ERROR => return Ok(()),
        _ if outcome == CallOutcome::Unsent => return Ok(()),
        _ => account.answered(transaction, now, is_error)?,
    }
    if let Some(reason) = reason.filter(|_| is_error) {
        account.keep_reason(transaction, now, reason)?;
    }
    account.prune(transaction)?;
    account.save(transaction)
}

fn usage(
    transaction: &mut Transaction<'_>,
    user: &str,
    limits: &Limits,
) -> Result<LedgerUsage, Failure> {
    let (account, now) = Account::lock(transaction, user)?;
    let in_flight = Status::read(transaction, account.id, 0)?.in_flight.all();
    let mut calls = Vec::new();
    for window in &limits.calls {
        let answered = account.entries_since(transaction, LogKind::Calls, now, window.per)?;
        calls.push(narrow(answered.saturating_add(in_flight)));
    }
    let errors = match limits.errors {
        Some(limit) => {
            narrow(account.entries_since(transaction, LogKind::Errors, now, limit.per)?)
        }
        None => 0,
    };
    let mut last_errors = account::reasons(transaction, Some(account.id), now)?;
    if let Some(limit) = limits.errors {
        last_errors.retain(|error| error.ago < limit.per + MARGIN);
    }
    Ok(LedgerUsage {
        calls,
        errors,
        last_errors,
        in_flight: narrow(in_flight),
        closed_for: (account.closed_until > now).then(|| until(now, account.closed_until)),
    })
}

/// What counts beside the entries.
struct Status {
    in_flight: InFlight,
    /// How many crawls the process holds.
    crawls: i64,
}

impl Status {
    fn read(transaction: &mut Transaction<'_>, user: i64, own: i64) -> Result<Self, Failure> {
        let row = transaction.query_one(
            "SELECT count(*) FILTER (WHERE holder = $2), count(*) FILTER (WHERE holder <> $2),
                 (SELECT count(*) FROM crawls WHERE holder = $2)
             FROM in_flight WHERE user_id = $1 AND counted = 0",
            &[Param::Int(user), Param::Int(own)],
        )?;
        Ok(Self {
            in_flight: InFlight {
                own: get(&row, 0)?,
                foreign: get(&row, 1)?,
            },
            crawls: get(&row, 2)?,
        })
    }
}
