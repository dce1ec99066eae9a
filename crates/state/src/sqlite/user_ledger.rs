//! One user's part of the ledger.

pub(crate) mod reasons;

use std::time::Duration;

use fortilake_auth::Micros;
use fortilake_client::ledger::CallOutcome;
use rusqlite::{OptionalExtension, Row, Transaction};

use crate::{
    checksum::Checksum,
    error::OperationError,
    ledger::{Entries, FAILING_PERIOD, KEPT, LogKind, PRUNED, died_before_response, span_after},
};

/// One row of `users`.
#[derive(Debug)]
pub(crate) struct UserLedger {
    pub(crate) id: i64,
    name: String,
    /// The newest time of any entry or reservation. Time never steps back behind it.
    pub(crate) latest: Micros,
    pub(crate) closed_until: Micros,
    /// The longest window of any limits used so far, in microseconds.
    pub(crate) span: i64,
    entries: Entries,
}

impl UserLedger {
    /// Loads the ledger of this user, or creates it.
    pub(crate) fn load(transaction: &Transaction<'_>, name: &str) -> Result<Self, OperationError> {
        let found = Self::find(transaction, |ledger| ledger.name == name)?;
        if let Some(ledger) = found {
            return Ok(ledger);
        }
        let id: i64 =
            transaction.query_row("SELECT ifnull(max(id), 0) + 1 FROM users", (), |row| {
                row.get(0)
            })?;
        let ledger = Self {
            id,
            name: name.to_owned(),
            latest: Micros::MIN,
            closed_until: Micros::MIN,
            span: 0,
            entries: Entries::of([1, 0, 1, 0]),
        };
        transaction.execute(
            "INSERT INTO users VALUES (?, ?, ?, ?, 0, 1, 0, 1, 0, ?)",
            (
                id,
                name,
                ledger.latest,
                ledger.closed_until,
                ledger.checksum(),
            ),
        )?;
        Ok(ledger)
    }

    pub(crate) fn load_by_id(
        transaction: &Transaction<'_>,
        id: i64,
    ) -> Result<Self, OperationError> {
        Self::find(transaction, |ledger| ledger.id == id)?.ok_or_else(|| {
            OperationError::Damaged(format!("a call belongs to user {id}, who does not exist"))
        })
    }

    /// The newest time of any entry or reservation of all users.
    pub(crate) fn latest_of_all(transaction: &Transaction<'_>) -> Result<Micros, OperationError> {
        let mut latest = Micros::MIN;
        Self::find(transaction, |ledger| {
            latest = latest.max(ledger.latest);
            false
        })?;
        Ok(latest)
    }

