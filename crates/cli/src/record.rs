//! What a run leaves for its summary and its metrics, however it ends.

use std::sync::Arc;

use fortilake_client::Client;
use serde_json::Value;

use crate::progress::CallTally;

/// What is known about a run so far.
#[derive(Default)]
pub(crate) struct RunRecord {
    /// The summary of the crawl, if it was read completely.
    pub(crate) summary: Option<Value>,
    /// The names of the sources, and their clients.
    pub(crate) clients: Vec<(Arc<str>, Vec<Arc<Client>>)>,
    /// The calls of the crawl that was worked on last.
    pub(crate) calls: Option<CallTally>,
}
