//! The outcome of a crawl: the result of every scope, and what may be deleted because of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::temporal_conversions::timestamp_us_to_datetime;
use serde::{Deserialize, Serialize};

use crate::{ScopeId, Selection};

#[cfg(test)]
mod tests;

/// The outcome of a crawl.
///
/// The results of all scopes are frozen in the journal when reading ends. Counts, totals and the table `coverage` are
/// computed from these results and from the pages, so the outcome is the same each time it is produced.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Whether the crawl is complete: no scope failed, none is unknown, and no carried scope is older than allowed.
    pub complete: bool,
    /// Every scope, in the order of delivery; failed scopes are at the end.
    ///
    /// There can be 80,000 entries, so a sink that looks up many scopes should build an index first.
    pub scopes: Vec<ScopeOutcome>,
    /// The (source, endpoint) pairs for which `scopes` lists every scope that exists.
    ///
    /// A scope of such an endpoint that is not listed no longer exists. Empty if the crawl was limited to a selection.
    pub exhaustive: BTreeSet<(String, String)>,
    /// The sources and accounts that the crawl was limited to.
    pub selection: Selection,
    /// The number of rows delivered, by table.
    pub tables: BTreeMap<String, u64>,
    /// When the crawl's newest page arrived, in microseconds of Unix time. Not the time of publication.
    pub finished_at: i64,
    /// The snapshot that the table `changes` compares this crawl with; `None` if there was none, or if the crawl has no
    /// such table.
    pub changes_since: Option<String>,
}

/// The outcome of one scope.
#[derive(Clone, Debug, PartialEq)]
pub struct ScopeOutcome {
    /// The scope.
    pub scope: Arc<ScopeId>,
    /// Whether its rows were delivered, and if not, why.
    pub result: ScopeResult,
    /// The number of rows delivered, by table. A table without rows may be missing.
    pub rows: BTreeMap<String, u64>,
    /// When its newest page arrived, in microseconds of Unix time. For a carried scope, that was in an earlier crawl.
    pub observed_at: i64,
}

/// The result of one scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "lowercase")]
pub enum ScopeResult {
    /// All rows were read in this crawl.
    Complete,
    /// No row was delivered. The destination keeps the rows that it has of this scope.
    Failed {
        /// Why the scope failed.
        error: String,
    },
    /// The rows of an earlier crawl were delivered: the latest one that read the scope completely.
    Carried {
        /// The id of the crawl that read them.
        crawl: String,
        /// The error, if this crawl tried to read the scope and failed; `None` if it did not try.
        error: Option<String>,
    },
}

impl Outcome {
    /// The outcome of `scope`; `None` if the crawl does not list it. This is a linear search.
    pub fn find(&self, scope: &ScopeId) -> Option<&ScopeOutcome> {
        self.scopes.iter().find(|found| *found.scope == *scope)
    }

    /// Whether rows of `scope` that were not delivered may be deleted at the destination.
    ///
    /// They may if the scope was delivered whole, or if it no longer exists, which means that all scopes of its
    /// endpoint are listed except this one. If a scope failed, nothing is known about its rows, so they stay.
    pub fn may_delete(&self, scope: &ScopeId) -> bool {
        match self.find(scope) {
            Some(found) => !matches!(found.result, ScopeResult::Failed { .. }),
            None => self
                .exhaustive
                .contains(&(scope.source.clone(), scope.endpoint.clone())),
        }
    }

    /// Whether all scopes of an endpoint are known and none of them failed.
    ///
    /// Check this as well before deleting rows of a table with [`KeyIn::Table`](crate::KeyIn::Table). Several scopes
    /// may list such a row, so while one of them failed, the row may still exist.
    pub fn is_settled(&self, source: &str, endpoint: &str) -> bool {
        let is_failed = |found: &&ScopeOutcome| {
            found.scope.source == source
                && found.scope.endpoint == endpoint
                && matches!(found.result, ScopeResult::Failed { .. })
        };
        self.exhaustive
            .contains(&(source.to_owned(), endpoint.to_owned()))
            && !self.scopes.iter().any(|found| is_failed(&found))
    }

