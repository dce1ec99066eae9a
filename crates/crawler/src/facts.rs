//! What the plan has to know of a page: the ids to ask next, and the proof of paging.

use std::hash::{DefaultHasher, Hash, Hasher};

use fortilake_state::client::models::lenient;
use serde::Deserialize;

#[cfg(test)]
mod tests;

/// What the plan has to know of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Facts {
    /// Of `units/list`.
    Units {
        /// The organization, if there is one.
        organization: Option<i64>,
        /// The organizational units in the order of the answer.
        units: Vec<i64>,
    },
    /// Of `accounts/list`: the accounts in the order of the answer.
    Accounts(Vec<i64>),
    /// Of any other list.
    List(ListFacts),
}

/// What the plan has to know of one page of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListFacts {
    /// The number that the answer gives itself.
    pub page: Option<i64>,
    /// How many pages the answer says there are.
    pub total: Option<i64>,
    /// A hash of each row's serial number, in order.
    pub serials: Vec<u64>,
}

impl Facts {
    /// Reads a page of this endpoint.
    ///
    /// # Errors
    ///
    /// If the page is not shaped so that its rows can be counted.
    pub fn read(endpoint: &str, page: &str) -> serde_json::Result<Self> {
        Ok(match endpoint {
            "units/list" => {
                let page: UnitsPage = serde_json::from_str(page)?;
                let units = page.organization_units.unwrap_or_default();
                Self::Units {
                    organization: units.organization.filter(|&id| id != 0),
                    units: units.units.into_iter().filter_map(|unit| unit.id).collect(),
                }
            }
            "accounts/list" => {
                let page: AccountsPage = serde_json::from_str(page)?;
                Self::Accounts(
                    page.accounts
                        .into_iter()
                        .filter_map(|account| account.id)
                        .collect(),
                )
            }
            _ => {
                let page: ListPage = serde_json::from_str(page)?;
                let serials = page
                    .assets
                    .into_iter()
                    .map(|asset| asset.fingerprint())
                    .collect();
                Self::List(ListFacts {
                    page: page.page_number,
                    total: page.total_pages,
                    serials,
                })
            }
        })
    }

    /// The page of an answer that says "nothing found" in any of the API's ways.
    pub fn nothing(endpoint: &str) -> Self {
        match endpoint {
            "units/list" => Self::Units {
                organization: None,
                units: Vec::new(),
            },
            "accounts/list" => Self::Accounts(Vec::new()),
            _ => Self::List(ListFacts::default()),
        }
    }
}

#[derive(Deserialize)]
struct UnitsPage {
    #[serde(default, rename = "organizationUnits")]
    organization_units: Option<Units>,
}

#[derive(Default, Deserialize)]
struct Units {
    #[serde(default, rename = "orgId", deserialize_with = "lenient::integer")]
    organization: Option<i64>,
    #[serde(default, rename = "orgUnits", deserialize_with = "lenient::list")]
    units: Vec<Identified>,
}

#[derive(Deserialize)]
struct AccountsPage {
    #[serde(default, deserialize_with = "lenient::list")]
    accounts: Vec<Identified>,
}

#[derive(Deserialize)]
struct Identified {
    #[serde(default, deserialize_with = "lenient::integer")]
    id: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListPage {
    #[serde(default, deserialize_with = "lenient::integer")]
    page_number: Option<i64>,
    #[serde(default, deserialize_with = "lenient::integer")]
    total_pages: Option<i64>,
    #[serde(default, deserialize_with = "lenient::list")]
    assets: Vec<Asset>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asset {
    #[serde(default, deserialize_with = "lenient::text")]
    serial_number: Option<String>,
    #[serde(default, deserialize_with = "lenient::integer")]
    account_id: Option<i64>,
}

impl Asset {
    /// The hasher's keys are fixed, so the plan folds the same way in every process.
    fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (
            self.account_id,
            self.serial_number.as_deref().map(str::trim_end),
        )
            .hash(&mut hasher);
        hasher.finish()
    }
}
