//! Traces: the spans of commands.

use fortilake_sink as sink;
use tracing::{Metadata, Span, field::Empty};

use crate::exit::{Code, Result};

/// The span of a command, or of a part of it that could be a command.
pub(crate) fn command(name: &str) -> Span {
    tracing::info_span!(
        "command",
        otel.name = name,
        otel.status_description = Empty,
        fortilake.crawl_id = Empty,
        fortilake.edition = Empty,
        fortilake.exit_code = Empty,
        fortilake.outcome = Empty,
    )
}

/// Records which crawl the current command works on.
pub(crate) fn works_on(crawl: &sink::Crawl) {
    let span = Span::current();
    span.record("fortilake.crawl_id", &crawl.id);
    span.record("fortilake.edition", &crawl.edition);
}

/// Records how a command ended.
pub(crate) fn ended(span: &Span, result: &Result) {
    if span.is_disabled() {
        return;
    }
    let (code, error) = match result {
        Ok(code @ (Code::Complete | Code::Partial)) => (*code, None),
        Ok(code) => (*code, Some(format!("ended with exit code {}", *code as u8))),
        Err(failure) => (failure.code, Some(format!("{:#}", failure.error))),
    };
    // Other integers would be exported as text.
    span.record("fortilake.exit_code", i64::from(code as u8));
    span.record("fortilake.outcome", code.name());
    if let Some(error) = error {
        span.record("otel.status_description", error);
    }
}

/// Whether this is one of our spans. They are for traces, and no log line shows them.
pub(crate) fn is_span(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target().starts_with("fortilake")
}
