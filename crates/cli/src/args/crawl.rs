//! Arguments of `crawl`.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::{StateArgs, day};

/// Arguments of `crawl`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(crate) struct CrawlArgs {
    /// Configuration file; without it, `fortilake.toml` if it exists, otherwise the environment.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Crawl only this source of the configuration; may be repeated.
    #[arg(long, value_name = "NAME", conflicts_with = "simulate")]
    pub(crate) source: Vec<String>,
    /// Publish to this sink, such as `parquet:out`, instead of the configured ones; may be repeated.
    #[arg(long, value_name = "SINK")]
    pub(crate) sink: Vec<String>,
    /// Crawl the embedded simulator instead of real systems.
    #[arg(long, conflicts_with = "config")]
    pub(crate) simulate: bool,
    /// Let this many days pass in the simulator first; devices are registered, renewed and moved.
    #[arg(long, value_name = "N", requires = "simulate", value_parser = day())]
    pub(crate) day: Option<u64>,
    /// Read only this account; may be repeated.
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(i64).range(1..))]
    pub(crate) account: Vec<i64>,
    /// Publish only products of this model; a `*` at the end matches any ending. May be repeated, and
    /// replaces `models` of the configuration.
    #[arg(long, value_name = "MODEL", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) models: Vec<String>,
    /// Start a new crawl even if an unfinished one could be resumed.
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Publish nothing if any scope failed (exit code 4).
    #[arg(long, conflicts_with = "accept_partial")]
    pub(crate) require_complete: bool,
    /// Publish a partial snapshot to every sink, even if that removes the rows of failed scopes.
    #[arg(long)]
    pub(crate) accept_partial: bool,
    /// Publish even if more rows have disappeared than `[guard]` allows.
    #[arg(long)]
    pub(crate) accept_shrink: bool,
    /// Pause after this many requests, sign-ins included.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) max_calls: Option<u64>,
    /// Pause after this time, such as 45m or 2h.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) deadline: Option<Duration>,
    /// Wait until the API allows calls again, instead of pausing with exit code 75.
    #[arg(long)]
    pub(crate) wait: bool,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    /// Write a JSON summary to this file (`-` for standard output), however the run ends.
    #[arg(long, value_name = "FILE")]
    pub(crate) summary: Option<PathBuf>,
    /// Write metrics for Prometheus to this file, however the run ends.
    #[arg(long, value_name = "FILE")]
    pub(crate) metrics_file: Option<PathBuf>,
}

fn duration(text: &str) -> Result<Duration, String> {
    let length = text.parse::<jiff::SignedDuration>().ok();
    length
        .and_then(|length| Duration::try_from(length).ok())
        .filter(|length| !length.is_zero())
        .ok_or_else(|| "expected a duration longer than zero, such as 45m or 2h".to_owned())
}
