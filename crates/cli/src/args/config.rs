//! Arguments of `config`, `completions` and `man`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::StateArgs;

/// Arguments of `config`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigAction {
    /// Write a configuration file for one source and one sink. It contains no secret.
    ///
    /// Without flags, it asks for what it needs if it runs on a terminal.
    #[command(after_help = "Example: fortilake config init --name acme --sink parquet:out")]
    Init(ConfigInitArgs),
    /// Check a configuration file, without secrets and without a connection.
    #[command(after_help = "Example: fortilake config check fortilake.toml")]
    Check {
        /// File to check.
        #[arg(default_value = "fortilake.toml")]
        file: PathBuf,
    },
    /// Print every value that a crawl would use, and where it comes from.
    ///
    /// For a secret, it prints only where it is stored.
    #[command(after_help = "Example: fortilake config show --json")]
    Show(ConfigShowArgs),
    /// Print the JSON Schema of the configuration file, for editors.
    #[command(after_help = "Example: fortilake config schema")]
    Schema,
}

/// Arguments of `config show`.
#[derive(Debug, Args)]
pub(crate) struct ConfigShowArgs {
    /// Configuration file; without it, `fortilake.toml` if it exists, otherwise the environment.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Show this sink, such as `parquet:out`, instead of the configured ones; may be repeated.
    #[arg(long, value_name = "SINK")]
    pub(crate) sink: Vec<String>,
    /// Print a JSON list of objects instead of TOML.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) state: StateArgs,
}

/// Arguments of `config init`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ConfigInitArgs {
    /// File to write.
    #[arg(default_value = "fortilake.toml")]
    pub(crate) file: PathBuf,
    /// System to read: `forticloud`, `fortiportal` or `fortiauthenticator`; by default `forticloud`.
    #[arg(long = "type", value_name = "SYSTEM")]
    pub(crate) system: Option<String>,
    /// Name of the source, which every row has in `_source`; by default `main`.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Credentials file of an API user, as downloaded from FortiCloud. The id of the user is taken from
    /// it, but not the password.
    #[arg(long, value_name = "FILE")]
    pub(crate) credentials: Option<PathBuf>,
    /// Address of the system; required for systems that you host yourself.
    #[arg(long, value_name = "URL")]
    pub(crate) api_url: Option<String>,
    /// More tables to read, such as `folders`; may be repeated.
    #[arg(long, value_name = "TABLE")]
    pub(crate) include: Vec<String>,
    /// Sink to publish to; by default `parquet:out`.
    #[arg(long, value_name = "SINK")]
    pub(crate) sink: Option<String>,
    /// Replace the file if it exists.
    #[arg(long)]
    pub(crate) force: bool,
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// Shell to write completions for.
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

/// Arguments of `man`.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Command to describe, such as `crawl` or `crawls show`; without it, `fortilake` itself.
    pub(crate) command: Vec<String>,
}
