//! What a crawl reports: events while it runs, and a summary at the end.

use std::{sync::Arc, time::Duration};

use fortilake_sink::{CarriedScope, FailedScope, Outcome, Scopes, TableSpec, TableTotal};

use crate::{
    Drift, Fetch, Scope, Shrink, SinkReport,
    freeze::{Frozen, Postponed},
};

/// Progress of a crawl, for example for a progress bar.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The plan asked for further calls.
    Planned {
        /// The number of further calls.
        calls: usize,
    },
    /// A planned call is no longer needed and will not be made.
    Dropped,
    /// A call has its outcome, from the API or from the journal.
    Answered {
        /// The call.
        fetch: &'a Fetch,
        /// Why the call failed; `None` if it returned a page.
        error: Option<&'a str>,
    },
    /// A scope is closed. A failed scope has no rows.
    Published {
        /// The scope.
        scope: &'a Scope,
        /// The rows that the scope listed.
        rows: u64,
    },
}

/// A callback for events. The tasks of the crawl call it, so it must not block.
pub type Observer = Arc<dyn Fn(&Event<'_>) + Send + Sync>;

/// How a crawl ended.
#[derive(Debug)]
pub struct Report {
    /// Whether no scope failed, and no carried scope is older than allowed.
    pub complete: bool,
    /// Whether the rows were published, that is, the sinks were told to finish.
    pub published: bool,
    /// The number of scopes by result.
    pub scopes: Scopes,
    /// The scopes without rows, in publishing order: those that failed, and those of `postponed` that
    /// were never read.
    pub failed: Vec<FailedScope>,
    /// The scopes that failed, but whose rows are from an earlier crawl.
    pub carried: Vec<CarriedScope>,
    /// The scopes that were left to a later crawl.
    pub postponed: Postponed,
    /// The number of rows of every table.
    pub tables: Vec<TableTotal>,
    /// The outcome that the sinks received.
    pub outcome: Outcome,
    /// What readers have to know about how scopes were read, such as that only the user's own
    /// account was read.
    pub notes: Vec<String>,
    /// The tables that lost more rows than the guard allows. If there are any, nothing is
    /// published.
    pub shrunk: Vec<Shrink>,
    /// How far the responses differed from the API descriptions.
    pub drift: Drift,
    /// How many requests were sent, sign-ins and repetitions included.
    pub calls: u64,
    /// How many outcomes came from the journal instead of a call.
    pub recalled: u64,
    /// How long this run took.
    pub elapsed: Duration,
    /// The result of each sink.
    pub sinks: Vec<SinkReport>,
}

impl Report {
    /// The report of a crawl whose results are frozen, before anything is published.
    pub(crate) fn new(frozen: &Frozen, outcome: &Outcome, tables: &[Arc<TableSpec>]) -> Self {
        let summary = outcome.summary();
        let total = |table: &Arc<TableSpec>| TableTotal {
            table: table.name.clone(),
            rows: outcome.tables.get(&table.name).copied().unwrap_or(0),
        };
        Self {
            complete: outcome.complete,
            published: false,
            scopes: summary.scopes,
            failed: summary.failed,
            carried: summary.carried,
            postponed: frozen.postponed(),
            tables: tables.iter().map(total).collect(),
            outcome: outcome.clone(),
            notes: frozen.notes(),
            shrunk: Vec::new(),
            drift: frozen.drift,
            calls: 0,
            recalled: 0,
            elapsed: Duration::ZERO,
            sinks: Vec::new(),
        }
    }
}
