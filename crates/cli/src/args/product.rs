//! Arguments of `product`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{AccountArgs, ReadArgs, TargetArgs, UncheckedArgs, WriteArgs};

/// What to do with products.
#[derive(Debug, Subcommand)]
pub(crate) enum ProductAction {
    /// Register one unit or the units in a file; run it again to resume an interrupted run.
    #[command(after_help = "Example: fortilake product register --file units.csv --account 710112")]
    Register(Box<RegisterArgs>),
    /// Set the description of a product.
    #[command(
        after_help = "Example: fortilake product describe FGT60FTK20001234 \"Berlin, rack 4\""
    )]
    Describe {
        /// Serial number of the product.
        serial: String,
        /// New description; an empty text removes it.
        description: String,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Set the location of a product.
    #[command(
        after_help = "Example: fortilake product locate FGT60FTK20001234 --country DE --city Berlin"
    )]
    Locate {
        /// Serial number of the product.
        serial: String,
        /// Remove the location.
        #[arg(long, required_unless_present = "country", conflicts_with = "location")]
        clear: bool,
        #[command(flatten)]
        location: LocationArgs,
        #[command(flatten)]
        check: UncheckedArgs,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Move products to a folder.
    #[command(after_help = "Example: fortilake product move FGT60FTK20001234 --folder 42")]
    Move {
        /// Serial numbers of the products.
        #[arg(required = true, value_name = "SERIAL")]
        serials: Vec<String>,
        /// Folder to move them to.
        #[arg(long, value_name = "ID", required_unless_present = "root")]
        folder: Option<i64>,
        /// Move them to the top level, out of all folders.
        #[arg(long, conflicts_with = "folder")]
        root: bool,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Decommission products, which cannot be undone.
    #[command(after_help = "Example: fortilake product decommission FGT60FTK20001234")]
    Decommission {
        /// Serial numbers of the products.
        #[arg(required = true, value_name = "SERIAL")]
        serials: Vec<String>,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Transfer products to another account of the same organization.
    #[command(
        after_help = "Example: fortilake product transfer FGT60FTK20001234 --from 710112 --to 710113"
    )]
    Transfer {
        /// Serial numbers of the products.
        #[arg(required = true, value_name = "SERIAL")]
        serials: Vec<String>,
        /// Account that owns them now.
        #[arg(long, value_name = "ACCOUNT")]
        from: i64,
        /// Account to transfer them to.
        #[arg(long, value_name = "ACCOUNT")]
        to: i64,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Show all details of one product.
    #[command(after_help = "Example: fortilake product details FGT60FTK20001234")]
    Details {
        /// Serial number of the product.
        serial: String,
        #[command(flatten)]
        read: ReadArgs,
    },
}

/// Arguments of `product register`.
#[derive(Debug, Args)]
pub(crate) struct RegisterArgs {
    /// Serial number of the unit.
    #[arg(required_unless_present = "file")]
    pub(crate) serial: Option<String>,
    /// Register the units in this .csv, .json or .toml file; its fields have the API's names, such
    /// as serialNumber.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["serial", "unit", "location"])]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) account: AccountArgs,
    #[command(flatten)]
    pub(crate) unit: UnitArgs,
    #[command(flatten)]
    pub(crate) location: LocationArgs,
    /// Send this many units per call; more than 5 bad units in one call can exceed the error limit.
    #[arg(long, value_name = "N", default_value = "5", value_parser = clap::value_parser!(u8).range(1..=10))]
    pub(crate) batch: u8,
    /// Ignore the results of earlier runs, except unknown outcomes.
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Resend units that got no response for AGE (10m if not given) and are not registered yet; can
    /// register a unit twice.
    #[arg(
        long,
        value_name = "AGE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "10m"
    )]
    pub(crate) resend_unknown: Option<String>,
    #[command(flatten)]
    pub(crate) check: UncheckedArgs,
    /// Do not ask for confirmation.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Output format.
    #[arg(long, value_enum, default_value = "csv")]
    pub(crate) format: RowFormat,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// Output formats for the result of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RowFormat {
    /// CSV with a header.
    Csv,
    /// A JSON list of objects.
    Json,
}

/// Optional details of the unit to register.
#[derive(Debug, Args)]
#[group(id = "unit", multiple = true)]
pub(crate) struct UnitArgs {
    /// Contract to attach to the unit.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) contract: Option<String>,
    /// Description of the unit.
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    /// Folder to put the unit into.
    #[arg(long, value_name = "ID")]
    pub(crate) folder: Option<i64>,
    /// Asset group to put the unit into; may be repeated.
    #[arg(long, value_name = "ID")]
    pub(crate) group: Vec<i64>,
    /// Serial number of the returned unit that this one replaces.
    #[arg(long, value_name = "SERIAL")]
    pub(crate) replaces: Option<String>,
    /// System id, IP address or other data that some products require.
    #[arg(long, value_name = "TEXT")]
    pub(crate) additional_info: Option<String>,
    /// Mark the unit as used by a government.
    #[arg(long)]
    pub(crate) government: bool,
    /// Read the unit's FortiCloud key from this environment variable.
    #[arg(long, value_name = "NAME", conflicts_with = "cloud_key_file")]
    pub(crate) cloud_key_env: Option<String>,
    /// Read the unit's FortiCloud key from this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) cloud_key_file: Option<PathBuf>,
}

/// The address of a product; every part of it requires the country.
#[derive(Debug, Args)]
#[group(id = "location", multiple = true)]
pub(crate) struct LocationArgs {
    /// Country code of two capital letters, such as DE.
    #[arg(long, value_name = "CODE")]
    pub(crate) country: Option<String>,
    /// State or province; two capital letters in US, CA, IN, BR and UA.
    #[arg(long, value_name = "STATE", requires = "country")]
    pub(crate) state_or_province: Option<String>,
    /// City.
    #[arg(long, value_name = "CITY", requires = "country")]
    pub(crate) city: Option<String>,
    /// Postal code.
    #[arg(long, value_name = "CODE", requires = "country")]
    pub(crate) postal_code: Option<String>,
    /// Street and number.
    #[arg(long, value_name = "TEXT", requires = "country")]
    pub(crate) address: Option<String>,
    /// Company name.
    #[arg(long, value_name = "NAME", requires = "country")]
    pub(crate) company: Option<String>,
    /// E-mail address.
    #[arg(long, value_name = "ADDRESS", requires = "country")]
    pub(crate) email: Option<String>,
    /// Phone number, such as `+1 555-0123`.
    #[arg(long, value_name = "NUMBER", requires = "country")]
    pub(crate) phone: Option<String>,
    /// Fax number, such as `+1 555-0123`.
    #[arg(long, value_name = "NUMBER", requires = "country")]
    pub(crate) fax: Option<String>,
}
