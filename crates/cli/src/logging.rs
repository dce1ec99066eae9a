//! Where log events go: to standard error, and only as many as were asked for.

use tracing::Level;
use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{args::LogFormat, console::Console};

/// Subscribes to the events of all crates.
///
/// `FORTILAKE_LOG` takes the usual filters and wins over `-v`.
pub(crate) fn start(format: LogFormat, verbose: u8, console: Console) {
    let level = match verbose {
        0 => Level::ERROR,
        1 => Level::INFO,
        2 => Level::DEBUG,
        _ => Level::TRACE,
    };
    // The libraries below ours can put request bodies into their events.
    let default = format!(
        "off,fortilake={level},fortilake_auth={level},fortilake_client={level},fortilake_crawler={level},fortilake_simulator={level},fortilake_sink={level},fortilake_transport={level}"
    );
    let filter =
        EnvFilter::try_from_env("FORTILAKE_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let registry = tracing_subscriber::registry().with(filter);
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(console.interactive && !plain);
    // A second subscriber in the same process means that somebody embeds this; theirs stays.
    let _ = match format {
        LogFormat::Text => registry.with(layer.with_target(false)).try_init(),
        LogFormat::Json => registry.with(layer.json()).try_init(),
    };
}
