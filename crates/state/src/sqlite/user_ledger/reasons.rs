//! The reasons of each user's last errors, for messages about pauses.

use fortilake_auth::{Micros, until};
use fortilake_client::ledger::{ErrorReason, LAST_ERRORS, PastError};
use rusqlite::{Row, Transaction};

use crate::{checksum::Checksum, error::OperationError, ledger::KEPT_REASONS};

/// Stores the reason of the error with this number.
pub(crate) fn keep(
    transaction: &Transaction<'_>,
    user: i64,
    number: i64,
    at: Micros,
    reason: &ErrorReason,
) -> Result<(), OperationError> {
    transaction
        .prepare_cached("INSERT OR REPLACE INTO error_reasons VALUES (?, ?, ?, ?, ?, ?, ?)")?
        .execute((
            user,
            number,
            at,
            &reason.call,
            reason.http,
            &reason.message,
            checksum(user, number, at, reason),
        ))?;
    Ok(())
}

/// The last reasons of a user, or of all users, newest first.
///
/// A damaged reason is skipped, because it is only shown and never counted.
pub(crate) fn last(
    transaction: &Transaction<'_>,
    user: Option<i64>,
    now: Micros,
) -> Result<Vec<PastError>, OperationError> {
    let mut statement = transaction.prepare_cached(
        "SELECT user, number, at, call, http, message, checksum FROM error_reasons
         WHERE ?1 IS NULL OR user = ?1 ORDER BY at DESC, number DESC LIMIT ?2",
    )?;
    let most = i64::try_from(LAST_ERRORS).unwrap_or(i64::MAX);
    let rows = statement.query_map((user, most), |row| read(row, now))?;
    let rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(rows.into_iter().flatten().collect())
}

/// Deletes all but the newest reasons of a user.
pub(crate) fn prune(
    transaction: &Transaction<'_>,
    user: i64,
    last: i64,
) -> Result<(), OperationError> {
    transaction
        .prepare_cached("DELETE FROM error_reasons WHERE user = ? AND number <= ?")?
        .execute((user, last - KEPT_REASONS))?;
    Ok(())
}

fn read(row: &Row<'_>, now: Micros) -> rusqlite::Result<Option<PastError>> {
    let (user, number, at) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let reason = ErrorReason {
        call: row.get(3)?,
        http: row.get(4)?,
        message: row.get(5)?,
    };
    let whole = checksum(user, number, at, &reason) == row.get::<_, i64>(6)?;
    let ago = until(at, now);
    Ok(whole.then_some(PastError { ago, reason }))
}

fn checksum(user: i64, number: i64, at: Micros, reason: &ErrorReason) -> i64 {
    Checksum::of("error_reasons")
        .int(user)
        .int(number)
        .int(at)
        .text(&reason.call)
        .maybe_int(reason.http.map(i64::from))
        .text(&reason.message)
        .finish()
}
