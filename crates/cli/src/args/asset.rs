//! Arguments of `license`, `contract`, `folder` and `service`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{AccountArgs, CodeArgs, ReadArgs, TargetArgs, WriteArgs};

/// What to do with licenses.
#[derive(Debug, Subcommand)]
pub(crate) enum LicenseAction {
    /// Redeem a registration code, for a product or for a new virtual one.
    Register {
        #[command(flatten)]
        code: CodeArgs,
        #[command(flatten)]
        account: AccountArgs,
        /// Attach it to this product.
        #[arg(long, value_name = "SERIAL")]
        serial: Option<String>,
        #[command(flatten)]
        about: AboutArgs,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Save the license file of a product; nobody else can read it then.
    Download {
        /// The product's serial number.
        serial: String,
        /// The file.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Write over a file that is there.
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        target: TargetArgs,
    },
    /// List the licenses of an account.
    List {
        #[command(flatten)]
        account: AccountArgs,
        /// Of this number only.
        #[arg(long, value_name = "NUMBER")]
        number: Option<String>,
        /// Of this SKU only.
        #[arg(long, value_name = "SKU")]
        sku: Option<String>,
        /// In this status only.
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
    List {
        #[command(flatten)]
        account: AccountArgs,
        /// Of this number only.
        #[arg(long, value_name = "NUMBER")]
        number: Option<String>,
        /// Of this SKU only.
        #[arg(long, value_name = "SKU")]
        sku: Option<String>,
        /// In this status only.
        #[arg(long, value_enum)]
        status: Option<Status>,
        #[command(flatten)]
        read: ReadArgs,
    },
}

/// What to do with folders of products.
#[derive(Debug, Subcommand)]
pub(crate) enum FolderAction {
    /// List the folders of an account.
    List {
        #[command(flatten)]
        account: AccountArgs,
        #[command(flatten)]
        read: ReadArgs,
    },
    /// Make a folder.
    Create {
        /// Its name.
        name: String,
        /// The folder to make it in, if not at the top.
        #[arg(long, value_name = "ID")]
        parent: Option<i64>,
        #[command(flatten)]
        account: AccountArgs,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Delete a folder that is empty.
    Delete {
        /// Its id.
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
    /// Register a subscription contract, which makes a serial number.
    Register {
        /// The contract's number.
        contract: String,
        #[command(flatten)]
        account: AccountArgs,
        #[command(flatten)]
        about: AboutArgs,
        #[command(flatten)]
        write: WriteArgs,
    },
}

/// What is said of something that is registered.
#[derive(Debug, Args)]
pub(crate) struct AboutArgs {
    /// A description.
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    /// What some products ask for, such as a system id or an IP address.
    #[arg(long, value_name = "TEXT")]
    pub(crate) additional_info: Option<String>,
    /// It is for government use.
    #[arg(long)]
    pub(crate) government: bool,
}

impl AboutArgs {
    /// As the API wants to hear it.
    pub(crate) fn is_government(&self) -> Option<bool> {
        self.government.then_some(true)
    }
}

/// The status of a license or a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Status {
    /// In use.
    Registered,
    /// Not registered yet.
    Pending,
}
