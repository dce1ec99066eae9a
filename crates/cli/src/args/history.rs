//! Arguments of the commands that read published snapshots.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::civil::Date;

/// Which published place to read.
#[derive(Debug, Args)]
pub(crate) struct PlaceArgs {
    /// Folder or URL that snapshots are published to, such as `s3://BUCKET/PREFIX`; defaults to that of
    /// the first Parquet sink in the configuration, or else to `out`.
    #[arg(long, value_name = "PLACE")]
    pub(crate) place: Option<PathBuf>,
    /// Configuration file; without it, `fortilake.toml` if it exists.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Arguments of `changes`.
#[derive(Debug, Args)]
pub(crate) struct ChangesArgs {
    /// Older snapshot; defaults to the newest complete one before `--to`.
    #[arg(long, value_name = "SNAPSHOT")]
    pub(crate) from: Option<String>,
    /// Newer snapshot, or `latest`; defaults to the newest complete one.
    #[arg(long, value_name = "SNAPSHOT")]
    pub(crate) to: Option<String>,
    /// Compare only this table.
    #[arg(long, value_name = "TABLE")]
    pub(crate) table: Option<String>,
    /// Output format; `csv` and `parquet` need `--table`, and `parquet` needs `--output`.
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: ChangesFormat,
    /// Write to this file instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

/// Output formats of `changes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ChangesFormat {
    /// Human-readable lines.
    Table,
    /// A JSON list of objects.
    Json,
    /// One JSON object per line.
    Ndjson,
    /// CSV with a header.
    Csv,
    /// A Parquet file.
    Parquet,
}

/// Which snapshot to read, and as of which day.
#[derive(Debug, Args)]
pub(crate) struct SnapshotArgs {
    /// Snapshot to read, or `latest`; defaults to the newest complete one.
    #[arg(long, value_name = "SNAPSHOT")]
    pub(crate) snapshot: Option<String>,
    /// Date to count days from, such as 2026-09-01; defaults to the day of the snapshot.
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub(crate) as_of: Option<Date>,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

/// Arguments of `renewals`.
#[derive(Debug, Args)]
pub(crate) struct RenewalsArgs {
    /// List coverage that ends within this many days before or after `--as-of`, such as 90d.
    #[arg(long, value_name = "DAYS", default_value = "90d", value_parser = days)]
    pub(crate) within: u32,
    /// Count devices and coverage by account, company or month, instead of listing them.
    #[arg(long, value_enum)]
    pub(crate) by: Option<By>,
    /// Output format.
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: RowsFormat,
    /// Write to this file instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) snapshot: SnapshotArgs,
}

/// How renewals are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// By account.
    Account,
    /// By the company of the account.
    Company,
    /// By the month in which the coverage ends.
    Month,
}

/// Output formats for rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RowsFormat {
    /// Human-readable lines.
    Table,
    /// A JSON list of objects.
    Json,
    /// One JSON object per line.
    Ndjson,
    /// CSV with a header.
    Csv,
}

/// Arguments of `history`.
#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    /// Serial number of the device.
    pub(crate) serial: String,
    /// Output format.
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: HistoryFormat,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

/// Output formats of `history`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum HistoryFormat {
    /// Human-readable lines.
    Table,
    /// A JSON list of objects, as `changes` writes them.
    Json,
    /// One JSON object per line.
    Ndjson,
}

/// Arguments of `report`.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// HTML file to write; `-` for standard output.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) snapshot: SnapshotArgs,
}

fn date(text: &str) -> Result<Date, String> {
    text.parse()
        .map_err(|_| "expected a date such as 2026-09-01".to_owned())
}

fn days(text: &str) -> Result<u32, String> {
    let number = text.strip_suffix('d').unwrap_or(text);
    let days = number.parse().ok().filter(|days| *days <= MAX_DAYS);
    days.ok_or_else(|| format!("expected a number of days from 0d to {MAX_DAYS}d, such as 90d"))
}

/// A hundred years. No contract is longer.
const MAX_DAYS: u32 = 36_525;
