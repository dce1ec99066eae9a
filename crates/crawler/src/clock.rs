//! The clock of a crawl.

use std::sync::Arc;

/// Returns the current time in microseconds since the Unix epoch.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;