    /// The summary for manifests and final messages.
    ///
    /// It lists only the scopes that failed, including those that were carried, because 20,000 accounts make 80,000
    /// scopes and some 12 MB of JSON. The table `coverage` has all scopes.
    pub fn summary(&self) -> Summary {
        let mut scopes = Scopes::default();
        let (mut failed, mut carried) = (Vec::new(), Vec::new());
        for found in &self.scopes {
            // The scope of `coverage` was not read from an API, so it is not counted.
            if *found.scope == ScopeId::report() {
                continue;
            }
            match &found.result {
                ScopeResult::Complete => scopes.complete += 1,
                ScopeResult::Carried { crawl, error } => {
                    scopes.carried += 1;
                    carried.extend(error.as_ref().map(|error| CarriedScope {
                        failed: FailedScope::new(&found.scope, error),
                        crawl: crawl.clone(),
                        observed_at: instant(found.observed_at),
                    }));
                }
                ScopeResult::Failed { error } => {
                    scopes.failed += 1;
                    failed.push(FailedScope::new(&found.scope, error));
                }
            }
        }
        let totals = self.tables.iter().map(|(table, rows)| TableTotal {
            table: table.clone(),
            rows: *rows,
        });
        Summary {
            complete: self.complete,
            scopes,
            failed,
            carried,
            tables: totals.collect(),
            selection: self.selection.clone(),
            finished_at: instant(self.finished_at),
            changes_since: self.changes_since.clone(),
        }
    }
}

/// The summary of an outcome, for manifests, final messages and the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// As [`Outcome::complete`].
    pub complete: bool,
    /// The number of scopes, by result.
    pub scopes: Scopes,
    /// The scopes that failed, and why.
    pub failed: Vec<FailedScope>,
    /// The scopes that failed, but whose rows are from an earlier crawl.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub carried: Vec<CarriedScope>,
    /// The number of rows of each table.
    pub tables: Vec<TableTotal>,
    /// The sources and accounts that the crawl was limited to. Manifests of the first edition do not have this member.
    #[serde(default, skip_serializing_if = "Selection::is_everything")]
    pub selection: Selection,
    /// When the crawl's newest page arrived, in RFC 3339 and UTC.
    pub finished_at: String,
    /// As [`Outcome::changes_since`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes_since: Option<String>,
}

/// The number of scopes by result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scopes {
    /// Scopes that were read completely.
    pub complete: u64,
    /// Scopes that failed, so their rows are missing.
    pub failed: u64,
    /// Scopes whose rows are from an earlier crawl.
    #[serde(default)]
    pub carried: u64,
}

/// A scope that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedScope {
    /// The scope's [`text`](ScopeId::text); empty in manifests of the first edition.
    #[serde(default)]
    pub scope: String,
    /// The source's name in the configuration.
    pub source: String,
    /// The endpoint that failed, such as `products/list`.
    pub endpoint: String,
    /// The account that was asked for, if any.
    pub account_id: Option<i64>,
    /// The organizational unit that was asked for, if any.
    pub ou_id: Option<i64>,
    /// Why it failed.
    pub error: String,
}

/// A scope that failed, but whose rows are from an earlier crawl.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarriedScope {
    /// The scope, and why it failed.
    #[serde(flatten)]
    pub failed: FailedScope,
    /// The id of the crawl that read the rows.
    pub crawl: String,
    /// When that crawl read them, in RFC 3339 and UTC.
    pub observed_at: String,
}

impl FailedScope {
    fn new(scope: &ScopeId, error: &str) -> Self {
        Self {
            scope: scope.text(),
            source: scope.source.clone(),
            endpoint: scope.endpoint.clone(),
            account_id: scope.subject_number("account"),
            ou_id: scope.subject_number("unit"),
            error: error.to_owned(),
        }
    }
}

/// The number of rows of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableTotal {
    /// The table's name.
    pub table: String,
    /// Its number of rows.
    pub rows: u64,
}

/// A time in RFC 3339; empty if the year is out of the calendar's range.
fn instant(microseconds: i64) -> String {
    let time = timestamp_us_to_datetime(microseconds);
    time.map_or_else(String::new, |time| {
        time.format("%Y-%m-%dT%H:%M:%S%.fZ").to_string()
    })
}
