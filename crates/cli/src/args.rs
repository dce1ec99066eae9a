//! The command line, parsed into plain data.

mod appliance;
mod asset;
mod call;
mod operation;
mod organization;
mod product;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use self::{
    appliance::{FtmAction, PortalAction},
    asset::{AboutArgs, ContractAction, FolderAction, LicenseAction, ServiceAction, Status},
    call::CallArgs,
    operation::{AccountArgs, CodeArgs, Format, ReadArgs, TargetArgs, WriteArgs},
    organization::{AccountAction, AccountCreateArgs, OuAction},
    product::{LocationArgs, ProductAction, RegisterArgs, RowFormat},
};

/// Crawls the Fortinet cloud asset inventory and publishes it as tables.
#[derive(Debug, Parser)]
#[command(name = "fortilake", version, max_term_width = 100)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// How log lines look.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "text",
        value_name = "FORMAT"
    )]
    pub(crate) log_format: LogFormat,
    /// Log to standard error: -v phases and warnings, -vv calls, -vvv everything but bodies.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Read the sources and publish a snapshot to the sinks.
    Crawl(CrawlArgs),
    /// Tell how many calls a crawl takes, and how long that is within the limits.
    Plan(PlanArgs),
    /// Sign in to each service and make one call, and say what works.
    Check(CheckArgs),
    /// List the crawls that are kept, show or remove one.
    Crawls(CrawlsArgs),
    /// Send a crawl that is kept to sinks once more, without a call.
    Replay(ReplayArgs),
    /// Call any endpoint of the APIs.
    #[command(disable_help_flag = true)]
    Call(CallArgs),
    /// Register products, and change or show what is registered.
    #[command(subcommand)]
    Product(ProductAction),
    /// Redeem, download and list licenses.
    #[command(subcommand)]
    License(LicenseAction),
    /// List contracts.
    #[command(subcommand)]
    Contract(ContractAction),
    /// List, make and delete folders of products.
    #[command(subcommand)]
    Folder(FolderAction),
    /// Register subscriptions.
    #[command(subcommand)]
    Service(ServiceAction),
    /// List, make, change and delete organizational units.
    #[command(subcommand)]
    Ou(OuAction),
    /// List, make and move accounts.
    #[command(subcommand)]
    Account(AccountAction),
    /// Sign in to a FortiPortal and out again.
    #[command(subcommand)]
    Portal(PortalAction),
    /// Show and activate the licenses for mobile tokens of a FortiAuthenticator.
    #[command(subcommand)]
    Ftm(FtmAction),
    /// List the sinks of this build, or describe one.
    Sinks(SinksArgs),
    /// List the tables, or describe one.
    Tables(TablesArgs),
    /// Turn saved answers into tables, without a crawl.
    Decode(DecodeArgs),
    /// Serve a faithful fake of the APIs on a port.
    Simulate(SimulateArgs),
}

/// Arguments of `crawl`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(crate) struct CrawlArgs {
    /// The configuration file; without it `fortilake.toml` if there is one, else the environment.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Crawl this source of the configuration only; may be repeated.
    #[arg(long, value_name = "NAME", conflicts_with = "simulate")]
    pub(crate) source: Vec<String>,
    /// Publish to this sink instead of the configured ones; may be repeated.
    #[arg(long, value_name = "NAME:TARGET?option=value")]
    pub(crate) sink: Vec<String>,
    /// Crawl the embedded simulator's organization.
    #[arg(long, conflicts_with = "config")]
    pub(crate) simulate: bool,
    /// Read this account only; may be repeated.
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(i64).range(1..))]
    pub(crate) account: Vec<i64>,
    /// Begin anew, even if an unfinished crawl could be resumed.
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Publish nothing if any scope failed.
    #[arg(long)]
    pub(crate) require_complete: bool,
    /// Publish even if a table lost more rows than `max_shrink` allows.
    #[arg(long)]
    pub(crate) accept_shrink: bool,
    /// Pause after this many requests.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) max_calls: Option<u64>,
    /// Pause after this long, such as 45m or 2h.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) deadline: Option<Duration>,
    /// Wait in place where the API allows nothing for long, instead of pausing with exit code 75.
    #[arg(long)]
    pub(crate) wait: bool,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    /// Write the summary of the run to this file as JSON, too.
    #[arg(long, value_name = "FILE")]
    pub(crate) summary: Option<PathBuf>,
}

