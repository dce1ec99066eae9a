//! The command line, parsed into plain data.

mod appliance;
mod asset;
mod call;
mod config;
#[cfg(feature = "history")]
mod history;
mod operation;
mod organization;
mod product;
mod tables;

use std::{ffi::OsString, net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};

#[cfg(feature = "history")]
pub(crate) use self::history::{
    By, ChangesArgs, ChangesFormat, HistoryArgs, HistoryFormat, PlaceArgs, RenewalsArgs,
    ReportArgs, RowsFormat, SnapshotArgs,
};
pub(crate) use self::{
    appliance::{FtmAction, PortalAction},
    asset::{AboutArgs, ContractAction, FolderAction, LicenseAction, ServiceAction, Status},
    call::CallArgs,
    config::{CompletionsArgs, ConfigAction, ConfigInitArgs, ConfigShowArgs, ManArgs},
    operation::{AccountArgs, CodeArgs, Format, ReadArgs, TargetArgs, UncheckedArgs, WriteArgs},
    organization::{AccountAction, AccountCreateArgs, OuAction},
    product::{LocationArgs, ProductAction, RegisterArgs, RowFormat},
    tables::{Dialect, TablesArgs, TablesFormat},
};

/// Crawls the Fortinet cloud asset inventory and publishes it as tables.
#[derive(Debug, Parser)]
#[command(
    name = "fortilake",
    version,
    long_version = env!("FORTILAKE_VERSION"),
    max_term_width = 100
)]
pub(crate) struct Cli {
    /// The subcommand to run.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Format of everything on standard error.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "text",
        value_name = "FORMAT"
    )]
    pub(crate) log_format: LogFormat,
    /// Log to standard error: -v for phases and warnings, -vv for calls, -vvv for everything but bodies.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Print only warnings and errors to standard error.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
}

/// Format of everything on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Human-readable lines.
    Text,
    /// One JSON object per line.
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Read the sources and publish a snapshot to the sinks.
    Crawl(CrawlArgs),
    /// Estimate how many calls a crawl needs and how long it takes within the limits.
    Plan(PlanArgs),
    /// Sign in to each service, probe the sinks, and report what works.
    Check(CheckArgs),
    /// List, show, verify or remove stored crawls.
    Crawls(CrawlsArgs),
    /// Publish a stored crawl to the sinks again, without making calls.
    Replay(ReplayArgs),
    /// List, verify or prune published snapshots.
    Snapshots(SnapshotsArgs),
    /// Show what changed between two published snapshots.
    #[cfg(feature = "history")]
    Changes(ChangesArgs),
    /// List device coverage that is about to end, has lapsed or was renewed.
    #[cfg(feature = "history")]
    Renewals(RenewalsArgs),
    /// Show the history of one device across all published snapshots.
    #[cfg(feature = "history")]
    History(HistoryArgs),
    /// Write a report as one HTML file: coverage, fleet, renewals, changes and data quality.
    #[cfg(feature = "history")]
    Report(ReportArgs),
    /// Call any API endpoint.
    // `call` describes the endpoint that follows it, so it handles `--help` itself.
    #[command(disable_help_flag = true)]
    Call(CallArgs),
    /// Register products; show or change registered products.
    #[command(subcommand)]
    Product(ProductAction),
    /// Redeem, download and list licenses.
    #[command(subcommand)]
    License(LicenseAction),
    /// List contracts.
    #[command(subcommand)]
    Contract(ContractAction),
    /// List, create and delete product folders.
    #[command(subcommand)]
    Folder(FolderAction),
    /// Register subscriptions.
    #[command(subcommand)]
    Service(ServiceAction),
    /// List, create, change and delete organizational units.
    #[command(subcommand)]
    Ou(OuAction),
    /// List, create and move accounts.
    #[command(subcommand)]
    Account(AccountAction),
    /// Sign in to or out of a FortiPortal.
    #[command(subcommand)]
    Portal(PortalAction),
    /// Show and activate FortiToken Mobile licenses on a FortiAuthenticator.
    #[command(subcommand)]
    Ftm(FtmAction),
    /// List the sinks in this build, or describe one.
    Sinks(SinksArgs),
    /// List the tables, or describe one.
    Tables(TablesArgs),
    /// Turn saved API responses into tables, without a crawl.
    Decode(DecodeArgs),
    /// Serve a simulator of the APIs on a port.
    Simulate(SimulateArgs),
    /// Write, check or show the configuration.
    #[command(subcommand)]
    Config(ConfigAction),
    /// Print a shell completion script.
    Completions(CompletionsArgs),
    /// Print a manual page; to read it, pipe it into `man -l -`.
    Man(ManArgs),
}

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
    /// Publish to this sink instead of the configured ones; may be repeated.
    #[arg(long, value_name = "NAME:TARGET?option=value")]
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

