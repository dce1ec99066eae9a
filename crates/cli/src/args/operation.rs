//! Arguments that all operations share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{SourceArgs, StateArgs};

/// Arguments of an operation that reads.
#[derive(Debug, Args)]
pub(crate) struct ReadArgs {
    /// Output format.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// Arguments of an operation that changes something.
#[derive(Debug, Args)]
pub(crate) struct WriteArgs {
    /// Do not ask for confirmation.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Output format of the result, if the API returns one.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// Whether fortilake checks arguments before it sends them.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct UncheckedArgs {
    /// Skip fortilake's checks; a refusal counts toward the error limit.
    #[arg(long)]
    pub(crate) unchecked: bool,
}

/// Which system an operation calls, and where its state is.
#[derive(Debug, Args)]
pub(crate) struct TargetArgs {
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
}

/// Output formats for rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Human-readable text.
    Text,
    /// JSON.
    Json,
}

/// The account that an operation works on.
#[derive(Debug, Args)]
pub(crate) struct AccountArgs {
    /// Account id; required if the API user belongs to an organization.
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(i64).range(1..))]
    pub(crate) account: Option<i64>,
}

/// Where to read a registration code from; without either option, the user is prompted.
#[derive(Debug, Args)]
pub(crate) struct CodeArgs {
    /// Read the registration code from this environment variable.
    #[arg(long, value_name = "NAME", conflicts_with = "code_file")]
    pub(crate) code_env: Option<String>,
    /// Read the registration code from this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) code_file: Option<PathBuf>,
}
