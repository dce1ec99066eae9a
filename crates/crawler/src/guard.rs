//! The last check before publishing: a crawl that lost more rows than is plausible is not
//! published.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, HashSet},
};

use fortilake_models as models;
use fortilake_sink::{Outcome, ScopeId, ScopeOutcome, ScopeResult};
use serde::{Deserialize, Serialize};

/// What a crawl is compared with before it is published.
///
/// A complete list can still be wrong, because a permission was narrowed or an outage answers with
/// empty lists. Only a person can tell that from a fleet that really shrank, so the crawl is
/// refused and the person decides.
///
/// Rows are compared over scopes that were complete at some earlier time and that are now complete
/// or no longer exist. A failed scope removes no rows, so it is left out on both sides. The guard
/// therefore also works for crawls with failed scopes.
#[derive(Debug, Clone)]
pub struct Guard {
    /// How many rows may be lost.
    pub limits: ShrinkLimits,
    /// The rows of each scope when it was last published as complete.
    pub before: Baselines,
}

/// How many rows may be lost since the last complete reading.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShrinkLimits {
    /// The share of a table's rows of one source that may be lost, from 0 to 1: 0.2 is a fifth.
    pub max_shrink: f64,
    /// The share of a table's rows of one account that may be lost, from 0 to 1.
    pub max_account_shrink: f64,
    /// Tables and accounts that had fewer rows than this are never refused.
    pub min_rows: u64,
}

/// The rows of every scope when it was last published as complete.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baselines {
    /// The scopes, by [`ScopeId::text`].
    pub scopes: BTreeMap<String, ScopeBaseline>,
}

/// The rows of one scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeBaseline {
    /// The scope.
    pub scope: ScopeId,
    /// The snapshot that these rows were published in.
    pub snapshot: String,
    /// Its rows, by table.
    pub rows: BTreeMap<String, u64>,
}

/// A table that lost more rows than it may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shrink {
    /// The table.
    pub table: String,
    /// The source.
    pub source: String,
    /// The newest of the snapshots that the rows are compared with.
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

/// Rows then and now.
#[derive(Debug, Clone, Copy, Default)]
struct Change {
    before: u64,
    now: u64,
}

#[derive(Debug, Default)]
struct TableChange {
    against: String,
    all: Change,
    accounts: BTreeMap<i64, Change>,
}

impl Guard {
    /// The tables that lost more rows than allowed, as a whole or in one account, in alphabetical
    /// order.
    pub fn look(&self, outcome: &Outcome) -> Vec<Shrink> {
        let mut tables = BTreeMap::<(&str, &str), TableChange>::new();
        let now: HashMap<&ScopeId, _> = outcome
            .scopes
            .iter()
            .map(|found| (&*found.scope, found))
            .collect();
        for baseline in self.before.scopes.values() {
            let scope = &baseline.scope;
            let found = now.get(scope);
            let is_complete = |found: &&&ScopeOutcome| found.result == ScopeResult::Complete;
            let counts = found.filter(is_complete).map(|found| &found.rows);
            // A scope that was not read completely says nothing about its rows. One that the outcome
            // does not list has lost them only if the crawl has proven that it no longer exists.
            if counts.is_none() && (found.is_some() || !outcome.may_delete(scope)) {
                continue;
            }
            for (table, &before) in &baseline.rows {
                // A table that this crawl does not deliver was not requested, so it lost nothing.
                if !outcome.tables.contains_key(table) {
                    continue;
                }
                let now = counts
                    .and_then(|rows| rows.get(table))
                    .copied()
                    .unwrap_or(0);
                let change = tables.entry((table, &scope.source)).or_default();
                change.add(scope, Change { before, now }, &baseline.snapshot);
            }
        }
        let refused = tables
            .into_iter()
            .filter(|(_, change)| self.refuses(change));
        refused
            .map(|((table, source), change)| change.shrink(table, source))
            .collect()
    }

    fn refuses(&self, table: &TableChange) -> bool {
        let ShrinkLimits {
            max_shrink,
            max_account_shrink,
            ..
        } = self.limits;
        self.is_too_much(table.all, max_shrink)
            || table
                .accounts
                .values()
                .any(|&change| self.is_too_much(change, max_account_shrink))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a share of rows need not be exact to the row beyond 2^53 of them"
    )]
    fn is_too_much(&self, change: Change, max_shrink: f64) -> bool {
        let lost = change.before.saturating_sub(change.now);
        // Of a handful of rows, a single one is a large share, so small counts are not compared.
        change.before >= self.limits.min_rows && lost as f64 > change.before as f64 * max_shrink
    }
}

