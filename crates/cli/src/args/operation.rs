//! Arguments that all operations share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{SourceArgs, StateArgs};

/// Arguments of an operation that reads.
#[derive(Debug, Args)]
pub(crate) struct ReadArgs {
    /// As what.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// Arguments of an operation that changes something.
#[derive(Debug, Args)]
pub(crate) struct WriteArgs {
    /// Do it without asking.
    #[arg(long)]
    pub(crate) yes: bool,
    /// As what the result is told, where there is one.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// Who is called, and as whom.
#[derive(Debug, Args)]
pub(crate) struct TargetArgs {
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
}

/// As what rows are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// The account that is meant.
#[derive(Debug, Args)]
pub(crate) struct AccountArgs {
    /// The account; a user of an organization has to name it.
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(i64).range(1..))]
    pub(crate) account: Option<i64>,
}

/// Where the code of a license is kept; without either it is asked for.
#[derive(Debug, Args)]
pub(crate) struct CodeArgs {
    /// Take the code from this variable.
    #[arg(long, value_name = "NAME", conflicts_with = "code_file")]
    pub(crate) code_env: Option<String>,
    /// Take the code from this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) code_file: Option<PathBuf>,
}
