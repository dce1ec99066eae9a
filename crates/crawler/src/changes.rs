//! The table `changes`: how a crawl differs from a snapshot that was published before it.
//!
//! The crawl cannot compare snapshots itself: it knows neither their format nor their place. So the caller passes a
//! [`FindChanges`], and the crawl gives it all rows in a pass of their own, after the results are frozen and before the
//! sinks are fed. Finding the changes while the sinks are fed would save that pass. But every sink has to get the
//! changes, and a sink cannot wait for the others. The price is that pages are decoded once more.

use std::sync::Arc;

use async_trait::async_trait;
use fortilake_sink::{self as sink, Outcome, RecordBatch, Sink};

/// Finds the rows of the table `changes`.
#[async_trait]
pub trait FindChanges: Send {
    /// Decides which snapshot the crawl is compared with.
    ///
    /// `recorded` is what an earlier delivery of the same crawl decided. It must not be decided anew then: the rows of
    /// a crawl are the same each time it is delivered.
    async fn begin(&mut self, recorded: Option<Since>) -> sink::Result<Begun>;

    /// Finds the changes, after all rows were written to the sink of [`Begun::Compare`].
    async fn end(&mut self) -> sink::Result<ChangeRows>;
}

/// The id of the crawl that a crawl is compared with; `None` for the first crawl, which has no changes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Since(pub Option<String>);

/// What [`FindChanges::begin`] decided.
pub enum Begun {
    /// The rows are known: there is nothing to compare with, or they have been published before.
    Known(ChangeRows),
    /// The crawl is compared with a snapshot.
    Compare {
        /// The id of the crawl that it holds.
        since: String,
        /// Takes all rows of the crawl.
        rows: Box<dyn Sink>,
    },
}

/// The rows of the table `changes`. They can be read several times, once for each group of sinks.
#[derive(Clone)]
pub struct ChangeRows {
    /// The name of the snapshot that the crawl is compared with.
    pub since: Option<String>,
    /// The number of rows.
    pub count: u64,
    /// Starts reading the rows, which have the columns of the table.
    pub read: Arc<dyn Fn() -> sink::Result<Batches> + Send + Sync>,
}

/// Batches of rows.
pub type Batches = Box<dyn Iterator<Item = sink::Result<RecordBatch>> + Send>;

impl ChangeRows {
    /// No changes, because there is nothing to compare with.
    pub fn none() -> Self {
        Self {
            since: None,
            count: 0,
            read: Arc::new(|| Ok(Box::new(std::iter::empty()))),
        }
    }

    /// Adds the changes to the outcome of a crawl that has the table.
    pub(crate) fn add_to(&self, outcome: &mut Outcome) {
        outcome.changes_since.clone_from(&self.since);
        outcome.tables.insert(TABLE.to_owned(), self.count);
        let report = sink::ScopeId::report();
        let scope = outcome
            .scopes
            .iter_mut()
            .find(|found| *found.scope == report);
        if let Some(scope) = scope.filter(|_| self.count > 0) {
            scope.rows.insert(TABLE.to_owned(), self.count);
        }
    }
}

/// The name of the table.
pub(crate) const TABLE: &str = "changes";
