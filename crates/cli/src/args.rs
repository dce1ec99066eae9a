//! The command line, parsed into plain data.

mod appliance;
mod asset;
mod call;
mod config;
mod crawl;
#[cfg(feature = "history")]
mod history;
mod operation;
mod organization;
mod product;
mod tables;

use std::{ffi::OsString, net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use url::Url;

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
    crawl::CrawlArgs,
    operation::{AccountArgs, CodeArgs, Format, ReadArgs, TargetArgs, UncheckedArgs, WriteArgs},
    organization::{AccountAction, AccountCreateArgs, OuAction},
    product::{LocationArgs, ProductAction, RegisterArgs, RowFormat},
    tables::{Dialect, TablesArgs, TablesFormat},
};

/// Copies your Fortinet inventory from FortiCloud, FortiPortal and FortiAuthenticator into tables.
#[derive(Debug, Parser)]
#[command(
    name = "fortilake",
    version,
    long_version = env!("FORTILAKE_VERSION"),
    max_term_width = 100,
    disable_help_flag = true
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
    /// Log to standard error: -v for phases and warnings, -vv for calls, -vvv for everything but response bodies.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Print only warnings and errors to standard error.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Send traces to this OpenTelemetry collector (OTLP over HTTP).
    #[arg(long, global = true, value_name = "URL", value_parser = collector)]
    pub(crate) otlp_endpoint: Option<Url>,
    /// Print help.
    // Clap would print several lines for each flag after `--help`; this fits a screen.
    #[arg(short, long, global = true, action = clap::ArgAction::HelpShort)]
    help: Option<bool>,
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
    #[command(after_help = "Example: fortilake crawl --sink parquet:out --wait")]
    Crawl(CrawlArgs),
    /// Estimate how many calls a crawl needs and how long it takes within the limits.
    #[command(after_help = "Example: fortilake plan --discover")]
    Plan(PlanArgs),
    /// Sign in to each service, probe the sinks, and report what works.
    #[command(after_help = "Example: fortilake check --source acme")]
    Check(CheckArgs),
    /// List, show, verify or remove stored crawls.
    #[command(after_help = "Example: fortilake crawls show 20260901T060000Z-5f2a")]
    Crawls(CrawlsArgs),
    /// Publish a stored crawl to the sinks again, without making calls.
    #[command(after_help = "Example: fortilake replay latest --sink csv:sheets")]
    Replay(ReplayArgs),
    /// List, verify or prune published snapshots.
    #[command(after_help = "Example: fortilake snapshots verify latest")]
    Snapshots(SnapshotsArgs),
    /// Show what changed between two published snapshots.
    #[cfg(feature = "history")]
    #[command(
        after_help = "Example: fortilake changes --table products --format csv --output changes.csv"
    )]
    Changes(ChangesArgs),
    /// List device coverage that is about to end, has lapsed or was renewed.
    #[cfg(feature = "history")]
    #[command(after_help = "Example: fortilake renewals --within 90d --by company")]
    Renewals(RenewalsArgs),
    /// Show the history of one device across all published snapshots.
    #[cfg(feature = "history")]
    #[command(after_help = "Example: fortilake history FGT60FTK20001234")]
    History(HistoryArgs),
    /// Write a report as one HTML file: coverage, fleet, renewals, changes and data quality.
    #[cfg(feature = "history")]
    #[command(after_help = "Example: fortilake report --output report.html")]
    Report(ReportArgs),
    /// Call any API endpoint.
    // `call` describes the endpoint that follows it, so it handles `--help` itself.
    #[command(
        disable_help_flag = true,
        after_help = "Example: fortilake call products/list accountId=710112 serialNumber=%"
    )]
    Call(CallArgs),
    /// Register products; show or change registered products.
    #[command(
        subcommand,
        after_help = "Example: fortilake product register --file units.csv --account 710112"
    )]
    Product(ProductAction),
    /// Redeem, download and list licenses.
    #[command(
        subcommand,
        after_help = "Example: fortilake license list --account 710112"
    )]
    License(LicenseAction),
    /// List contracts.
    #[command(
        subcommand,
        after_help = "Example: fortilake contract list --account 710112"
    )]
    Contract(ContractAction),
    /// List, create and delete product folders.
    #[command(
        subcommand,
        after_help = "Example: fortilake folder list --account 710112"
    )]
    Folder(FolderAction),
    /// Register subscriptions.
    #[command(
        subcommand,
        after_help = "Example: fortilake service register 1234AB567890 --account 710112"
    )]
    Service(ServiceAction),
    /// List, create, change and delete organizational units.
    #[command(subcommand, after_help = "Example: fortilake ou list")]
    Ou(OuAction),
    /// List, create and move accounts.
    #[command(
        subcommand,
        after_help = "Example: fortilake account list --ou 2100014"
    )]
    Account(AccountAction),
    /// List all accounts of the organization.
    #[command(after_help = "Example: fortilake accounts --format json")]
    Accounts(ReadArgs),
    /// Sign in to or out of a FortiPortal.
    #[command(subcommand, after_help = "Example: fortilake portal status")]
    Portal(PortalAction),
    /// Show and activate FortiToken Mobile licenses on a FortiAuthenticator.
    #[command(subcommand, after_help = "Example: fortilake ftm status")]
    Ftm(FtmAction),
    /// List the sinks in this build, or describe one.
    #[command(after_help = "Example: fortilake sinks csv")]
    Sinks(SinksArgs),
    /// List the tables, or describe one.
    #[command(after_help = "Example: fortilake tables products")]
    Tables(TablesArgs),
    /// Turn saved API responses into tables, without a crawl.
    #[command(after_help = "Example: fortilake decode products/list page.json --sink csv:out")]
    Decode(DecodeArgs),
    /// Serve a simulator of the APIs on a port.
    #[command(after_help = "Example: fortilake simulate --listen 127.0.0.1:8080")]
    Simulate(SimulateArgs),
    /// Write, check or show the configuration.
    #[command(subcommand, after_help = "Example: fortilake config init")]
    Config(ConfigAction),
    /// Print a shell completion script.
    #[command(after_help = "Example: fortilake completions bash")]
    Completions(CompletionsArgs),
    /// Print a manual page; to read it, pipe it into `man -l -`.
    #[command(after_help = "Example: fortilake man crawl")]
    Man(ManArgs),
}

