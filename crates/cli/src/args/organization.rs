//! Arguments of `ou` and `account`.

use clap::{Args, Subcommand};

use super::{ReadArgs, WriteArgs};

/// What to do with organizational units.
#[derive(Debug, Subcommand)]
pub(crate) enum OuAction {
    /// List the units that the user may see.
    List {
        /// Below this unit only.
        #[arg(long, value_name = "ID")]
        parent: Option<i64>,
        #[command(flatten)]
        read: ReadArgs,
    },
    /// Make a unit.
    Create {
        /// Its name.
        name: String,
        /// The unit to make it in.
        #[arg(long, value_name = "ID")]
        parent: i64,
        /// A description.
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Give a unit another name or description.
    Update {
        /// Its id.
        id: i64,
        /// The new name.
        #[arg(long, required_unless_present = "description")]
        name: Option<String>,
        /// The new description.
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Delete a unit that is empty.
    Delete {
        /// Its id.
        id: i64,
        #[command(flatten)]
        write: WriteArgs,
    },
}

/// What to do with accounts.
#[derive(Debug, Subcommand)]
pub(crate) enum AccountAction {
    /// List the accounts directly in a unit, or find one.
    List {
        #[command(flatten)]
        which: WhichArgs,
        #[command(flatten)]
        read: ReadArgs,
    },
    /// Make an account.
    Create(Box<AccountCreateArgs>),
    /// Move accounts to another unit.
    Move {
        /// Their ids.
        #[arg(required = true, value_name = "ACCOUNT")]
        accounts: Vec<i64>,
        /// The unit.
        #[arg(long, value_name = "OU")]
        to: i64,
        #[command(flatten)]
        write: WriteArgs,
    },
}

/// Which accounts to list; the API lists none without being told.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct WhichArgs {
    /// Those of this unit.
    #[arg(long, value_name = "ID")]
    pub(crate) ou: Option<i64>,
    /// This one.
    #[arg(long, value_name = "ID")]
    pub(crate) account: Option<i64>,
    /// The one with this e-mail address.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) email: Option<String>,
}

/// Arguments of `account create`; `fortilake call accounts/getcommondata` lists the numbers.
#[derive(Debug, Args)]
pub(crate) struct AccountCreateArgs {
    /// The unit to make it in.
    #[arg(long, value_name = "ID")]
    pub(crate) ou: i64,
    /// The company.
    #[arg(long, value_name = "NAME")]
    pub(crate) company: String,
    /// The first name of its master user.
    #[arg(long, value_name = "NAME")]
    pub(crate) first_name: String,
    /// The last name of its master user.
    #[arg(long, value_name = "NAME")]
    pub(crate) last_name: String,
    /// The title of its master user.
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<String>,
    /// Street and number.
    #[arg(long, value_name = "TEXT")]
    pub(crate) address: Option<String>,
    /// The city.
    #[arg(long)]
    pub(crate) city: Option<String>,
    /// The state.
    #[arg(long)]
    pub(crate) state_or_province: Option<String>,
    /// The number of the country, such as 276.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) country_id: Option<i64>,
    /// The postal code.
    #[arg(long, value_name = "CODE")]
    pub(crate) postal_code: Option<String>,
    /// A phone number, as `+CC number`.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) phone: Option<String>,
    /// A fax number, as `+CC number`.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) fax: Option<String>,
    /// The number of the industry.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) industry_id: Option<i64>,
    /// The number of the company's size.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) size_id: Option<i64>,
    #[command(flatten)]
    pub(crate) write: WriteArgs,
}
