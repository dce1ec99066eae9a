//! Arguments of `portal` and `ftm`.

use std::path::PathBuf;

use clap::Subcommand;

use super::{ReadArgs, TargetArgs, UncheckedArgs, WriteArgs};

/// What to do with the access token of a FortiPortal.
#[derive(Debug, Subcommand)]
pub(crate) enum PortalAction {
    /// Sign in and store the token for later runs.
    #[command(after_help = "Example: fortilake portal login --source portal")]
    Login {
        #[command(flatten)]
        target: TargetArgs,
    },
    /// Sign out, which revokes the stored token.
    #[command(after_help = "Example: fortilake portal logout --source portal")]
    Logout {
        #[command(flatten)]
        target: TargetArgs,
    },
    /// Show whether a token is stored, without making calls.
    #[command(after_help = "Example: fortilake portal status --source portal")]
    Status {
        #[command(flatten)]
        target: TargetArgs,
    },
}

/// What to do with the FortiToken Mobile licenses of a FortiAuthenticator.
#[derive(Debug, Subcommand)]
pub(crate) enum FtmAction {
    /// Show how many tokens the FortiAuthenticator has and how many are available.
    #[command(after_help = "Example: fortilake ftm status --source auth")]
    Status {
        #[command(flatten)]
        read: ReadArgs,
    },
    /// Activate a license; without `--license-env` or `--license-file`, you are prompted for it.
    #[command(
        after_help = "Example: fortilake ftm activate --license-file license.txt --source auth"
    )]
    Activate {
        /// Read the license from this environment variable.
        #[arg(long, value_name = "NAME", conflicts_with = "license_file")]
        license_env: Option<String>,
        /// Read the license from this file.
        #[arg(long, value_name = "FILE")]
        license_file: Option<PathBuf>,
        #[command(flatten)]
        check: UncheckedArgs,
        #[command(flatten)]
        write: WriteArgs,
    },
}
