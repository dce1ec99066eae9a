//! Arguments of `portal` and `ftm`.

use std::path::PathBuf;

use clap::Subcommand;

use super::{ReadArgs, TargetArgs, WriteArgs};

/// What to do with the token of a FortiPortal.
#[derive(Debug, Subcommand)]
pub(crate) enum PortalAction {
    /// Sign in, and keep the token for the runs to come.
    Login {
        #[command(flatten)]
        target: TargetArgs,
    },
    /// Give the token back.
    Logout {
        #[command(flatten)]
        target: TargetArgs,
    },
    /// Say whether a token is kept, without a call.
    Status {
        #[command(flatten)]
        target: TargetArgs,
    },
}

/// What to do with the licenses for mobile tokens of a FortiAuthenticator.
#[derive(Debug, Subcommand)]
pub(crate) enum FtmAction {
    /// Tell how many tokens there are, and how many are free.
    Status {
        #[command(flatten)]
        read: ReadArgs,
    },
    /// Activate a license; without either option it is asked for.
    Activate {
        /// Take the license from this variable.
        #[arg(long, value_name = "NAME", conflicts_with = "license_file")]
        license_env: Option<String>,
        /// Take the license from this file.
        #[arg(long, value_name = "FILE")]
        license_file: Option<PathBuf>,
        #[command(flatten)]
        write: WriteArgs,
    },
}
