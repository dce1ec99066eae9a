//! One user's part of the ledger: the entries, and the calls of dead processes.

use std::time::Duration;

use fortilake_auth::{Micros, until};
use fortilake_client::ledger::{ErrorReason, LAST_ERRORS, PastError};

use super::database::{Failure, Param, Transaction, get, now};
use crate::{
    Result,
    ledger::{
        Entries, FAILING_PERIOD, KEPT, KEPT_REASONS, LogKind, PRUNED, died_before_response,
        span_after,
    },
};

/// How far the database's clock may be behind the newest entry without being corrected, in
/// microseconds. Within it, time stands still until the clock catches up.
const TOLERANCE: Micros = 1_000_000;

/// The values of `counted` in `in_flight`.
pub(super) const COUNTED_AS_GOOD: i64 = 1;
pub(super) const COUNTED_AS_ERROR: i64 = 2;

/// The condition for calls in `in_flight f` of processes whose lease has run out, except `$1`.
pub(super) const DEAD: &str = "f.counted = 0 AND f.holder <> $1 AND NOT EXISTS
    (SELECT 1 FROM holders h WHERE h.id = f.holder AND h.lease_until >= {clock})";

/// The last reasons of a user, or of all users, newest first.
pub(super) fn reasons(
    transaction: &mut Transaction<'_>,
    user: Option<i64>,
    now: Micros,
) -> Result<Vec<PastError>, Failure> {
    let most = i64::try_from(LAST_ERRORS).unwrap_or(i64::MAX);
    let rows = transaction.query(
        "SELECT at, call, http, message FROM error_reasons WHERE $1::bigint IS NULL OR user_id = $1
         ORDER BY at DESC, number DESC LIMIT $2",
        &[Param::MaybeInt(user), Param::Int(most)],
    )?;
    let read = |row| {
        Ok(PastError {
            ago: until(get(row, 0)?, now),
            reason: ErrorReason {
                call: get(row, 1)?,
                http: get::<Option<i64>>(row, 2)?.and_then(|http| http.try_into().ok()),
                message: get(row, 3)?,
            },
        })
    };
    rows.iter().map(read).collect()
}

/// One row of `users`, which this transaction has locked.
pub(super) struct Account {
    pub(super) id: i64,
    /// The newest time of any entry or reservation. Time never steps back behind it.
    pub(super) latest: Micros,
    pub(super) closed_until: Micros,
    /// The longest window of any limits used so far, in microseconds.
    pub(super) span: i64,
    entries: Entries,
}

impl Account {
    /// Locks the account of this user, or creates it. Returns it with the time.
    pub(super) fn lock(
        transaction: &mut Transaction<'_>,
        user: &str,
    ) -> Result<(Self, Micros), Failure> {
        let sql = "SELECT id, latest, closed_until, span, calls_first, calls_last, errors_first,
             errors_last FROM users WHERE name = $1 FOR UPDATE";
        let mut found = transaction.query_opt(sql, &[Param::Text(user)])?;
        if found.is_none() {
            transaction.execute(
                "INSERT INTO users (name, latest, closed_until) VALUES ($1, $2, $2)
                 ON CONFLICT (name) DO NOTHING",
                &[Param::Text(user), Param::Int(Micros::MIN)],
            )?;
            found = transaction.query_opt(sql, &[Param::Text(user)])?;
        }
        let row = found.ok_or_else(|| Failure::Damaged("a user is missing".to_owned()))?;
        let mut account = Self {
            id: get(&row, 0)?,
            latest: get(&row, 1)?,
            closed_until: get(&row, 2)?,
            span: get(&row, 3)?,
            entries: Entries::of([get(&row, 4)?, get(&row, 5)?, get(&row, 6)?, get(&row, 7)?]),
        };
        let now = now(transaction)?;
        if account.latest > now.saturating_add(TOLERANCE) {
            account.follow(transaction, now)?;
        }
        let now = now.max(account.latest);
        Ok((account, now))
    }

    /// Moves all entries back after the database's clock was set back, as if the newest had just
    /// happened. Otherwise calls would have to wait until the clock is where it was.
    fn follow(&mut self, transaction: &mut Transaction<'_>, now: Micros) -> Result<(), Failure> {
        let by = self.latest.saturating_sub(now);
        tracing::warn!(
            seconds = by / 1_000_000,
            "the database's clock was set back; calls may have to wait for up to one window"
        );
        for sql in [
            "UPDATE answers SET at = at - $2 WHERE user_id = $1",
            "UPDATE error_reasons SET at = at - $2 WHERE user_id = $1",
        ] {
            transaction.execute(sql, &[Param::Int(self.id), Param::Int(by)])?;
        }
        self.latest = now;
        self.closed_until = self.closed_until.saturating_sub(by);
        self.save(transaction)
    }

    pub(super) fn save(&self, transaction: &mut Transaction<'_>) -> Result<(), Failure> {
        let values = [
            self.id,
            self.latest,
            self.closed_until,
            self.span,
            self.entries.calls.first,
            self.entries.calls.last,
            self.entries.errors.first,
            self.entries.errors.last,
        ];
        transaction.execute(
            "UPDATE users SET latest = $2, closed_until = $3, span = $4, calls_first = $5,
                 calls_last = $6, errors_first = $7, errors_last = $8
             WHERE id = $1",
            &values.map(Param::Int),
        )?;
        Ok(())
    }

