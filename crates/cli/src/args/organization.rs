//! Arguments of `ou` and `account`.

use clap::{Args, Subcommand};

use super::{ReadArgs, WriteArgs};

/// What to do with organizational units.
#[derive(Debug, Subcommand)]
pub(crate) enum OuAction {
    /// List the units that the API user can see.
    #[command(after_help = "Example: fortilake ou list")]
    List {
        /// List only the units below this unit.
        #[arg(long, value_name = "ID")]
        parent: Option<i64>,
        #[command(flatten)]
        read: ReadArgs,
    },
    /// Create a unit.
    #[command(after_help = "Example: fortilake ou create Europe --parent 2100014")]
    Create {
        /// Name of the new unit.
        name: String,
        /// Parent unit.
        #[arg(long, value_name = "ID")]
        parent: i64,
        /// Description of the unit.
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Change the name or the description of a unit.
    #[command(after_help = "Example: fortilake ou update 2100015 --name Europe")]
    Update {
        /// Id of the unit.
        id: i64,
        /// New name.
        #[arg(long, required_unless_present = "description")]
        name: Option<String>,
        /// New description.
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Delete an empty unit.
    #[command(after_help = "Example: fortilake ou delete 2100015")]
    Delete {
        /// Id of the unit.
        id: i64,
        #[command(flatten)]
        write: WriteArgs,
    },
}

/// What to do with accounts.
#[derive(Debug, Subcommand)]
pub(crate) enum AccountAction {
    /// List the accounts directly in a unit, or look up one account.
    #[command(after_help = "Example: fortilake account list --ou 2100014")]
    List {
        #[command(flatten)]
        which: WhichArgs,
        #[command(flatten)]
        read: ReadArgs,
    },
    /// Create an account.
    #[command(
        after_help = "Example: fortilake account create --ou 2100014 --company Acme --first-name Ada --last-name Lovelace"
    )]
    Create(Box<AccountCreateArgs>),
    /// Move accounts to another unit.
    #[command(after_help = "Example: fortilake account move 710112 --to 2100015")]
    Move {
        /// Ids of the accounts.
        #[arg(required = true, value_name = "ACCOUNT")]
        accounts: Vec<i64>,
        /// Id of the unit to move them to.
        #[arg(long, value_name = "OU")]
        to: i64,
        #[command(flatten)]
        write: WriteArgs,
    },
}

/// Which accounts to list; the API requires at least one of these filters.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct WhichArgs {
    /// List the accounts directly in this unit.
    #[arg(long, value_name = "ID")]
    pub(crate) ou: Option<i64>,
    /// Look up the account with this id.
    #[arg(long, value_name = "ID")]
    pub(crate) account: Option<i64>,
    /// Look up the account with this e-mail address.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) email: Option<String>,
}

/// Arguments of `account create`.
#[derive(Debug, Args)]
pub(crate) struct AccountCreateArgs {
    /// Unit to create the account in.
    #[arg(long, value_name = "ID")]
    pub(crate) ou: i64,
    /// Company name.
    #[arg(long, value_name = "NAME")]
    pub(crate) company: String,
    /// First name of the account's master user.
    #[arg(long, value_name = "NAME")]
    pub(crate) first_name: String,
    /// Last name of the account's master user.
    #[arg(long, value_name = "NAME")]
    pub(crate) last_name: String,
    /// Title of the account's master user.
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<String>,
    /// Street and number.
    #[arg(long, value_name = "TEXT")]
    pub(crate) address: Option<String>,
    /// City.
    #[arg(long, value_name = "CITY")]
    pub(crate) city: Option<String>,
    /// State or province.
    #[arg(long, value_name = "STATE")]
    pub(crate) state_or_province: Option<String>,
    /// Country id, such as 276; `fortilake call accounts/getcommondata` lists them.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) country_id: Option<i64>,
    /// Postal code.
    #[arg(long, value_name = "CODE")]
    pub(crate) postal_code: Option<String>,
    /// Phone number, such as `+1 555-0123`.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) phone: Option<String>,
    /// Fax number, such as `+1 555-0123`.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) fax: Option<String>,
    /// Industry id; `fortilake call accounts/getcommondata` lists them.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) industry_id: Option<i64>,
    /// Id of the company size; `fortilake call accounts/getcommondata` lists them.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) size_id: Option<i64>,
    #[command(flatten)]
    pub(crate) write: WriteArgs,
}
