//! What the plan needs to know about a page: the ids to ask for next, and the proof that the list
//! is complete.
//!
//! Numbers are read in the same lenient way as the decoder reads them, so that a page that decodes
//! always has facts.

use std::{
    borrow::Cow,
    hash::{DefaultHasher, Hash, Hasher},
};

use fortilake_state::client::models::{integer_of, lenient, text_of};
use serde::{Deserialize, de::Error as _};
use serde_json::{Value, value::RawValue};

use crate::authenticator;

mod origin;
mod portal;
mod rows;
#[cfg(test)]
mod tests;

pub use self::portal::CountedFacts;
use self::rows::Rows;

/// What the plan needs to know about a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Facts {
    /// The answer of `units/list`.
    Units {
        /// The id of the organization, if the answer names one.
        organization: Option<i64>,
        /// The organizational units.
        units: Ids,
    },
    /// The answer of `accounts/list`.
    Accounts(Ids),
    /// A page of a list that is paged by rows and reports their total.
    Counted(CountedFacts),
    /// The identity of a FortiAuthenticator unit: values for columns, by column name.
    Unit(Vec<(String, Value)>),
    /// Of any other list.
    List(ListFacts),
}

/// The ids on a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ids {
    /// The ids, in the order of the answer.
    pub known: Vec<i64>,
    /// The number of rows without an id. Nothing below them can be read.
    pub missing: usize,
}

/// What the plan needs to know about one page of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListFacts {
    /// The page number in the answer, if there is one.
    pub page: Option<i64>,
    /// The number of pages that the answer reports; `None` if it is missing or not a number.
    pub total: Option<i64>,
    /// The number of elements in the list, including those that are not objects.
    pub rows: usize,
    /// A hash of the account and key of each row that has a key. For products, the key is the
    /// serial number.
    pub serials: Vec<u64>,
    /// The products by name, where the plan wants to ask for each of them.
    pub products: Vec<ProductName>,
}

/// What it takes to ask for the details of a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductName {
    /// Its serial number.
    pub serial: String,
    /// Its model.
    pub model: Option<String>,
}

/// Whether the products of a page are wanted by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// No: the page only has to prove that its list is complete.
    Unwanted,
    /// Yes: each product will be asked for.
    Wanted,
}

impl Facts {
    /// Reads a page of this endpoint.
    ///
    /// # Errors
    ///
    /// If the page is not shaped so that its rows can be counted, or has none and nothing else that
    /// shows whose answer it is: what a gateway says must not be taken for an empty list.
    pub fn read(endpoint: &str, page: &str, names: Names) -> serde_json::Result<Self> {
        let facts = Self::of(endpoint, page, names)?;
        if facts.is_empty() && !origin::is_known(endpoint, page)? {
            let message = "it has no member that an answer of this endpoint has";
            return Err(serde_json::Error::custom(message));
        }
        Ok(facts)
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Units {
                organization,
                units,
            } => organization.is_none() && *units == Ids::default(),
            Self::Accounts(accounts) => *accounts == Ids::default(),
            Self::Counted(_) | Self::Unit(_) => false,
            Self::List(list) => list.rows == 0,
        }
    }

    fn of(endpoint: &str, page: &str, names: Names) -> serde_json::Result<Self> {
        Ok(match endpoint {
            _ if portal::ENDPOINTS.contains(&endpoint) => Self::Counted(CountedFacts::read(page)?),
            authenticator::UNIT => Self::Unit(portal::unit(page)?),
            "units/list" => {
                let page: UnitsPage<'_> = serde_json::from_str(page)?;
                let units = page.organization_units.unwrap_or_default();
                let organization = units.organization.and_then(integer_of);
                Self::Units {
                    organization: organization.filter(|&id| id != 0),
                    units: Ids::of(&units.units.0),
                }
            }
            "accounts/list" => {
                let page: AccountsPage<'_> = serde_json::from_str(page)?;
                Self::Accounts(Ids::of(&page.accounts.0))
            }
            _ => {
                let page: ListPage<'_> = serde_json::from_str(page)?;
                let Rows(assets) = page.assets;
                Self::List(ListFacts {
                    page: page.page_number,
                    total: page.total_pages,
                    rows: assets.len(),
                    serials: assets.iter().filter_map(Asset::fingerprint).collect(),
                    products: match names {
                        Names::Unwanted => Vec::new(),
                        Names::Wanted => assets.iter().filter_map(Asset::name).collect(),
                    },
                })
            }
        })
    }
}

impl Ids {
    fn of(rows: &[Identified<'_>]) -> Self {
        let ids = rows
            .iter()
            .map(|row| row.id.and_then(integer_of).filter(|&id| id != 0));
        let known: Vec<i64> = ids.flatten().collect();
        Self {
            missing: rows.len() - known.len(),
            known,
        }
    }
}

#[derive(Deserialize)]
struct UnitsPage<'a> {
    #[serde(borrow, default, rename = "organizationUnits")]
    organization_units: Option<Units<'a>>,
}

#[derive(Default, Deserialize)]
struct Units<'a> {
    #[serde(borrow, default, rename = "orgId")]
    organization: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "orgUnits")]
    units: Rows<Identified<'a>>,
}

#[derive(Deserialize)]
struct AccountsPage<'a> {
    #[serde(borrow, default)]
    accounts: Rows<Identified<'a>>,
}

#[derive(Deserialize)]
struct Identified<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListPage<'a> {
    // A number of pages that cannot be read is no proof of anything, so it is an error.
    #[serde(default, deserialize_with = "lenient::integer")]
    page_number: Option<i64>,
    #[serde(default, deserialize_with = "lenient::integer")]
    total_pages: Option<i64>,
    #[serde(borrow, default)]
    assets: Rows<Asset<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asset<'a> {
    #[serde(borrow, default)]
    serial_number: Option<&'a RawValue>,
    #[serde(borrow, default)]
    account_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    product_model: Option<&'a RawValue>,
}

impl Asset<'_> {
    fn name(&self) -> Option<ProductName> {
        Some(ProductName {
            serial: self.serial_number.and_then(text_of)?.into_owned(),
            model: self.product_model.and_then(text_of).map(Cow::into_owned),
        })
    }

    /// The hasher's keys are fixed, so the plan folds the same way in every process.
    fn fingerprint(&self) -> Option<u64> {
        let serial = self.serial_number.and_then(text_of)?;
        let mut hasher = DefaultHasher::new();
        (self.account_id.and_then(integer_of), serial).hash(&mut hasher);
        Some(hasher.finish())
    }
}
