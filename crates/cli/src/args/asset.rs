//! Arguments of `license`, `contract`, `folder` and `service`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{AccountArgs, CodeArgs, ReadArgs, TargetArgs, UncheckedArgs, WriteArgs};

/// What to do with licenses.
#[derive(Debug, Subcommand)]
pub(crate) enum LicenseAction {
    /// Redeem a registration code, for a registered product or for a new virtual product.
    #[command(
        after_help = "Example: fortilake license register --serial FGVM010000012345 --code-file code.txt"
    )]
    Register {
        #[command(flatten)]
        code: CodeArgs,
        #[command(flatten)]
        account: AccountArgs,
        /// Attach the license to the product with this serial number.
        #[arg(long, value_name = "SERIAL")]
        serial: Option<String>,
        #[command(flatten)]
        about: AboutArgs,
        #[command(flatten)]
        check: UncheckedArgs,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Save the license file of a product, readable only by its owner.
    #[command(
        after_help = "Example: fortilake license download FGVM010000012345 --output license.lic"
    )]
    Download {
        /// Serial number of the product.
        serial: String,
        /// File to save the license to.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Overwrite the file if it exists.
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        target: TargetArgs,
    },
    /// List the licenses of an account.
    #[command(after_help = "Example: fortilake license list --account 710112 --status pending")]
    List {
        #[command(flatten)]
        account: AccountArgs,
        /// List only the license with this number.
        #[arg(long, value_name = "NUMBER")]
        number: Option<String>,
        /// List only licenses with this SKU.
        #[arg(long, value_name = "SKU")]
        sku: Option<String>,
        /// List only licenses in this status.
        #[arg(long, value_enum)]
        status: Option<Status>,
        #[command(flatten)]
        read: ReadArgs,
    },
}

/// What to do with contracts.
#[derive(Debug, Subcommand)]
pub(crate) enum ContractAction {
    /// List the contracts of an account.
    #[command(after_help = "Example: fortilake contract list --account 710112")]
    List {
        #[command(flatten)]
        account: AccountArgs,
        /// List only the contract with this number.
        #[arg(long, value_name = "NUMBER")]
        number: Option<String>,
        /// List only contracts with this SKU.
        #[arg(long, value_name = "SKU")]
        sku: Option<String>,
        /// List only contracts in this status.
        #[arg(long, value_enum)]
        status: Option<Status>,
        #[command(flatten)]
        read: ReadArgs,
    },
}

/// What to do with product folders.
#[derive(Debug, Subcommand)]
pub(crate) enum FolderAction {
    /// List the folders of an account.
    #[command(after_help = "Example: fortilake folder list --account 710112")]
    List {
        #[command(flatten)]
        account: AccountArgs,
        #[command(flatten)]
        read: ReadArgs,
    },
    /// Create a folder.
    #[command(after_help = "Example: fortilake folder create Berlin --account 710112")]
    Create {
        /// Name of the new folder.
        name: String,
        /// Parent folder; without it, the folder is created at the top level.
        #[arg(long, value_name = "ID")]
        parent: Option<i64>,
        #[command(flatten)]
        account: AccountArgs,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Delete an empty folder.
    #[command(after_help = "Example: fortilake folder delete 42 --account 710112")]
    Delete {
        /// Id of the folder.
        id: i64,
        #[command(flatten)]
        account: AccountArgs,
        #[command(flatten)]
        write: WriteArgs,
    },
}

/// What to do with services.
#[derive(Debug, Subcommand)]
pub(crate) enum ServiceAction {
    /// Register a subscription contract, which creates a product with a new serial number.
    #[command(after_help = "Example: fortilake service register 1234AB567890 --account 710112")]
    Register {
        /// Contract number.
        contract: String,
        #[command(flatten)]
        account: AccountArgs,
        #[command(flatten)]
        about: AboutArgs,
        #[command(flatten)]
        write: WriteArgs,
    },
}

/// Optional details of a product that is being registered.
#[derive(Debug, Args)]
pub(crate) struct AboutArgs {
    /// Description of the product.
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    /// System id, IP address or other data that some products require.
    #[arg(long, value_name = "TEXT")]
    pub(crate) additional_info: Option<String>,
    /// Mark the product as used by a government.
    #[arg(long)]
    pub(crate) government: bool,
}

impl AboutArgs {
    /// The value to send: `true`, or no member at all rather than `false`.
    pub(crate) fn is_government(&self) -> Option<bool> {
        self.government.then_some(true)
    }
}

/// The status of a license or a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Status {
    /// Registered to an account.
    Registered,
    /// Not registered yet.
    Pending,
}
