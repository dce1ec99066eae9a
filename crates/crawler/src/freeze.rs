//! The result of every scope, journaled once when reading ends.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use fortilake_sink::{Outcome, ScopeId, ScopeOutcome, ScopeResult, Selection};
use serde::{Deserialize, Serialize};

use crate::{CoverageRow, Drift, System, systems::count};

#[cfg(test)]
mod tests;

/// The results of a crawl as they were when its reading ended.
///
/// Every delivery after that uses these results, so a replay knows why a scope failed, and the
/// final message of a webhook has the same content each time it is produced.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Frozen {
    /// The edition that counted the rows. Another build may decode the same pages differently.
    pub(crate) edition: String,
    /// The complete scopes in handover order, then the carried ones, then the failed ones.
    pub(crate) scopes: Vec<ScopeRecord>,
    /// The (source, endpoint) pairs whose scopes are all listed, so that any other scope no longer
    /// exists.
    pub(crate) exhaustive: BTreeSet<(String, String)>,
    pub(crate) drift: Drift,
    /// When the newest page arrived, in microseconds of Unix time.
    pub(crate) finished_at: i64,
    /// How old carried rows may be for the crawl to count as complete, in microseconds; `None` if
    /// no carried row may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) max_age: Option<i64>,
}

/// The (source, endpoint) pairs that a crawl asks for.
pub(crate) type Requested = BTreeSet<(Arc<str>, &'static str)>;

/// The result of one scope, as `coverage` shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ScopeRecord {
    pub(crate) scope: ScopeId,
    pub(crate) account_id: Option<i64>,
    pub(crate) ou_id: Option<i64>,
    pub(crate) organization_id: Option<i64>,
    pub(crate) pages: usize,
    /// The rows that the scope listed, including rows that another scope hands over.
    pub(crate) listed: u64,
    /// The rows that the scope hands over, by table.
    pub(crate) rows: BTreeMap<String, u64>,
    /// When its newest page arrived, in microseconds of Unix time.
    pub(crate) observed_at: i64,
    /// The crawl that read its rows, if this crawl did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) carried_from: Option<String>,
    /// Why this crawl could not read the scope; `None` if it could.
    pub(crate) error: Option<String>,
    /// Whether this crawl left it to a later one and did not try to read it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) postponed: bool,
    /// Whether its rows were found by a search that may not find all of them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) unproven: bool,
    /// How the scope was read, such as the search that found its products.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
}

/// The scopes that a rolling crawl did not try to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Postponed {
    /// How many of them have the rows of an earlier crawl.
    pub carried: u64,
    /// When the oldest of these rows were read, in microseconds of Unix time.
    pub oldest: Option<i64>,
    /// Those that no crawl has read yet, as [`FailedScope::scope`](fortilake_sink::FailedScope::scope) names them.
    pub unread: BTreeSet<String>,
}

impl Frozen {
    /// The records by scope.
    pub(crate) fn index(&self) -> HashMap<ScopeId, ScopeRecord> {
        let records = self.scopes.iter();
        records
            .map(|record| (record.scope.clone(), record.clone()))
            .collect()
    }

    /// Whether no scope failed and no carried scope is older than allowed.
    pub(crate) fn is_complete(&self) -> bool {
        let is_good = |record: &ScopeRecord| match (&record.error, &record.carried_from) {
            (None, None) => true,
            (Some(_), None) => false,
            (_, Some(_)) => {
                let age = self.finished_at.saturating_sub(record.observed_at);
                self.max_age.is_some_and(|most| age <= most)
            }
        };
        self.scopes.iter().all(is_good)
    }

    /// The scopes that were left to a later crawl.
    pub(crate) fn postponed(&self) -> Postponed {
        let mut postponed = Postponed::default();
        for record in &self.scopes {
            if record.postponed {
                postponed.unread.insert(record.scope.text());
            } else if record.error.is_none() && record.carried_from.is_some() {
                postponed.carried += 1;
                let oldest = postponed.oldest.unwrap_or(i64::MAX);
                postponed.oldest = Some(oldest.min(record.observed_at));
            }
        }
        postponed
    }

    /// The notes that belong in the summary: those of lists that no other list leads to, and whether a
    /// search was used that may not find everything.
    ///
    /// How each scope was searched stays in `coverage`. These notes change what the whole snapshot
    /// contains, so people have to see them.
    pub(crate) fn notes(&self) -> Vec<String> {
        let is_first =
            |endpoint: &str| System::of(endpoint).definition().parent(endpoint).is_none();
        let first = self
            .scopes
            .iter()
            .filter(|record| is_first(&record.scope.endpoint));
        let notes = first.filter_map(|record| {
            let note = record.note.as_ref()?;
            Some(format!("{}: {note}", record.scope.source))
        });
        let mut unproven = BTreeMap::<&str, usize>::new();
        for record in self.scopes.iter().filter(|record| record.unproven) {
            *unproven.entry(&record.scope.source).or_default() += 1;
        }
        let unproven = unproven.into_iter().map(|(source, scopes)| {
            format!(
                "{source}: {} of products were searched without `%`, which this tenant does not \
                 accept as a wildcard, so products without an expiry date may be missing; `note` in \
                 `coverage` says how each was searched",
                count(scopes, "list")
            )
        });
        notes.chain(unproven).collect()
    }

