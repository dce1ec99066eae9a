//! Sets up logging to standard error.

use tracing::Level;
use tracing_subscriber::{
    EnvFilter, Layer as _,
    filter::{FilterExt as _, LevelFilter, filter_fn},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::{
    args::LogFormat,
    console::Console,
    traces::{self, SpanLayer},
};

/// Starts to log the events of fortilake's own crates at the level of `-v`.
///
/// `FORTILAKE_LOG` takes the filters of `tracing-subscriber` and wins over `-v`. `spans` receives our
/// spans, at every level of `-v`.
pub(crate) fn start(format: LogFormat, verbose: u8, console: Console, spans: Option<SpanLayer>) {
    let level = match verbose {
        0 => Level::ERROR,
        1 => Level::INFO,
        2 => Level::DEBUG,
        _ => Level::TRACE,
    };
    // Other libraries are off by default: HTTP libraries can log request bodies, which contain
    // passwords. `FORTILAKE_LOG` can still turn them on.
    let default = format!(
        "off,fortilake={level},fortilake_auth={level},fortilake_client={level},fortilake_crawler={level},fortilake_simulator={level},fortilake_sink={level},fortilake_transport={level}"
    );
    let filter =
        EnvFilter::try_from_env("FORTILAKE_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    // A log line would begin with the spans that it is in.
    let no_spans = filter_fn(|metadata| !traces::is_span(metadata));
    let filter = filter.and(no_spans.with_max_level_hint(LevelFilter::TRACE));
    let registry = tracing_subscriber::registry().with(spans);
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(console.interactive && !plain);
    // This fails if the process has a subscriber already, because it embeds fortilake. In that
    // case the existing one stays.
    let _ = match format {
        LogFormat::Text => registry
            .with(layer.with_target(false).with_filter(filter))
            .try_init(),
        LogFormat::Json => registry.with(layer.json().with_filter(filter)).try_init(),
    };
}