    /// Records an answered call, and whether it was an error.
    pub(super) fn answered(
        &mut self,
        transaction: &mut Transaction<'_>,
        now: Micros,
        is_error: bool,
    ) -> Result<(), Failure> {
        self.latest = self.latest.max(now);
        self.push(transaction, LogKind::Calls)?;
        if is_error {
            self.push(transaction, LogKind::Errors)?;
        }
        Ok(())
    }

    pub(super) fn push(
        &mut self,
        transaction: &mut Transaction<'_>,
        log: LogKind,
    ) -> Result<(), Failure> {
        let (user, at) = (self.id, self.latest);
        let range = &mut self.entries[log];
        range.last += 1;
        transaction.execute(
            "INSERT INTO answers VALUES ($1, $2, $3, $4)",
            &[user, log.id(), range.last, at].map(Param::Int),
        )?;
        Ok(())
    }

    /// When the entry of this rank leaves the window, where the newest entry has rank 1. `None` if
    /// it has already left, or does not exist.
    pub(super) fn leaves(
        &self,
        transaction: &mut Transaction<'_>,
        log: LogKind,
        rank: i64,
        now: Micros,
        per: Duration,
    ) -> Result<Option<Micros>, Failure> {
        let Some(number) = self.entries[log].of_rank(rank) else {
            return Ok(None);
        };
        let row = transaction.query_opt(
            "SELECT at FROM answers WHERE user_id = $1 AND log = $2 AND number = $3",
            &[self.id, log.id(), number].map(Param::Int),
        )?;
        // It must not look like an empty window.
        let row = row
            .ok_or_else(|| Failure::Damaged(format!("entry {number} of the ledger is missing")))?;
        let leaves = span_after(get(&row, 0)?, per);
        Ok((leaves > now).then_some(leaves))
    }

    /// The number of entries in a window of length `per` that ends at `now`.
    pub(super) fn entries_since(
        &self,
        transaction: &mut Transaction<'_>,
        log: LogKind,
        now: Micros,
        per: Duration,
    ) -> Result<i64, Failure> {
        let after = now.saturating_sub(span_after(0, per));
        let row = transaction.query_one(
            "SELECT count(*) FROM answers WHERE user_id = $1 AND log = $2 AND at > $3",
            &[self.id, log.id(), after].map(Param::Int),
        )?;
        get(&row, 0)
    }

    /// Records the calls that dead processes had in flight as answered now, and as errors if the API
    /// was failing; see [`FAILING_PERIOD`]. Returns whether there were any.
    pub(super) fn settle_calls_of_dead_processes(
        &mut self,
        transaction: &mut Transaction<'_>,
        own: i64,
        now: Micros,
    ) -> Result<bool, Failure> {
        let dead = transaction.query(
            &format!("SELECT ticket FROM in_flight f WHERE user_id = $2 AND {DEAD}"),
            &[Param::Int(own), Param::Int(self.id)],
        )?;
        for row in &dead {
            let failing =
                self.entries_since(transaction, LogKind::Errors, now, FAILING_PERIOD)? > 0;
            self.answered(transaction, now, failing)?;
            if failing {
                self.keep_reason(transaction, now, &died_before_response())?;
            }
            let counted = if failing {
                COUNTED_AS_ERROR
            } else {
                COUNTED_AS_GOOD
            };
            transaction.execute(
                "UPDATE in_flight SET counted = $2 WHERE ticket = $1",
                &[Param::Int(get(row, 0)?), Param::Int(counted)],
            )?;
        }
        Ok(!dead.is_empty())
    }

    /// Stores the reason of the newest error.
    pub(super) fn keep_reason(
        &self,
        transaction: &mut Transaction<'_>,
        at: Micros,
        reason: &ErrorReason,
    ) -> Result<(), Failure> {
        // PostgreSQL cannot store U+0000.
        let (call, message) = (storable(&reason.call), storable(&reason.message));
        transaction.execute(
            "INSERT INTO error_reasons VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (user_id, number) DO NOTHING",
            &[
                Param::Int(self.id),
                Param::Int(self.entries.errors.last),
                Param::Int(at),
                Param::Text(&call),
                Param::MaybeInt(reason.http.map(i64::from)),
                Param::Text(&message),
            ],
        )?;
        Ok(())
    }

    /// Deletes some entries that no window reaches any more. Does nothing on most calls.
    pub(super) fn prune(&mut self, transaction: &mut Transaction<'_>) -> Result<(), Failure> {
        if self.entries.calls.last % PRUNED != 0 {
            return Ok(());
        }
        let before = self.latest.saturating_sub(self.span.max(KEPT));
        for log in [LogKind::Calls, LogKind::Errors] {
            let user = self.id;
            let range = &mut self.entries[log];
            let pruned = transaction.execute(
                "DELETE FROM answers WHERE user_id = $1 AND log = $2
                 AND number BETWEEN $3 AND $3 + $4 AND at < $5",
                &[user, log.id(), range.first, 2 * PRUNED, before].map(Param::Int),
            )?;
            range.first += i64::try_from(pruned).unwrap_or_default();
        }
        transaction.execute(
            "DELETE FROM error_reasons WHERE user_id = $1 AND number <= $2",
            &[self.id, self.entries.errors.last - KEPT_REASONS].map(Param::Int),
        )?;
        Ok(())
    }
}

fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
