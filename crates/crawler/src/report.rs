//! What a crawl says of itself, on the way and at the end.

use std::{sync::Arc, time::Duration};

use fortilake_sink::{FailedScope, Scopes, TableTotal};

use crate::{Census, Drift, Fetch, Scope, Shrink, SinkReport};

/// Something happened; whoever watches may show it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// These calls are to be made.
    Planned {
        /// How many.
        calls: usize,
    },
    /// A call that was to be made is of no use any more.
    Dropped,
    /// A call has its outcome.
    Answered {
        /// The call.
        fetch: &'a Fetch,
        /// Why there is no page, if so.
        error: Option<&'a str>,
    },
    /// A scope is closed and its rows are on their way to the sinks.
    Published {
        /// The scope.
        scope: &'a Scope,
        /// Its rows.
        rows: u64,
    },
}

/// Where events go.
pub type Observer = Arc<dyn Fn(&Event<'_>) + Send + Sync>;

/// How a crawl ended.
#[derive(Debug)]
pub struct Report {
    /// Whether every scope closed.
    pub complete: bool,
    /// Whether the sinks were let finish.
    pub published: bool,
    /// How many scopes closed and failed.
    pub scopes: Scopes,
    /// The scopes that failed, in publishing order.
    pub failed: Vec<FailedScope>,
    /// The rows of every table.
    pub tables: Vec<TableTotal>,
    /// The same by account, to compare the next snapshot with.
    pub census: Census,
    /// The tables that lost so many rows that nothing is published.
    pub shrunk: Vec<Shrink>,
    /// What did not go as the descriptions say.
    pub drift: Drift,
    /// How many requests were sent, sign-ins and repetitions included.
    pub calls: u64,
    /// How many outcomes the journal had already.
    pub recalled: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// How each sink ended.
    pub sinks: Vec<SinkReport>,
}
