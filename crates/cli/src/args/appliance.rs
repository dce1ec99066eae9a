//! Arguments of `portal` and `ftm`.

use std::path::PathBuf;

use clap::Subcommand;

use super::{ReadArgs, TargetArgs, UncheckedArgs, WriteArgs};

/// What to do with the access token of a FortiPortal.
#[derive(Debug, Subcommand)]
pub(crate) enum PortalAction {
    /// Sign in and store the token for later runs.
    Login {
        #[command(flatten)]
        target: TargetArgs,
    },
    /// Sign out, which revokes the stored token.
    Logout {
        #[command(flatten)]
        target: TargetArgs,
    },
    /// Show whether a token is stored, without making calls.
    Status {
        #[command(flatten)]
        target: TargetArgs,
    },
}

/// What to do with the FortiToken Mobile licenses of a FortiAuthenticator.
#[derive(Debug, Subcommand)]
pub(crate) enum FtmAction {
    /// Show how many tokens the FortiAuthenticator has and how many are available.
    Status {
        #[command(flatten)]
        read: ReadArgs,
    },
    /// Activate a license; without `--license-env` or `--license-file`, you are prompted for it.
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
