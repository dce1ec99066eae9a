//! Keeps a process from writing to a crawl that another one has taken over.

use super::database::{Failure, Param, Transaction, get};
use crate::{Error, Kind, Result};

/// Locks the crawl's row against a takeover until the end of the transaction.
///
/// # Errors
///
/// [`Kind::Lost`] if another process has taken the crawl over.
pub(super) fn guard(
    transaction: &mut Transaction<'_>,
    number: i64,
    fence: i64,
) -> Result<(), Failure> {
    let row = transaction.query_opt(
        "SELECT id, fence FROM crawls WHERE number = $1 FOR NO KEY UPDATE",
        &[Param::Int(number)],
    )?;
    match row {
        Some(row) if get::<i64>(&row, 1)? == fence => Ok(()),
        Some(row) => Err(lost(&format!("crawl `{}`", get::<&str>(&row, 0)?)).into()),
        None => Err(lost("the crawl").into()),
    }
}

/// The error of a process that was silent for longer than its lease.
pub(super) fn lost(crawl: &str) -> Error {
    let message = format!(
        "another process has taken over {crawl}, because this one was stopped or cut off from the \
         database for longer than its lease"
    );
    Error::new(Kind::Lost, message).with_hint(
        "nothing is lost; the other process continues the crawl, and `fortilake crawls` shows it",
    )
}
