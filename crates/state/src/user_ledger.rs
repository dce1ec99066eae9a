//! What the ledger knows of one user.

use std::time::Duration;

use fortilake_client::ledger::{Micros, Verdict};
use rusqlite::{OptionalExtension, Row, Transaction};

use super::{
    log::{Log, Range},
    span_after,
};
use crate::{checksum::Checksum, error::Fault};

/// How long entries are kept at least: longer than the windows of another configuration may be.
const KEPT: Micros = 24 * 60 * 60 * 1_000_000;

/// An entry is pruned at every so many answers, and that many at most.
const PRUNED: i64 = 64;

/// One row of `users`.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) id: i64,
    name: String,
    /// The latest instant at which anything happened.
    pub(super) latest: Micros,
    pub(super) closed_until: Micros,
    /// The longest that any limit has looked back so far.
    pub(super) span: i64,
    calls: Range,
    errors: Range,
}

impl Account {
    /// The account of this user, new if need be.
    pub(super) fn load(transaction: &Transaction<'_>, name: &str) -> Result<Self, Fault> {
        let found = Self::find(transaction, |account| account.name == name)?;
        if let Some(account) = found {
            return Ok(account);
        }
        let id: i64 =
            transaction.query_row("SELECT ifnull(max(id), 0) + 1 FROM users", (), |row| {
                row.get(0)
            })?;
        let account = Self {
            id,
            name: name.to_owned(),
            latest: Micros::MIN,
            closed_until: Micros::MIN,
            span: 0,
            calls: Range { first: 1, last: 0 },
            errors: Range { first: 1, last: 0 },
        };
        transaction.execute(
            "INSERT INTO users VALUES (?, ?, ?, ?, 0, 1, 0, 1, 0, ?)",
            (
                id,
                name,
                account.latest,
                account.closed_until,
                account.checksum(),
            ),
        )?;
        Ok(account)
    }

    pub(super) fn load_by_id(transaction: &Transaction<'_>, id: i64) -> Result<Self, Fault> {
        Self::find(transaction, |account| account.id == id)?
            .ok_or_else(|| Fault::Damaged(format!("a call belongs to user {id}, who is not there")))
    }

    /// Looks through all of them, because a name that is damaged must not look like a new user.
    fn find(
        transaction: &Transaction<'_>,
        mut is: impl FnMut(&Self) -> bool,
    ) -> Result<Option<Self>, Fault> {
        let mut statement = transaction.prepare_cached(
            "SELECT id, name, latest, closed_until, span, calls_first, calls_last, errors_first,
                 errors_last, checksum FROM users",
        )?;
        let mut rows = statement.query(())?;
        let mut found = None;
        while let Some(row) = rows.next()? {
            let account = Self::read(row)?;
            if account.checksum() != row.get::<_, i64>(9)? {
                return Err(Fault::Damaged("the ledger of a user".to_owned()));
            }
            if is(&account) {
                found = Some(account);
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
            calls: Range {
                first: row.get(5)?,
                last: row.get(6)?,
            },
            errors: Range {
                first: row.get(7)?,
                last: row.get(8)?,
            },
        })
    }

    pub(super) fn save(&self, transaction: &Transaction<'_>) -> Result<(), Fault> {
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
            self.calls.first,
            self.calls.last,
            self.errors.first,
            self.errors.last,
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
            self.calls.first,
            self.calls.last,
            self.errors.first,
            self.errors.last,
        ]
        .into_iter()
        .fold(Checksum::of("users").text(&self.name), Checksum::int)
        .finish()
    }

    /// A call has been answered.
    pub(super) fn answered(
        &mut self,
        transaction: &Transaction<'_>,
        now: Micros,
        verdict: Verdict,
    ) -> Result<(), Fault> {
        self.latest = self.latest.max(now);
        self.push(transaction, Log::Calls)?;
        if verdict == Verdict::Error {
            self.push(transaction, Log::Errors)?;
        }
        Ok(())
    }

    fn push(&mut self, transaction: &Transaction<'_>, log: Log) -> Result<(), Fault> {
        let at = self.latest;
        let range = self.range_mut(log);
        range.last += 1;
        let number = range.last;
        transaction
            .prepare_cached("INSERT INTO answers VALUES (?, ?, ?, ?, ?)")?
            .execute((self.id, log.id(), number, at, self.entry(log, number, at)))?;
        Ok(())
    }

    /// When the entry of this rank leaves the window, the last having rank 1; nothing if it has
    /// left, or never was.
    pub(super) fn leaves(
        &self,
        transaction: &Transaction<'_>,
        log: Log,
        rank: i64,
        now: Micros,
        per: Duration,
    ) -> Result<Option<Micros>, Fault> {
        let range = self.range(log);
        let number = range.last.saturating_sub(rank) + 1;
        if number < range.first {
            return Ok(None);
        }
        let leaves = span_after(self.at(transaction, log, number)?, per);
        Ok((leaves > now).then_some(leaves))
    }

    /// How many entries are in the window.
    pub(super) fn entries_since(
        &self,
        transaction: &Transaction<'_>,
        log: Log,
        now: Micros,
        per: Duration,
    ) -> Result<i64, Fault> {
        // Time grows with the number, so the first entry inside can be found by halving.
        let range = self.range(log);
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

    /// Drops a few entries that no window reaches any more, now and then.
    pub(super) fn prune(&mut self, transaction: &Transaction<'_>) -> Result<(), Fault> {
        if self.calls.last % PRUNED != 0 {
            return Ok(());
        }
        let before = self.latest.saturating_sub(self.span.max(KEPT));
        for log in [Log::Calls, Log::Errors] {
            let id = self.id;
            let range = self.range_mut(log);
            let pruned = transaction
                .prepare_cached(
                    "DELETE FROM answers WHERE user = ?1 AND log = ?2
                     AND number BETWEEN ?3 AND ?3 + ?4 AND at < ?5",
                )?
                .execute((id, log.id(), range.first, 2 * PRUNED, before))?;
            range.first += i64::try_from(pruned).unwrap_or_default();
        }
        Ok(())
    }

    fn at(&self, transaction: &Transaction<'_>, log: Log, number: i64) -> Result<Micros, Fault> {
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
            _ => Err(Fault::Damaged(format!("call {number} of the ledger"))),
        }
    }

    fn entry(&self, log: Log, number: i64, at: Micros) -> i64 {
        [self.id, log.id(), number, at]
            .into_iter()
            .fold(Checksum::of("answers"), Checksum::int)
            .finish()
    }

    fn range(&self, log: Log) -> Range {
        match log {
            Log::Calls => self.calls,
            Log::Errors => self.errors,
        }
    }

    fn range_mut(&mut self, log: Log) -> &mut Range {
        match log {
            Log::Calls => &mut self.calls,
            Log::Errors => &mut self.errors,
        }
    }
}
