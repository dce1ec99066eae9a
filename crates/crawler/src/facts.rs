//! What the plan needs to know about a page: the ids to ask for next, and the proof that the list
//! is complete.
//!
//! Numbers are read in the same lenient way as the decoder reads them, so that a page that decodes
//! always has facts.

use std::{
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
};

use fortilake_models::integer_of;
use serde_json::Value;

mod object;
mod response;
mod rows;
mod subject;
#[cfg(test)]
mod tests;

pub(crate) use self::{
    object::{error, pick},
    response::{ParsedResponse, key_members, path_to_rows},
    rows::{Rows, RowsMember},
    subject::other_product,
};

/// What the plan needs to know about a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Facts {
    /// The response of `units/list`.
    Units {
        /// The id of the organization, if the response names one.
        organization: Option<i64>,
        /// The organizational units.
        units: Ids,
    },
    /// The response of `accounts/list`.
    Accounts(Ids),
    /// A page of a list that is paged by rows and reports their total.
    Offset(OffsetFacts),
    /// The identity of a FortiAuthenticator unit: values for columns, by column name.
    Unit(Vec<(String, Value)>),
    /// The products in a response of `products/details`. There should be exactly one, the one that
    /// was asked for.
    Details(Vec<DetailsSubject>),
    /// A page of any other list.
    List(ListFacts),
}

/// What a planner needs to know about a page of a list that is paged by rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OffsetFacts {
    /// The total number of rows on all pages; `None` if the response has none or an invalid one.
    pub total: Option<u64>,
    /// The ids of the rows on this page, in the order of the response.
    pub ids: Vec<i64>,
    /// The number of rows on this page without an id.
    pub missing: usize,
    /// What the rows say they belong to, without repetitions: the name of the argument that asks
    /// for it, and its id.
    pub owners: Vec<(&'static str, i64)>,
    /// Whether the response names a next page.
    pub has_next: bool,
}

/// The ids on a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ids {
    /// The ids, in the order of the response.
    pub known: Vec<i64>,
    /// The number of rows without an id. Nothing below them can be read.
    pub missing: usize,
    /// The number of pages that the response reports, if it reports one.
    pub total: Option<i64>,
    /// What is wrong with this number, if the response has one that proves nothing.
    pub unusable_total: Option<UnusableTotal>,
}

/// What the plan needs to know about one page of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListFacts {
    /// The page number in the response, if there is one.
    pub page: Option<i64>,
    /// The number of pages that the response reports; `None` if it is missing or not a number.
    pub total: Option<i64>,
    /// What is wrong with this number, if the response has one that proves nothing.
    pub unusable_total: Option<UnusableTotal>,
    /// The number of elements in the list, including those that are not objects.
    pub rows: usize,
    /// A hash of the account and key of each row that has a key. For products, the key is the
    /// serial number.
    pub serials: Vec<u64>,
    /// A hash of the text of each row without a key.
    pub unnamed: Vec<u64>,
    /// The accounts that the rows belong to, without repetitions.
    pub accounts: Vec<i64>,
    /// The products by name, if the plan will ask for each of them.
    pub products: Vec<ProductName>,
    /// Whether the response counts a page but has no member for its rows. Some tenants leave it out
    /// for an empty list, but a response that lost its rows looks the same.
    pub lacks_rows: bool,
    /// When the page arrived, in microseconds of Unix time; 0 if that is not known.
    pub observed_at: i64,
}

/// Why the number of pages in a response cannot be the number of its pages.
///
/// Most lists have no such number, and then nothing suggests that they have several pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnusableTotal {
    /// It is null, which is how the API also writes values that do not apply.
    Null,
    /// It is zero, negative, or not a number.
    Invalid,
}

/// What it takes to ask for the details of a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductName {
    /// Its serial number.
    pub serial: String,
    /// Its model.
    pub model: Option<String>,
}

/// The product that details are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetailsSubject {
    /// Its serial number; empty if the response has none.
    pub serial: String,
    /// The account that the response names, if it names one.
    pub account: Option<i64>,
}

/// Whether the plan needs the names of the products on a page. They take memory, so they are read
/// only if details are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// No: the page only has to prove that its list is complete.
    Unwanted,
    /// Yes: each product will be asked for.
    Wanted,
}

impl UnusableTotal {
    /// What is wrong with the value of a member `totalPages`, if there is one.
    pub(crate) fn of(value: Option<&str>) -> Option<Self> {
        match value? {
            "null" => Some(Self::Null),
            value if integer_of(value).is_some_and(|pages| pages > 0) => None,
            _ => Some(Self::Invalid),
        }
    }
}

impl fmt::Display for UnusableTotal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Null => "the response has rows, but its `totalPages` is null",
            Self::Invalid => "the response has rows, but its `totalPages` is not a number of pages",
        })
    }
}

impl Facts {
    /// The number of pages that the response reports, if it reports one.
    pub(crate) fn pages(&self) -> Option<i64> {
        match self {
            Self::List(list) => list.total,
            Self::Units { units: ids, .. } | Self::Accounts(ids) => ids.total,
            Self::Offset(_) | Self::Unit(_) | Self::Details(_) => None,
        }
    }

    /// Why the response may be one page of several although it does not say so.
    pub fn unusable_total(&self) -> Option<UnusableTotal> {
        let of_ids = |ids: &Ids| {
            let has_rows = ids.known.len() + ids.missing > 0;
            ids.unusable_total.filter(|_| has_rows)
        };
        match self {
            Self::List(list) => list.unusable_total.filter(|_| list.rows > 0),
            Self::Units { units, .. } => of_ids(units),
            Self::Accounts(accounts) => of_ids(accounts),
            Self::Offset(_) | Self::Unit(_) | Self::Details(_) => None,
        }
    }

    /// Sets the time at which the page arrived.
    #[must_use]
    pub fn observed_at(mut self, time: i64) -> Self {
        if let Self::List(list) = &mut self {
            list.observed_at = time;
        }
        self
    }
}

/// A hash with fixed keys, so that the plan folds in the same way in every process.
pub(crate) fn fingerprint(named: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    named.hash(&mut hasher);
    hasher.finish()
}
