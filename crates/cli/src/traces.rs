//! Traces: the spans of our crates.

use tracing::Metadata;

/// Whether this is one of our spans. They are for traces, and no log line shows them.
pub(crate) fn is_span(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target().starts_with("fortilake")
}