    /// The rows of the table `coverage`.
    pub(crate) fn coverage(&self) -> impl Iterator<Item = CoverageRow> {
        self.scopes.iter().map(|record| CoverageRow {
            source: record.scope.source.clone(),
            endpoint: record.scope.endpoint.clone(),
            account_id: record.account_id,
            ou_id: record.ou_id,
            organization_id: record.organization_id,
            pages: record.pages,
            rows: record.listed,
            carried_from: record.carried_from.clone(),
            error: record.error.clone(),
            note: record.note.clone(),
            observed_at: record.observed_at,
        })
    }

    /// The outcome that sinks receive at the end. `tables` are the tables that are delivered.
    pub(crate) fn outcome<'a>(
        &self,
        selection: &Selection,
        tables: impl IntoIterator<Item = &'a str>,
    ) -> Outcome {
        let mut totals: BTreeMap<String, u64> = tables
            .into_iter()
            .map(|table| (table.to_owned(), 0))
            .collect();
        let (delivered, failed): (Vec<_>, Vec<_>) =
            self.scopes.iter().partition(|record| record.has_rows());
        let has_coverage = totals.contains_key(COVERAGE);
        let coverage = has_coverage.then(|| (COVERAGE.to_owned(), self.scopes.len() as u64));
        let report = ScopeOutcome {
            scope: Arc::new(ScopeId::report()),
            result: ScopeResult::Complete,
            rows: coverage.into_iter().collect(),
            observed_at: self.finished_at,
        };
        let delivered = delivered.into_iter().map(ScopeRecord::outcome);
        let failed = failed.into_iter().map(ScopeRecord::outcome);
        let scopes: Vec<_> = delivered.chain([report]).chain(failed).collect();
        for (table, rows) in scopes.iter().flat_map(|scope| &scope.rows) {
            *totals.entry(table.clone()).or_default() += rows;
        }
        Outcome {
            complete: self.is_complete(),
            scopes,
            // A crawl that is limited to some accounts has not seen the others, so it must not
            // cause sinks to delete their rows.
            exhaustive: if selection.is_everything() {
                self.exhaustive.clone()
            } else {
                BTreeSet::new()
            },
            selection: selection.clone(),
            tables: totals,
            finished_at: self.finished_at,
            changes_since: None,
        }
    }
}

/// The table that describes the scopes.
const COVERAGE: &str = "coverage";

impl ScopeRecord {
    /// Whether its rows are delivered: this crawl or an earlier one read it completely.
    pub(crate) fn has_rows(&self) -> bool {
        self.error.is_none() || self.carried_from.is_some()
    }

    fn outcome(&self) -> ScopeOutcome {
        let result = match (&self.error, &self.carried_from) {
            (error, Some(crawl)) => ScopeResult::Carried {
                crawl: crawl.clone(),
                error: error.clone(),
            },
            (Some(error), None) => ScopeResult::Failed {
                error: error.clone(),
            },
            (None, None) => ScopeResult::Complete,
        };
        ScopeOutcome {
            scope: Arc::new(self.scope.clone()),
            result,
            rows: self.rows.clone(),
            observed_at: self.observed_at,
        }
    }
}

/// The (source, endpoint) pairs for which `scopes` contains every scope that exists.
///
/// `requested` are the pairs that the crawl asks for. If no subject of an endpoint is left, none of
/// its scopes is in `scopes`, and still all of them are known.
///
/// All subjects of an endpoint are known if all scopes of its parent endpoint, which lists them,
/// are complete. If the parent was never called, as for a user without an organization, there may
/// be subjects that this crawl has not seen.
pub(crate) fn exhaustive(
    scopes: &[ScopeRecord],
    requested: &Requested,
) -> BTreeSet<(String, String)> {
    let mut endpoints = BTreeMap::<(&str, &str), bool>::new();
    for record in scopes {
        let key = (record.scope.source.as_str(), record.scope.endpoint.as_str());
        *endpoints.entry(key).or_insert(true) &= record.error.is_none();
    }
    let is_known = |source: &str, endpoint: &str| {
        let mut at = endpoint;
        while let Some(parent) = System::of(at).definition().parent(at) {
            if endpoints.get(&(source, parent)) != Some(&true) {
                return false;
            }
            at = parent;
        }
        true
    };
    let requested = requested
        .iter()
        .map(|(source, endpoint)| (&**source, *endpoint));
    // An endpoint without a parent is called once. If it has no scope, it was not called.
    let requested = requested
        .filter(|(_, endpoint)| System::of(endpoint).definition().parent(endpoint).is_some());
    let pairs = endpoints.keys().copied().chain(requested);
    let known = pairs.filter(|(source, endpoint)| is_known(source, endpoint));
    known
        .map(|(source, endpoint)| (source.to_owned(), endpoint.to_owned()))
        .collect()
}