/// Where what outlasts a run is kept.
#[derive(Debug, Args)]
pub(crate) struct StateArgs {
    /// The folder with journal, ledger and tokens; by default `$FORTILAKE_STATE`, else the
    /// system's folder for such things.
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
}

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
    /// Ask for units and accounts, and reckon from them instead of from the last crawl.
    #[arg(long)]
    pub(crate) discover: bool,
    #[command(flatten)]
    pub(crate) state: StateArgs,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
}

/// Which sources a command is about.
#[derive(Debug, Args)]
pub(crate) struct SourceArgs {
    /// The configuration file; without it `fortilake.toml` if there is one, else the environment.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// This source of the configuration only; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Vec<String>,
}

/// Arguments of `crawls`.
#[derive(Debug, Args)]
pub(crate) struct CrawlsArgs {
    /// What to do; without it, they are listed.
    #[command(subcommand)]
    pub(crate) action: Option<CrawlsAction>,
    #[command(flatten)]
    pub(crate) state: StateArgs,
}

/// What to do with crawls that are kept.
#[derive(Debug, Subcommand)]
pub(crate) enum CrawlsAction {
    /// List them, the newest first.
    List,
    /// Tell all about one.
    Show {
        /// The crawl's id.
        id: String,
    },
    /// Read everything that is kept, and compare it with its checksums.
    Verify,
    /// Remove one with its journal.
    Remove {
        /// The crawl's id.
        id: String,
    },
}

/// Arguments of `replay`.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// The crawl's id, as `fortilake crawls` lists it.
    #[arg(required_unless_present = "dead_letters")]
    pub(crate) id: Option<String>,
    /// Take it for the last complete snapshot, which the next crawl is compared with.
    #[arg(long)]
    pub(crate) accept_shrink: bool,
    /// Send again what the sinks could not deliver, and nothing else.
    #[arg(long, conflicts_with = "id")]
    pub(crate) dead_letters: bool,
    /// Where to, instead of the configured sinks; may be repeated.
    #[arg(long, value_name = "NAME:TARGET?option=value")]
    pub(crate) sink: Vec<String>,
    /// The configuration file with the sinks; without it `fortilake.toml` if there is one.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) state: StateArgs,
}

/// Arguments of `sinks`.
#[derive(Debug, Args)]
pub(crate) struct SinksArgs {
    /// The sink to describe.
    pub(crate) name: Option<String>,
}

/// Arguments of `tables`.
#[derive(Debug, Args)]
pub(crate) struct TablesArgs {
    /// The table to describe.
    pub(crate) name: Option<String>,
    /// As what.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: TablesFormat,
}

/// As what tables are described.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TablesFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// `CREATE TABLE` statements in standard SQL.
    Sql,
}

/// Arguments of `decode`.
#[derive(Debug, Args)]
pub(crate) struct DecodeArgs {
    /// The endpoint that gave the answers, such as `products/list`.
    pub(crate) endpoint: String,
    /// The files, one answer each; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Where to; may be repeated.
    #[arg(long, required = true, value_name = "NAME:TARGET?option=value")]
    pub(crate) sink: Vec<String>,
    /// A number that the request had among its arguments, such as accountId=710112.
    #[arg(long, value_name = "NAME=NUMBER", value_parser = argument)]
    pub(crate) asked: Vec<(String, i64)>,
}

/// Arguments of `simulate`.
#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// The address; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDR")]
    pub(crate) listen: SocketAddr,
    /// What to serve, as a scenario file; without it the preset `production`.
    #[arg(long, value_name = "FILE")]
    pub(crate) scenario: Option<PathBuf>,
}

fn argument(text: &str) -> Result<(String, i64), String> {
    let (name, number) = text.split_once('=').ok_or("it has no `=`")?;
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
        .ok_or_else(|| "it is no duration such as 45m or 2h".to_owned())
}