/// Where everything is stored that outlives a run.
#[derive(Debug, Args)]
pub(crate) struct StateArgs {
    /// Folder for the journal, the ledger and tokens; defaults to `$FORTILAKE_STATE`, or else to
    /// `fortilake` in your state folder (`$XDG_STATE_HOME` or `~/.local/state`).
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) state: Option<PathBuf>,
}

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
    /// Count units and accounts by calling the API, instead of estimating from the last crawl.
    #[arg(long)]
    pub(crate) discover: bool,
    /// Print a JSON list with one object for each source.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) state: StateArgs,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
    /// Check this sink instead of the configured ones; may be repeated.
    #[arg(long, value_name = "NAME:TARGET?option=value")]
    pub(crate) sink: Vec<String>,
    /// Print a JSON list with one object for each source and each sink.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) state: StateArgs,
}

/// Which sources a command uses.
#[derive(Debug, Args)]
pub(crate) struct SourceArgs {
    /// Configuration file; without it, `fortilake.toml` if it exists, otherwise the environment.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Use only this source of the configuration; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Vec<String>,
}

/// Arguments of `crawls`.
#[derive(Debug, Args)]
pub(crate) struct CrawlsArgs {
    /// The subcommand; without one, the crawls are listed.
    #[command(subcommand)]
    pub(crate) action: Option<CrawlsAction>,
    /// Print JSON: a list of objects, or one object for `show`.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) state: StateArgs,
}

/// What to do with stored crawls.
#[derive(Debug, Subcommand)]
pub(crate) enum CrawlsAction {
    /// List the crawls, newest first.
    List,
    /// Show one crawl.
    Show {
        /// Crawl id, as `fortilake crawls` lists it.
        id: String,
    },
    /// Check everything in the state file against its checksums.
    Verify,
    /// Remove one crawl and its journal; its published snapshots stay.
    Remove {
        /// Crawl id, as `fortilake crawls` lists it.
        id: String,
    },
}

/// Arguments of `replay`.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// Crawl id, as `fortilake crawls` lists it, or `latest`.
    #[arg(required_unless_present = "dead_letters")]
    pub(crate) id: Option<String>,
    /// Publish even if more rows have disappeared than `[guard]` allows.
    #[arg(long)]
    pub(crate) accept_shrink: bool,
    /// Publish a partial snapshot to every sink, even if that removes the rows of failed scopes.
    #[arg(long)]
    pub(crate) accept_partial: bool,
    /// Redeliver only the messages that sinks could not deliver (dead letters).
    #[arg(long, conflicts_with = "id")]
    pub(crate) dead_letters: bool,
    /// Publish to this sink instead of the configured ones; may be repeated.
    #[arg(long, value_name = "NAME:TARGET?option=value")]
    pub(crate) sink: Vec<String>,
    /// Configuration file with the sinks; without it, `fortilake.toml` if it exists.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) state: StateArgs,
}

/// Arguments of `snapshots`.
#[derive(Debug, Args)]
pub(crate) struct SnapshotsArgs {
    /// The subcommand; without one, the snapshots are listed.
    #[command(subcommand)]
    pub(crate) action: Option<SnapshotsAction>,
    /// Folder or URL (`s3://BUCKET/PREFIX`) that snapshots are published to; defaults to that of the
    /// first Parquet sink in the configuration, or else to `out`.
    #[arg(long, value_name = "PLACE", global = true)]
    pub(crate) place: Option<PathBuf>,
    /// Configuration file; without it, `fortilake.toml` if it exists.
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
}