/// Where everything is stored that outlives a run.
#[derive(Debug, Args)]
pub(crate) struct StateArgs {
    /// Folder or `postgres://` URL for the journal, the ledger and tokens; defaults to
    /// `$FORTILAKE_STATE`, or else to `fortilake` in your state folder (`$XDG_STATE_HOME` or
    /// `~/.local/state`).
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
    /// Check this sink, such as `parquet:out`, instead of the configured ones; may be repeated.
    #[arg(long, value_name = "SINK")]
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
    #[command(after_help = "Example: fortilake crawls list --json")]
    List,
    /// Show one crawl.
    #[command(after_help = "Example: fortilake crawls show latest")]
    Show {
        /// Crawl id, as `fortilake crawls` lists it, or `latest`.
        id: String,
    },
    /// Check everything in the state file against its checksums.
    #[command(after_help = "Example: fortilake crawls verify")]
    Verify,
    /// Remove one crawl and its journal; its published snapshots stay.
    #[command(after_help = "Example: fortilake crawls remove 20260901T060000Z-5f2a")]
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
    /// Publish to this sink, such as `parquet:out`, instead of the configured ones; may be repeated.
    #[arg(long, value_name = "SINK")]
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
    #[command(after_help = "Example: fortilake snapshots list --place out")]
    List {
        /// Print a JSON list of objects.
        #[arg(long)]
        json: bool,
    },
    /// Compare published files with the digests in their manifests.
    #[command(after_help = "Example: fortilake snapshots verify latest")]
    Verify {
        /// Snapshot name, or `latest`; without it, all snapshots are verified.
        name: Option<String>,
    },
    /// Delete the snapshots that neither `--last` nor `--days` keeps.
    ///
    /// The newest snapshot and the newest complete one always stay. Also frees the names that crawls
    /// reserved more than 30 days ago but never published.
    #[command(after_help = "Example: fortilake snapshots prune --last 30 --days 90 --dry-run")]
    Prune {
        /// Keep this many of the newest snapshots.
        #[arg(long, value_name = "N", required_unless_present = "days",
              value_parser = clap::value_parser!(u32).range(1..))]
        last: Option<u32>,
        /// Keep the snapshots that are at most this many days older than the newest.
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
    /// Sink to write the tables to, such as `csv:out`; may be repeated.
    #[arg(long, required = true, value_name = "SINK")]
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
    /// Let this many days pass first, whatever number the scenario file has.
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

impl Command {
    /// The name of the command's span, if the command calls an API or publishes.
    pub(crate) fn span_name(&self) -> Option<&'static str> {
        Some(match self {
            Self::Crawl(_) => "crawl",
            Self::Plan(_) => "plan",
            Self::Check(_) => "check",
            Self::Replay(_) => "replay",
            Self::Call(_) => "call",
            Self::Product(_) => "product",
            Self::License(_) => "license",
            Self::Contract(_) => "contract",
            Self::Folder(_) => "folder",
            Self::Service(_) => "service",
            Self::Ou(_) => "ou",
            Self::Account(_) => "account",
            Self::Accounts(_) => "accounts",
            Self::Portal(_) => "portal",
            Self::Ftm(_) => "ftm",
            _ => return None,
        })
    }
}

/// Reads the address of a collector.
pub(crate) fn collector(text: &str) -> Result<Url, String> {
    let url = text.parse::<Url>().ok();
    url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| "expected a URL such as http://127.0.0.1:4318".to_owned())
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
