//! The tenant's data, independent of how answers present it.

use jiff::civil::{DateTime, date};

use crate::scenario::LicenseForm;

/// An organizational unit.
#[derive(Debug, Clone)]
pub(crate) struct Unit {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) description: String,
    /// The parent unit; `None` for the root.
    pub(crate) parent: Option<i64>,
}

/// An account.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) id: i64,
    pub(crate) unit: i64,
    pub(crate) email: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) company: String,
    pub(crate) country: i64,
    /// Whether its country is written as an object, which does not fit the column.
    pub(crate) misfit: bool,
}

/// A registered or pending product.
#[derive(Debug, Clone)]
pub(crate) struct Product {
    pub(crate) account: i64,
    pub(crate) serial: String,
    pub(crate) model: String,
    pub(crate) description: Option<String>,
    pub(crate) registered: DateTime,
    pub(crate) decommissioned: bool,
    pub(crate) status: Status,
    pub(crate) folder: i64,
    pub(crate) end_of_registration: Option<DateTime>,
    pub(crate) end_of_support: Option<DateTime>,
    pub(crate) entitlements: Vec<Entitlement>,
    pub(crate) warranty_supports: Vec<Entitlement>,
    pub(crate) groups: Vec<Group>,
    pub(crate) contracts: Vec<Contract>,
    pub(crate) license: Option<License>,
    pub(crate) location: Option<Location>,
    pub(crate) partner: Option<&'static str>,
    pub(crate) misfit: Option<Misfit>,
}

/// A value of a product that does not fit its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// The first entitlement's level is the word `high`.
    Level,
    /// The registration date is the word `yesterday`.
    Registered,
}

/// The registration status of a product, license or contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Registered,
    Pending,
}

impl Status {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "Registered",
            Self::Pending => "Pending",
        }
    }
}

/// One entitlement, or one warranty support.
#[derive(Debug, Clone)]
pub(crate) struct Entitlement {
    pub(crate) level: i64,
    pub(crate) kind: i64,
    pub(crate) kind_name: &'static str,
    pub(crate) start: DateTime,
    pub(crate) end: DateTime,
    pub(crate) units: Option<i64>,
}

/// A contract of a product.
#[derive(Debug, Clone)]
pub(crate) struct Contract {
    pub(crate) number: String,
    pub(crate) sku: String,
    pub(crate) terms: Vec<Term>,
}

/// A term of a contract.
#[derive(Debug, Clone)]
pub(crate) struct Term {
    pub(crate) support: &'static str,
    pub(crate) start: DateTime,
    pub(crate) end: DateTime,
}

/// An asset group.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) id: i64,
    pub(crate) name: &'static str,
}

/// A folder of an account; the root is not one.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    pub(crate) id: i64,
    pub(crate) name: String,
    /// The parent folder; 0 for the root.
    pub(crate) parent: i64,
    pub(crate) path: String,
}

/// A license of an account.
#[derive(Debug, Clone)]
pub(crate) struct License {
    pub(crate) number: String,
    pub(crate) sku: String,
    pub(crate) serial: Option<String>,
    pub(crate) status: Status,
    pub(crate) expires: Option<DateTime>,
}

/// An entry in the list of contracts.
#[derive(Debug, Clone)]
pub(crate) struct ListedContract {
    pub(crate) number: String,
    pub(crate) sku: String,
    pub(crate) status: Status,
}

/// The location of a product, as the nine texts that the service accepts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Location(pub(crate) Vec<(&'static str, String)>);

/// The path of the root folder, whose id is 0.
pub(crate) const ROOT_FOLDER: &str = "/My Assets";

/// The description of every license, if the scenario has extended lists.
pub(crate) const LISTED_DESCRIPTION: &str = "Lab hypervisor 2";

/// The address id in the details of every product, if they have one.
pub(crate) const ADDRESS_ID: &str = "905512";
pub(crate) const LICENSE_TYPE: &str = "Perpetual";
pub(crate) const WARRANTY_TYPE: &str = "Limited Lifetime";

/// Returns the key of a license's expiry date. Each of two published sources misspells it in its
/// own way.
pub(crate) fn expiry_key(form: LicenseForm) -> &'static str {
    match form {
        LicenseForm::Plural => "experiationDate",
        LicenseForm::Object | LicenseForm::List => "experationDate",
    }
}

/// The dates of licenses and contracts, if the scenario has extended lists. Pending ones have not
/// started yet.
pub(crate) fn listed_dates(status: Status) -> Option<(DateTime, DateTime)> {
    let dates = (
        date(2025, 10, 6).at(0, 0, 0, 0),
        date(2026, 10, 5).at(0, 0, 0, 0),
    );
    (status == Status::Registered).then_some(dates)
}
