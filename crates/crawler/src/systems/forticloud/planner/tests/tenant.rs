//! A small tenant and its responses.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{Facts, Failure, FailureKind, Fetch, Ids, ListFacts, Outcome};

/// A tenant as the plan sees it.
#[derive(Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a quirk of its own, and a test names those that it wants"
)]
pub(super) struct Tenant {
    /// The units and their accounts. If empty, the user may not read the organization.
    pub(super) units: Vec<(i64, Vec<i64>)>,
    /// The serial numbers of each account. Account 0 is the user's own.
    pub(super) products: BTreeMap<i64, Vec<&'static str>>,
    pub(super) page_size: usize,
    pub(super) page_base: i64,
    /// The `pageNumber` in the response for the first page, if it is not the real one.
    pub(super) claimed_base: Option<i64>,
    pub(super) wildcard: bool,
    pub(super) wildcard_rejected: bool,
    /// The one account that rejects `%`.
    pub(super) wildcard_rejected_by: Option<i64>,
    /// The one account that rejects every search for products.
    pub(super) rejected: Option<i64>,
    /// Whether searches by date find nothing.
    pub(super) dates_ignored: bool,
    /// Whether calls with a page number are refused.
    pub(super) pages_refused: bool,
    /// The calls that are refused, as `endpoint argument`.
    pub(super) refused: BTreeSet<String>,
    /// How often the list of each account moves while it is read.
    pub(super) moving: BTreeMap<i64, u32>,
}

impl Default for Tenant {
    fn default() -> Self {
        Self {
            units: vec![(1, vec![11, 12]), (2, vec![12, 21])],
            products: BTreeMap::from([
                (11, vec!["F1", "F2", "S3"]),
                (12, vec!["S1"]),
                (21, vec![]),
            ]),
            page_size: 100,
            page_base: 1,
            claimed_base: None,
            wildcard: true,
            wildcard_rejected: false,
            wildcard_rejected_by: None,
            rejected: None,
            dates_ignored: false,
            pages_refused: false,
            refused: BTreeSet::new(),
            moving: BTreeMap::new(),
        }
    }
}

pub(super) fn number(fetch: &Fetch, name: &str) -> Option<i64> {
    fetch.arguments.get(name).and_then(Value::as_i64)
}

/// The ids of a page; 0 stands for a row without an id.
pub(super) fn ids(ids: impl Iterator<Item = i64>) -> Ids {
    let (known, missing): (Vec<i64>, Vec<i64>) = ids.partition(|id| *id != 0);
    Ids {
        known,
        missing: missing.len(),
        total: None,
        ..Ids::default()
    }
}

pub(super) fn failure(kind: FailureKind) -> Outcome {
    Outcome::Failed(Failure {
        kind,
        message: format!("{kind:?}").to_lowercase(),
    })
}

impl Tenant {
    pub(super) fn answer(&self, fetch: &Fetch) -> Outcome {
        let id = number(fetch, "accountId")
            .or(number(fetch, "parentId"))
            .unwrap_or(0);
        if self.refused.contains(&format!("{} {id}", fetch.endpoint)) {
            return failure(FailureKind::Refused);
        }
        match fetch.endpoint {
            "units/list" if self.units.is_empty() => failure(FailureKind::Denied),
            "units/list" => Outcome::Page(Facts::Units {
                organization: Some(self.units[0].0),
                units: ids(self.units.iter().map(|(unit, _)| *unit)),
            }),
            "accounts/list" => {
                let unit = self.units.iter().find(|(unit, _)| *unit == id);
                let accounts = unit
                    .into_iter()
                    .flat_map(|(_, accounts)| accounts.iter().copied());
                Outcome::Page(Facts::Accounts(ids(accounts)))
            }
            "products/list" => self.products(fetch, id),
            _ => Outcome::Page(Facts::List(ListFacts::default())),
        }
    }

    fn products(&self, fetch: &Fetch, account: i64) -> Outcome {
        let pattern = fetch
            .arguments
            .get("serialNumber")
            .map(|pattern| pattern.as_str().unwrap());
        let rejected = self.wildcard_rejected || self.wildcard_rejected_by == Some(account);
        if self.rejected == Some(account)
            || (pattern == Some("%") && rejected)
            || (self.pages_refused && number(fetch, "pageNumber").is_some())
        {
            return failure(FailureKind::Rejected);
        }
        let registered = fetch.arguments["status"] == "Registered";
        let all = self
            .products
            .get(&account)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let rows: Vec<&str> = all
            .iter()
            .copied()
            .filter(|serial| match pattern {
                // A search by date finds everything.
                None => !self.dates_ignored,
                Some("%") => self.wildcard,
                Some(prefix) => serial.starts_with(prefix),
            })
            .filter(|_| registered)
            .collect();
        let pages: Vec<&[&str]> = rows.chunks(self.page_size).collect();
        let total = i64::try_from(pages.len().max(1)).unwrap();
        let asked = number(fetch, "pageNumber");
        let at = asked.unwrap_or(self.page_base) - self.page_base;
        let mut page = usize::try_from(at)
            .ok()
            .and_then(|at| pages.get(at).copied())
            .unwrap_or_default();
        let moves = self
            .moving
            .get(&account)
            .is_some_and(|times| fetch.round < *times);
        if moves && asked.is_some() {
            // A product was added in front, so every page begins with the end of the page before.
            page = pages[0];
        }
        let page_number = match asked {
            None => self.claimed_base.unwrap_or(self.page_base),
            Some(asked) => asked,
        };
        Outcome::Page(Facts::List(ListFacts {
            page: Some(page_number),
            total: Some(total),
            rows: page.len(),
            serials: page
                .iter()
                .map(|serial| {
                    Value::from(*serial)
                        .to_string()
                        .bytes()
                        .fold(7, |hash, byte| hash * 31 + u64::from(byte))
                })
                .collect(),
            ..ListFacts::default()
        }))
    }
}
