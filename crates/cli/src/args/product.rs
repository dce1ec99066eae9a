//! Arguments of `product`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{AccountArgs, ReadArgs, TargetArgs, WriteArgs};

/// What to do with products.
#[derive(Debug, Subcommand)]
pub(crate) enum ProductAction {
    /// Register one unit, or those of a file; a run that was cut short goes on where it stopped.
    Register(Box<RegisterArgs>),
    /// Give a product a description.
    Describe {
        /// The product's serial number.
        serial: String,
        /// The description; an empty one takes it away.
        description: String,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Say where a product stands.
    Locate {
        /// The product's serial number.
        serial: String,
        /// Take away what is known of it.
        #[arg(long, required_unless_present = "country", conflicts_with = "location")]
        clear: bool,
        #[command(flatten)]
        location: LocationArgs,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Move products to a folder.
    Move {
        /// The products' serial numbers.
        #[arg(required = true, value_name = "SERIAL")]
        serials: Vec<String>,
        /// The folder.
        #[arg(long, value_name = "ID", required_unless_present = "root")]
        folder: Option<i64>,
        /// Out of all folders, to the top.
        #[arg(long, conflicts_with = "folder")]
        root: bool,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Take products out of service, for good.
    Decommission {
        /// The products' serial numbers.
        #[arg(required = true, value_name = "SERIAL")]
        serials: Vec<String>,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Give products to another account of the same organization.
    Transfer {
        /// The products' serial numbers.
        #[arg(required = true, value_name = "SERIAL")]
        serials: Vec<String>,
        /// The account that has them.
        #[arg(long, value_name = "ACCOUNT")]
        from: i64,
        /// The account that gets them.
        #[arg(long, value_name = "ACCOUNT")]
        to: i64,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Tell all about one product.
    Details {
        /// The product's serial number.
        serial: String,
        #[command(flatten)]
        read: ReadArgs,
    },
}

/// Arguments of `product register`.
#[derive(Debug, Args)]
pub(crate) struct RegisterArgs {
    /// The unit's serial number.
    #[arg(required_unless_present = "file")]
    pub(crate) serial: Option<String>,
    /// Register the units of this file: .csv, .json or .toml, with the API's names, such as
    /// serialNumber, contractNumber, description, folderId, cloudKey, city or countryCode.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["serial", "unit", "location"])]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) account: AccountArgs,
    #[command(flatten)]
    pub(crate) unit: UnitArgs,
    #[command(flatten)]
    pub(crate) location: LocationArgs,
    /// Send so many units in one call; with more than 5 the API may meet more errors than it takes.
    #[arg(long, value_name = "N", default_value = "5", value_parser = clap::value_parser!(u8).range(1..=10))]
    pub(crate) batch: u8,
    /// Forget what earlier runs have registered of these units.
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Do it without asking.
    #[arg(long)]
    pub(crate) yes: bool,
    /// As what the row for each unit is printed.
    #[arg(long, value_enum, default_value = "csv")]
    pub(crate) format: RowFormat,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// As what the results of a registration are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RowFormat {
    /// CSV with a header.
    Csv,
    /// A list of objects.
    Json,
}

/// What else is said of a unit.
#[derive(Debug, Args)]
#[group(id = "unit", multiple = true)]
pub(crate) struct UnitArgs {
    /// The contract to attach.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) contract: Option<String>,
    /// A description.
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    /// The folder to put it into.
    #[arg(long, value_name = "ID")]
    pub(crate) folder: Option<i64>,
    /// An asset group to put it into; may be repeated.
    #[arg(long, value_name = "ID")]
    pub(crate) group: Vec<i64>,
    /// The serial number of the returned unit that this one replaces.
    #[arg(long, value_name = "SERIAL")]
    pub(crate) replaces: Option<String>,
    /// What some products ask for, such as a system id or an IP address.
    #[arg(long, value_name = "TEXT")]
    pub(crate) additional_info: Option<String>,
    /// It is for government use.
    #[arg(long)]
    pub(crate) government: bool,
    /// Take the unit's FortiCloud key from this variable.
    #[arg(long, value_name = "NAME", conflicts_with = "cloud_key_file")]
    pub(crate) cloud_key_env: Option<String>,
    /// Take the unit's FortiCloud key from this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) cloud_key_file: Option<PathBuf>,
}

/// An address.
#[derive(Debug, Args)]
#[group(id = "location", multiple = true)]
pub(crate) struct LocationArgs {
    /// The country in two capitals, such as DE.
    #[arg(long, value_name = "CODE")]
    pub(crate) country: Option<String>,
    /// The state; in two capitals for US, CA, IN, BR and UA.
    #[arg(long, value_name = "STATE", requires = "country")]
    pub(crate) state_or_province: Option<String>,
    /// The city.
    #[arg(long, value_name = "CITY", requires = "country")]
    pub(crate) city: Option<String>,
    /// The postal code.
    #[arg(long, value_name = "CODE", requires = "country")]
    pub(crate) postal_code: Option<String>,
    /// Street and number.
    #[arg(long, value_name = "TEXT", requires = "country")]
    pub(crate) address: Option<String>,
    /// The company.
    #[arg(long, value_name = "NAME", requires = "country")]
    pub(crate) company: Option<String>,
    /// An e-mail address.
    #[arg(long, value_name = "ADDRESS", requires = "country")]
    pub(crate) email: Option<String>,
    /// A phone number, as `+CC number`.
    #[arg(long, value_name = "NUMBER", requires = "country")]
    pub(crate) phone: Option<String>,
    /// A fax number, as `+CC number`.
    #[arg(long, value_name = "NUMBER", requires = "country")]
    pub(crate) fax: Option<String>,
}
