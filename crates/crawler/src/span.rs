//! The spans of a crawl, for traces. Nothing is recorded unless the process exports traces.
//!
//! A task does not inherit the span that it is started in, so each task gets the span that it
//! belongs to.

use fortilake_sink::{self as sink, Receipt};
use tracing::{Span, field::Empty};

use crate::{Settings, one_line};

/// The span in which a source is read.
pub(crate) fn source(settings: &Settings) -> Span {
    tracing::info_span!(
        "source",
        otel.status_description = Empty,
        fortilake.calls = Empty,
        fortilake.recalled = Empty,
        fortilake.source = &*settings.source,
        fortilake.system = settings.system.name(),
    )
}

/// Records what reading a source took.
pub(crate) fn read(span: &Span, calls: u64, recalled: u64) {
    record(span, "fortilake.calls", calls);
    record(span, "fortilake.recalled", recalled);
}

/// The span in which a sink publishes the crawl.
pub(crate) fn publish(parent: &Span, sink: &str) -> Span {
    tracing::info_span!(
        parent: parent,
        "publish",
        otel.status_description = Empty,
        fortilake.bytes = Empty,
        fortilake.files = Empty,
        fortilake.outcome = Empty,
        fortilake.rows = Empty,
        fortilake.sink = sink,
        fortilake.snapshot = Empty,
    )
}

/// Records how a sink ended; `None` if it was aborted.
pub(crate) fn published(span: &Span, result: Option<&sink::Result<Receipt>>) {
    match result {
        Some(Ok(receipt)) => {
            record(span, "fortilake.bytes", receipt.bytes);
            record(span, "fortilake.files", receipt.files);
            record(span, "fortilake.rows", receipt.rows);
            if let Some(snapshot) = &receipt.snapshot {
                span.record("fortilake.snapshot", snapshot);
            }
            span.record("fortilake.outcome", "published");
        }
        Some(Err(error)) => {
            span.record("fortilake.outcome", "failed");
            fail(span, error);
        }
        None => {
            span.record("fortilake.outcome", "discarded");
        }
    }
}

/// Records a number as `i64`, because other integers would be exported as text.
fn record(span: &Span, attribute: &'static str, number: u64) {
    span.record(attribute, i64::try_from(number).unwrap_or(i64::MAX));
}

/// Records why something failed.
pub(crate) fn fail(span: &Span, error: &dyn std::error::Error) {
    if !span.is_disabled() {
        span.record("otel.status_description", one_line(error));
    }
}