    /// Reads and checks all rows. With an index, a row whose name is damaged would not be found,
    /// and the user would look new, with empty windows.
    fn find(
        transaction: &Transaction<'_>,
        mut is: impl FnMut(&Self) -> bool,
    ) -> Result<Option<Self>, OperationError> {
        let mut statement = transaction.prepare_cached(
            "SELECT id, name, latest, closed_until, span, calls_first, calls_last, errors_first,
                 errors_last, checksum FROM users",
        )?;
        let mut rows = statement.query(())?;
        let mut found = None;
        while let Some(row) = rows.next()? {
            let ledger = Self::read(row)?;
            if ledger.checksum() != row.get::<_, i64>(9)? {
                return Err(OperationError::Damaged(
                    "a user of the ledger has a wrong checksum".to_owned(),
                ));
            }
            if is(&ledger) {
                found = Some(ledger);
            }
        }
        Ok(found)
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            name: row.get(1)?,
            latest: row.get(2)?,
            closed_until: row.get(3)?,
            span: row.get(4)?,
            entries: Entries::of([row.get(5)?, row.get(6)?, row.get(7)?, row.get(8)?]),
        })
    }

    pub(crate) fn save(&self, transaction: &Transaction<'_>) -> Result<(), OperationError> {
        let mut statement = transaction.prepare_cached(
            "UPDATE users SET latest = ?2, closed_until = ?3, span = ?4, calls_first = ?5,
                 calls_last = ?6, errors_first = ?7, errors_last = ?8, checksum = ?9
             WHERE id = ?1",
        )?;
        statement.execute((
            self.id,
            self.latest,
            self.closed_until,
            self.span,
            self.entries.calls.first,
            self.entries.calls.last,
            self.entries.errors.first,
            self.entries.errors.last,
            self.checksum(),
        ))?;
        Ok(())
    }

    fn checksum(&self) -> i64 {
        [
            self.id,
            self.latest,
            self.closed_until,
            self.span,
            self.entries.calls.first,
            self.entries.calls.last,
            self.entries.errors.first,
            self.entries.errors.last,
        ]
        .into_iter()
        .fold(Checksum::of("users").text(&self.name), Checksum::int)
        .finish()
    }

    /// Records an answered call, and whether it was an error.
    pub(crate) fn answered(
        &mut self,
        transaction: &Transaction<'_>,
        now: Micros,
        outcome: CallOutcome,
    ) -> Result<(), OperationError> {
        self.latest = self.latest.max(now);
        self.push(transaction, LogKind::Calls)?;
        if outcome == CallOutcome::Error {
            self.push(transaction, LogKind::Errors)?;
        }
        Ok(())
    }

    /// The number of the newest error.
    pub(crate) fn last_error(&self) -> i64 {
        self.entries.errors.last
    }

    fn push(&mut self, transaction: &Transaction<'_>, log: LogKind) -> Result<(), OperationError> {
        let at = self.latest;
        let range = &mut self.entries[log];
        range.last += 1;
        let number = range.last;
        transaction
            .prepare_cached("INSERT INTO answers VALUES (?, ?, ?, ?, ?)")?
            .execute((self.id, log.id(), number, at, self.entry(log, number, at)))?;
        Ok(())
    }

    /// When the entry of this rank leaves the window, where the newest entry has rank 1. `None` if
    /// it has already left, or does not exist.
    pub(crate) fn leaves(
        &self,
        transaction: &Transaction<'_>,
        log: LogKind,
        rank: i64,
        now: Micros,
        per: Duration,
    ) -> Result<Option<Micros>, OperationError> {
        let Some(number) = self.entries[log].of_rank(rank) else {
            return Ok(None);
        };
        let leaves = span_after(self.at(transaction, log, number)?, per);
        Ok((leaves > now).then_some(leaves))
    }

    /// The number of entries in a window of length `per` that ends at `now`.
    pub(crate) fn entries_since(
        &self,
        transaction: &Transaction<'_>,
        log: LogKind,
        now: Micros,
        per: Duration,
    ) -> Result<i64, OperationError> {
        // Times never decrease, so the first entry inside can be found by binary search.
        let range = self.entries[log];
        let (mut outside, mut inside) = (range.first, range.last + 1);
        while outside < inside {
            let middle = outside + (inside - outside) / 2;
            if span_after(self.at(transaction, log, middle)?, per) > now {
                inside = middle;
            } else {
                outside = middle + 1;
            }
        }
        Ok(range.last + 1 - inside)
    }

    /// Deletes some entries that no window reaches any more. Does nothing on most calls.
    pub(crate) fn prune(&mut self, transaction: &Transaction<'_>) -> Result<(), OperationError> {
        if self.entries.calls.last % PRUNED != 0 {
            return Ok(());
        }
        let before = self.latest.saturating_sub(self.span.max(KEPT));
        for log in [LogKind::Calls, LogKind::Errors] {
            let id = self.id;
            let range = &mut self.entries[log];
            let pruned = transaction
                .prepare_cached(
                    "DELETE FROM answers WHERE user = ?1 AND log = ?2
                     AND number BETWEEN ?3 AND ?3 + ?4 AND at < ?5",
                )?
                .execute((id, log.id(), range.first, 2 * PRUNED, before))?;
            range.first += i64::try_from(pruned).unwrap_or_default();
        }
        reasons::prune(transaction, self.id, self.entries.errors.last)
    }

    fn at(
        &self,
        transaction: &Transaction<'_>,
        log: LogKind,
        number: i64,
    ) -> Result<Micros, OperationError> {
        let row: Option<(Micros, i64)> = transaction
            .prepare_cached(
                "SELECT at, checksum FROM answers WHERE user = ? AND log = ? AND number = ?",
            )?
            .query_row((self.id, log.id(), number), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        match row {
            Some((at, checksum)) if checksum == self.entry(log, number, at) => Ok(at),
            _ => Err(OperationError::Damaged(format!(
                "entry {number} of the ledger is missing or has a wrong checksum"
            ))),
        }
    }

    fn entry(&self, log: LogKind, number: i64, at: Micros) -> i64 {
        [self.id, log.id(), number, at]
            .into_iter()
            .fold(Checksum::of("answers"), Checksum::int)
            .finish()
    }
}

/// Records the calls that a dead process had in flight as answered now, and as errors if the API
/// was failing; see [`FAILING_PERIOD`].
pub(crate) fn settle_calls_of_dead_processes(
    transaction: &Transaction<'_>,
    holder: i64,
    now: Micros,
) -> Result<(), OperationError> {
    let mut statement =
        transaction.prepare_cached("DELETE FROM in_flight WHERE holder = ? RETURNING user")?;
    let users = statement.query_map((holder,), |row| row.get(0))?;
    for user in users.collect::<rusqlite::Result<Vec<i64>>>()? {
        let mut ledger = UserLedger::load_by_id(transaction, user)?;
        let failing = ledger.entries_since(transaction, LogKind::Errors, now, FAILING_PERIOD)? > 0;
        let outcome = if failing {
            CallOutcome::Error
        } else {
            CallOutcome::Good
        };
        ledger.answered(transaction, now, outcome)?;
        if failing {
            reasons::keep(
                transaction,
                ledger.id,
                ledger.last_error(),
                now,
                &died_before_response(),
            )?;
        }
        ledger.save(transaction)?;
    }
    Ok(())
}