/// What to do with published snapshots.
#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotsAction {
    /// List the snapshots, oldest first.
    List {
        /// Print a JSON list of objects.
        #[arg(long)]
        json: bool,
    },
    /// Compare published files with the digests in their manifests.
    Verify {
        /// Snapshot name, or `latest`; without it, all snapshots are verified.
        name: Option<String>,
    },
    /// Delete the snapshots that neither `--last` nor `--days` keeps.
    ///
    /// The newest snapshot and the newest complete one always stay. Names that crawls reserved
    /// more than 30 days ago and never published become free again.
    Prune {
        /// Keep this many of the newest snapshots.
        #[arg(long, value_name = "N", required_unless_present = "days",
              value_parser = clap::value_parser!(u32).range(1..))]
        last: Option<u32>,
        /// Keep the snapshots of the last DAYS days.
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..))]
        days: Option<u32>,
        /// Print what would be deleted, but delete nothing.
        #[arg(long)]
        dry_run: bool,
    },
}

/// Arguments of `sinks`.
#[derive(Debug, Args)]
pub(crate) struct SinksArgs {
    /// Sink to describe; without it, all sinks are listed.
    pub(crate) name: Option<String>,
}

/// Arguments of `decode`.
#[derive(Debug, Args)]
pub(crate) struct DecodeArgs {
    /// Endpoint that sent the responses, such as `products/list`.
    pub(crate) endpoint: String,
    /// Files with one saved response each, or folders of `*.json` files; `-` reads standard input.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Sink to write the tables to; may be repeated.
    #[arg(long, required = true, value_name = "NAME:TARGET?option=value")]
    pub(crate) sink: Vec<String>,
    /// Numeric argument of the original request, such as accountId=710112; may be repeated.
    #[arg(long, value_name = "NAME=NUMBER", value_parser = argument)]
    pub(crate) asked: Vec<(String, i64)>,
}

/// Arguments of `simulate`.
#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// Address to listen on; port 0 picks a free port.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDR")]
    pub(crate) listen: SocketAddr,
    /// Scenario file to serve; without it, the preset `production`.
    #[arg(long, value_name = "FILE")]
    pub(crate) scenario: Option<PathBuf>,
    /// Let this many days pass first, instead of those in the scenario file.
    #[arg(long, value_name = "N", value_parser = day())]
    pub(crate) day: Option<u64>,
    /// Write what happened on these days to this file (`-` for standard output), one JSON object per
    /// line, and exit.
    #[arg(long, value_name = "FILE", conflicts_with = "listen")]
    pub(crate) log: Option<PathBuf>,
}

/// Reads a day of the simulator.
fn day() -> clap::builder::RangedU64ValueParser<u64> {
    clap::value_parser!(u64).range(..=fortilake_simulator::scenario::MAX_DAY)
}

impl LogFormat {
    /// The format that these arguments ask for, for an error in the arguments themselves.
    pub(crate) fn among(arguments: impl IntoIterator<Item = OsString>) -> Self {
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let is_json = match argument.to_str() {
                Some("--log-format") => arguments.next().is_some_and(|value| value == "json"),
                Some(argument) => argument == "--log-format=json",
                None => false,
            };
            if is_json {
                return Self::Json;
            }
        }
        Self::Text
    }
}

fn argument(text: &str) -> Result<(String, i64), String> {
    let (name, number) = text.split_once('=').ok_or("expected NAME=NUMBER")?;
    let number = number
        .parse()
        .map_err(|_| format!("`{number}` is not an integer"))?;
    Ok((name.to_owned(), number))
}

fn duration(text: &str) -> Result<Duration, String> {
    let length = text.parse::<jiff::SignedDuration>().ok();
    length
        .and_then(|length| Duration::try_from(length).ok())
        .filter(|length| !length.is_zero())
        .ok_or_else(|| "expected a duration longer than zero, such as 45m or 2h".to_owned())
}
