//! The last check before publishing: a crawl that lost more rows than is plausible is not
//! published.

use std::cmp::Reverse;

use serde::Serialize;

use crate::{Census, publish::Tally};

/// What a complete snapshot is compared with before it is published.
///
/// Rows are compared over scopes that were complete at some earlier time and that are now complete
/// or no longer exist. A failed scope removes no rows, so it is left out on both sides. The guard
/// therefore also works for crawls with failed scopes.
#[derive(Debug, Clone)]
pub struct Guard {
    /// Which part of a table's rows may go: 0.2 is a fifth.
    pub max_shrink: f64,
    /// The name of the last complete snapshot.
    pub snapshot: String,
    /// Its rows.
    pub before: Census,
}

/// A table that lost more rows than it may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shrink {
    /// The table.
    pub table: String,
    /// The last complete snapshot.
    pub against: String,
    /// The table's rows of this source in those snapshots.
    pub before: u64,
    /// The table's rows of this source in this crawl.
    pub now: u64,
    /// The accounts that lost rows, largest loss first.
    pub accounts: Vec<AccountShrink>,
}

/// An account that lost rows of a refused table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountShrink {
    /// The name of the source.
    pub source: String,
    /// The account.
    pub account_id: i64,
    /// The account's rows of the table when it was last complete.
    pub before: u64,
    /// The account's rows of the table in this crawl.
    pub now: u64,
}

impl Guard {
    /// The tables that lost more than they may, in alphabetical order.
    ///
    /// A table that only one of the two snapshots has was not asked for in the other.
    pub fn look(&self, now: &Census) -> Vec<Shrink> {
        let both = self
            .before
            .0
            .iter()
            .filter_map(|(table, before)| Some((table, before, now.0.get(table)?)));
        both.filter(|(_, before, now)| self.is_too_much(before.rows, now.rows))
            .map(|(table, before, now)| Shrink {
                table: table.clone(),
                against: self.snapshot.clone(),
                before: before.rows,
                now: now.rows,
                accounts: accounts(before, now),
            })
            .collect()
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a share of rows need not be exact to the row beyond 2^53 of them"
    )]
    fn is_too_much(&self, before: u64, now: u64) -> bool {
        let lost = before.saturating_sub(now);
        lost as f64 > before as f64 * self.max_shrink
    }
}

fn accounts(before: &Tally, now: &Tally) -> Vec<AccountShrink> {
    let mut accounts = Vec::new();
    for (source, ids) in &before.accounts {
        for (&account_id, &rows) in ids {
            let now = now
                .accounts
                .get(source)
                .and_then(|ids| ids.get(&account_id))
                .copied()
                .unwrap_or(0);
            if now < rows {
                accounts.push(AccountShrink {
                    source: source.clone(),
                    account_id,
                    before: rows,
                    now,
                });
            }
        }
    }
    // The order of the map stays where losses are equal.
    accounts.sort_by_key(|account| Reverse(account.before - account.now));
    accounts
}

#[cfg(test)]
mod tests;