impl Baselines {
    /// Updates the baselines after publishing: complete scopes get new ones, and scopes that no
    /// longer exist are removed. Baselines of scopes that failed stay, even if they were carried.
    pub fn update(&mut self, outcome: &Outcome, snapshot: &str) {
        let unread: HashSet<&ScopeId> = outcome
            .scopes
            .iter()
            .filter(|found| found.result != ScopeResult::Complete)
            .map(|found| &*found.scope)
            .collect();
        self.scopes.retain(|_, baseline| {
            let scope = &baseline.scope;
            let pair = (scope.source.clone(), scope.endpoint.clone());
            unread.contains(scope) || !outcome.exhaustive.contains(&pair)
        });
        let complete = outcome.scopes.iter().filter(|found| {
            matches!(found.result, ScopeResult::Complete) && *found.scope != ScopeId::report()
        });
        for found in complete {
            let rows = found.rows.iter().filter(|(table, _)| *table != ISSUES);
            let baseline = ScopeBaseline {
                scope: (*found.scope).clone(),
                snapshot: snapshot.to_owned(),
                rows: rows.map(|(table, rows)| (table.clone(), *rows)).collect(),
            };
            self.scopes.insert(found.scope.text(), baseline);
        }
    }
}

/// The rows of one table as the first edition stored them: by source and account.
#[derive(Deserialize)]
struct TableCounts {
    accounts: BTreeMap<String, BTreeMap<i64, u64>>,
}

/// The service of FortiCloud whose endpoints are called for each account.
const BY_ACCOUNT: &str = "assetmanagement";

impl Baselines {
    /// Reads the baselines that the first edition stored: rows by table, source and account. `snapshot`
    /// is the complete snapshot that they are about.
    ///
    /// Only tables of endpoints that are called for each account are read, because the scopes of
    /// other rows do not follow from their accounts. The price is that a loss of accounts or units
    /// goes unnoticed in the first crawl after an upgrade.
    pub fn of_first_edition(text: &str, snapshot: &str) -> Option<Self> {
        let tables: BTreeMap<String, TableCounts> = serde_json::from_str(text).ok()?;
        let mut baselines = Self::default();
        for table in models::tables() {
            let endpoint = table.endpoint.and_then(models::endpoint);
            let endpoint = endpoint.filter(|endpoint| endpoint.client_id == Some(BY_ACCOUNT));
            let (Some(endpoint), Some(counts)) = (endpoint, tables.get(table.name)) else {
                continue;
            };
            for (source, accounts) in &counts.accounts {
                for (account, rows) in accounts {
                    let scope = ScopeId {
                        source: source.clone(),
                        endpoint: endpoint.id.to_owned(),
                        subject: format!("account={account}"),
                    };
                    let of_scope = baselines.scopes.entry(scope.text());
                    let of_scope = of_scope.or_insert_with(|| ScopeBaseline {
                        scope,
                        snapshot: snapshot.to_owned(),
                        rows: BTreeMap::new(),
                    });
                    of_scope.rows.insert(table.name.to_owned(), *rows);
                }
            }
        }
        Some(baselines)
    }
}

/// The table of problems found in other rows. Having fewer of them is not a loss.
const ISSUES: &str = "issues";

impl TableChange {
    fn add(&mut self, scope: &ScopeId, change: Change, snapshot: &str) {
        self.all.add(change);
        if let Some(account) = scope.subject_number("account") {
            self.accounts.entry(account).or_default().add(change);
        }
        if self.against.as_str() < snapshot {
            snapshot.clone_into(&mut self.against);
        }
    }

    fn shrink(self, table: &str, source: &str) -> Shrink {
        let lost = self
            .accounts
            .iter()
            .filter(|(_, change)| change.now < change.before);
        let mut accounts: Vec<_> = lost
            .map(|(&account_id, change)| AccountShrink {
                source: source.to_owned(),
                account_id,
                before: change.before,
                now: change.now,
            })
            .collect();
        // The sort is stable, so accounts with equal losses stay in the order of their ids.
        accounts.sort_by_key(|account| Reverse(account.before - account.now));
        Shrink {
            table: table.to_owned(),
            source: source.to_owned(),
            against: self.against,
            before: self.all.before,
            now: self.all.now,
            accounts,
        }
    }
}

impl Change {
    fn add(&mut self, other: Self) {
        self.before += other.before;
        self.now += other.now;
    }
}

#[cfg(test)]
mod tests;
