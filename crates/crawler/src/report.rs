//! What a crawl reports: events while it runs, and a summary at the end.

use std::{sync::Arc, time::Duration};

use fortilake_sink::{FailedScope, Scopes, TableTotal};

use crate::{Census, Drift, Fetch, Scope, Shrink, SinkReport};

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
    /// Whether no scope failed.
    pub complete: bool,
    /// Whether the rows were published, that is, the sinks were told to finish.
    pub published: bool,
    /// How many scopes are complete and how many failed.
    pub scopes: Scopes,
    /// The scopes that failed, in publishing order.
    pub failed: Vec<FailedScope>,
    /// The number of rows of every table.
    pub tables: Vec<TableTotal>,
    /// The same by account, to compare the next snapshot with.
    pub census: Census,
    /// The tables that lost so many rows that nothing is published.
    pub shrunk: Vec<Shrink>,
    /// How far the answers differed from the API descriptions.
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
