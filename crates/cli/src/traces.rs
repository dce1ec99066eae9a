//! Traces: the span of a command, and its export to an OpenTelemetry collector.

#[cfg(feature = "otel")]
mod delivery;
#[cfg(feature = "otel")]
mod export;
#[cfg(feature = "otel")]
mod target;

use fortilake_sink as sink;
use tracing::{Metadata, Span, field::Empty};
use tracing_subscriber::{Layer, Registry};
use url::Url;

use crate::{
    console::Console,
    exit::{Code, Result},
};

/// The layer that turns spans into traces.
pub(crate) type SpanLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// The traces of this run.
pub(crate) struct Traces {
    /// The exporter, or why there is none although one was asked for.
    #[cfg(feature = "otel")]
    export: Option<anyhow::Result<export::Exporter>>,
}

impl Traces {
    /// Prepares to export the traces of a command. Nothing is sent yet.
    ///
    /// A collector that cannot be used is no failure: the end of the run warns about it.
    #[cfg(feature = "otel")]
    #[expect(clippy::unnecessary_wraps, reason = "other builds may fail")]
    pub(crate) fn start(endpoint: Option<&Url>, is_traced: bool) -> Result<Self> {
        // A run that needs `.env` reports that it cannot be read.
        let env = crate::config::Env::read().unwrap_or_else(|_| crate::config::Env::process());
        let target = target::Target::find(endpoint, &env).filter(|_| is_traced);
        let export = target.map(|target| export::Exporter::start(target?, &env));
        Ok(Self { export })
    }

    /// The variables of the standard are ignored, because platforms set them for every program.
    #[cfg(not(feature = "otel"))]
    pub(crate) fn start(endpoint: Option<&Url>, _is_traced: bool) -> Result<Self> {
        use crate::exit::CommandError;
        if endpoint.is_none() {
            return Ok(Self {});
        }
        let error = anyhow::anyhow!("`--otlp-endpoint` needs a build with the feature `otel`");
        Err(CommandError::not_started(error)
            .hint("build with `--features otel`, or leave out the flag"))
    }

    /// The layer that receives the spans; `None` if no traces are exported.
    #[cfg_attr(
        not(feature = "otel"),
        expect(clippy::unused_self, reason = "other builds need it")
    )]
    pub(crate) fn layer(&self) -> Option<SpanLayer> {
        #[cfg(feature = "otel")]
        return Some(self.export.as_ref()?.as_ref().ok()?.layer());
        #[cfg(not(feature = "otel"))]
        None
    }

    /// The span of the whole run. Call this once logging has started.
    #[cfg_attr(
        not(feature = "otel"),
        expect(clippy::unused_self, reason = "other builds need it")
    )]
    pub(crate) fn root(&self, name: &str) -> Span {
        let span = command(name);
        #[cfg(feature = "otel")]
        if let Some(Ok(exporter)) = &self.export {
            exporter.adopt(&span);
        }
        span
    }

    /// Ends the span of the run, and exports what has not been exported yet.
    pub(crate) fn end(self, span: Span, result: &Result, console: Console) {
        ended(&span, result);
        #[cfg(feature = "otel")]
        match self.export {
            Some(Ok(exporter)) => {
                let interrupted =
                    matches!(result, Err(failure) if failure.code == Code::Interrupted);
                exporter.end(span, interrupted, console);
            }
            Some(Err(error)) => console.warning(&format!("no traces are exported: {error:#}")),
            None => {}
        }
        #[cfg(not(feature = "otel"))]
        let _ = (self, span, console);
    }
}

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
