//! The plan as data: a tenant in a few lines, answered in any order.

mod paging;
mod wildcard;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::{Facts, Failure, FailureKind, Ids, ListFacts};

/// A tenant, as far as the plan can see it.
#[derive(Clone)]
struct Tenant {
    /// Units and the accounts that each names; empty: the user may not read the organization.
    units: Vec<(i64, Vec<i64>)>,
    /// Serial numbers of each account; account 0 is the user's own.
    products: BTreeMap<i64, Vec<&'static str>>,
    page_size: usize,
    page_base: i64,
    /// What `pageNumber` the first page claims to be, if not its own.
    claimed_base: Option<i64>,
    wildcard: bool,
    wildcard_rejected: bool,
    /// The one account that rejects `%`.
    wildcard_rejected_by: Option<i64>,
    /// Whether page numbers are refused.
    pages_refused: bool,
    /// Calls (as `endpoint argument`) that are refused.
    refused: BTreeSet<String>,
    /// How many times a list of this account moves while it is read.
    moving: BTreeMap<i64, u32>,
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
            pages_refused: false,
            refused: BTreeSet::new(),
            moving: BTreeMap::new(),
        }
    }
}

fn number(fetch: &Fetch, name: &str) -> Option<i64> {
    fetch.arguments.get(name).and_then(Value::as_i64)
}

/// Ids as a page has them; zero stands for a row without one.
fn ids(ids: impl Iterator<Item = i64>) -> Ids {
    let (known, missing): (Vec<i64>, Vec<i64>) = ids.partition(|id| *id != 0);
    Ids {
        known,
        missing: missing.len(),
    }
}

fn failure(kind: FailureKind) -> Outcome {
    Outcome::Failed(Failure {
        kind,
        message: format!("{kind:?}").to_lowercase(),
    })
}

impl Tenant {
    fn answer(&self, fetch: &Fetch) -> Outcome {
        let id = number(fetch, "accountId")
            .or(number(fetch, "parentId"))
            .unwrap_or(0);
        if self.refused.contains(&format!("{} {id}", fetch.endpoint)) {
            return failure(FailureKind::Refused);
        }
        match fetch.endpoint {
            "units/list" if self.units.is_empty() => failure(FailureKind::Refused),
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
        let pattern = fetch.arguments["serialNumber"].as_str().unwrap();
        let rejected = self.wildcard_rejected || self.wildcard_rejected_by == Some(account);
        if (pattern == "%" && rejected)
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
                "%" => self.wildcard,
                prefix => serial.starts_with(prefix),
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
            // Something was added in front, so that every page begins with the end of the one before.
            page = pages[0];
        }
        let page_number = match asked {
            None => self.claimed_base.unwrap_or(self.page_base),
            Some(asked) => asked,
        };
        Outcome::Page(Facts::List(ListFacts {
            products: Vec::new(),
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
        }))
    }
}

fn settings() -> Settings {
    Settings {
        source: "acme".into(),
        system: System::FortiCloud,
        scope: ScopeMode::Auto,
        search: Search::Auto,
        statuses: vec!["Registered".to_owned(), "Pending".to_owned()],
        accounts: Vec::new(),
        include: Vec::new(),
        details: None,
    }
}

/// A crawl of a tenant: the calls, and the scopes in publishing order, one line each.
struct Crawled {
    calls: Vec<Fetch>,
    scopes: String,
}

/// Crawls; `pick` chooses which of the calls in flight is answered next.
fn crawl(tenant: &Tenant, settings: Settings, mut pick: impl FnMut(usize) -> usize) -> Crawled {
    let mut plan = Plan::new(settings);
    let mut step = plan.begin();
    let (mut waiting, mut calls, mut scopes) = (Vec::new(), Vec::new(), String::new());
    loop {
        waiting.append(&mut step.fetches);
        for scope in step.closed {
            let id = scope
                .account_id
                .or(scope.ou_id)
                .map(|id| format!(" {id}"))
                .unwrap_or_default();
            match scope.pages {
                Err(error) => writeln!(scopes, "{}{id}: failed: {error}", scope.endpoint).unwrap(),
                Ok(pages) => {
                    let rows: usize = pages
                        .iter()
                        .map(|fetch| match tenant.answer(&fetch) {
                            Outcome::Page(Facts::Units { units, .. }) => units.known.len(),
                            Outcome::Page(Facts::Accounts(accounts)) => accounts.known.len(),
                            Outcome::Page(Facts::List(facts)) => facts.rows,
                            other => panic!("no page of a list: {other:?}"),
                        })
                        .sum();
                    writeln!(
                        scopes,
                        "{}{id}: {} pages, {rows} rows",
                        scope.endpoint,
                        pages.len()
                    )
                    .unwrap();
                }
            }
        }
        if waiting.is_empty() {
            break;
        }
        let fetch = waiting.remove(pick(waiting.len()));
        if !plan.awaits(&fetch) {
            plan.forget(&fetch);
            step = Step::default();
            continue;
        }
        step = plan.follow(&fetch, &tenant.answer(&fetch));
        calls.push(fetch);
    }
    assert!(
        plan.is_finished(),
        "the plan still waits: {:?}",
        plan.asked.keys()
    );
    Crawled { calls, scopes }
}

fn in_order(tenant: &Tenant, settings: Settings) -> Crawled {
    crawl(tenant, settings, |_| 0)
}

#[test]
fn reads_every_account_once() {
    let crawled = in_order(&Tenant::default(), settings());
    insta::assert_snapshot!(crawled.scopes, @"
    units/list: 1 pages, 2 rows
    accounts/list 1: 1 pages, 2 rows
    products/list 11: 2 pages, 3 rows
    products/list 12: 2 pages, 1 rows
    accounts/list 2: 1 pages, 2 rows
    products/list 21: 2 pages, 0 rows
    ");
    // 1 for the units, 2 for their accounts, 2 statuses for each of 3 accounts.
    assert_eq!(crawled.calls.len(), 9);
}

#[test]
fn a_refused_account_fails_alone() {
    let tenant = Tenant {
        refused: ["products/list 11".to_owned()].into(),
        ..Tenant::default()
    };
    insta::assert_snapshot!(in_order(&tenant, settings()).scopes, @"
    units/list: 1 pages, 2 rows
    accounts/list 1: 1 pages, 2 rows
    products/list 11: failed: refused
    products/list 12: 2 pages, 1 rows
    accounts/list 2: 1 pages, 2 rows
    products/list 21: 2 pages, 0 rows
    ");
}

#[test]
fn a_refused_account_costs_one_error() {
    let tenant = Tenant {
        refused: ["products/list 11".to_owned()].into(),
        ..Tenant::default()
    };
    let settings = Settings {
        include: vec!["folders/list", "licenses/list"],
        ..settings()
    };
    let crawled = in_order(&tenant, settings);
    let asked = crawled
        .calls
        .iter()
        .filter(|fetch| number(fetch, "accountId") == Some(11));
    assert_eq!(asked.count(), 1);
    assert!(
        crawled
            .scopes
            .contains("licenses/list 11: failed: not asked, because refused"),
        "{}",
        crawled.scopes
    );
}

#[test]
fn a_refused_unit_fails_alone() {
    let tenant = Tenant {
        refused: ["accounts/list 1".to_owned()].into(),
        ..Tenant::default()
    };
    insta::assert_snapshot!(in_order(&tenant, settings()).scopes, @"
    units/list: 1 pages, 2 rows
    accounts/list 1: failed: refused
    accounts/list 2: 1 pages, 2 rows
    products/list 12: 2 pages, 1 rows
    products/list 21: 2 pages, 0 rows
    ");
}

#[test]
fn without_an_organization_it_reads_the_users_own_account() {
    let tenant = Tenant {
        units: Vec::new(),
        products: BTreeMap::from([(0, vec!["F1"])]),
        ..Tenant::default()
    };
    insta::assert_snapshot!(in_order(&tenant, settings()).scopes, @"products/list: 2 pages, 1 rows");
}

#[test]
fn an_organization_that_must_be_there_and_is_not_is_a_failure() {
    let tenant = Tenant {
        units: Vec::new(),
        ..Tenant::default()
    };
    let settings = Settings {
        scope: ScopeMode::Organization,
        ..settings()
    };
    insta::assert_snapshot!(in_order(&tenant, settings).scopes, @"units/list: failed: refused");
}

#[test]
fn named_accounts_are_read_without_discovery() {
    let settings = Settings {
        accounts: vec![12],
        ..settings()
    };
    let crawled = in_order(&Tenant::default(), settings);
    assert_eq!(crawled.calls.len(), 3);
    assert!(
        crawled.scopes.contains("products/list 12: 2 pages, 1 rows"),
        "{}",
        crawled.scopes
    );
}

#[test]
fn an_outcome_nobody_asked_for_changes_nothing() {
    let mut plan = Plan::new(settings());
    let begin = plan.begin();
    let first = begin.fetches[0].clone();
    let stranger = Fetch::new(first.source, first.endpoint, first.arguments, 7);
    let step = plan.follow(&stranger, &failure(FailureKind::Lost));
    assert!(step.fetches.is_empty() && step.closed.is_empty());
    assert!(!plan.is_finished());
}

#[test]
fn what_the_settings_say_twice_is_asked_once() {
    let twice = |values: &[&str]| {
        values
            .iter()
            .chain(values)
            .map(|&value| value.to_owned())
            .collect()
    };
    let settings = Settings {
        search: Search::Patterns(twice(&["F", "S"])),
        statuses: twice(&["Registered"]),
        accounts: vec![11, 11],
        include: vec!["folders/list", "folders/list"],
        ..settings()
    };
    let crawled = in_order(&Tenant::default(), settings);
    insta::assert_snapshot!(crawled.scopes, @"
    accounts/list 11: 1 pages, 0 rows
    products/list 11: 2 pages, 3 rows
    folders/list 11: 1 pages, 0 rows
    ");
}

#[test]
fn a_row_without_an_id_fails_its_list_and_no_other() {
    let tenant = Tenant {
        units: vec![(1, vec![11, 0]), (2, vec![12])],
        ..Tenant::default()
    };
    insta::assert_snapshot!(in_order(&tenant, settings()).scopes, @"
    units/list: 1 pages, 2 rows
    accounts/list 1: failed: 1 account(s) without an id: what hangs under them cannot be read
    products/list 11: 2 pages, 3 rows
    accounts/list 2: 1 pages, 1 rows
    products/list 12: 2 pages, 1 rows
    ");
}

proptest! {
    /// What is published, and in which order, does not depend on the order of the answers.
    #[test]
    fn answers_may_come_in_any_order(
        picks in proptest::collection::vec(any::<prop::sample::Index>(), 200),
        page_size in 1_usize..4,
        page_base in 0_i64..2,
        wildcard in any::<bool>(),
        refuse in any::<bool>(),
        wildcard_rejected in any::<bool>(),
    ) {
        let refused = if refuse { ["products/list 12".to_owned()].into() } else { BTreeSet::new() };
        let tenant = Tenant { page_size, page_base, wildcard, wildcard_rejected, refused, ..Tenant::default() };
        let expected = in_order(&tenant, settings()).scopes;
        let mut picks = picks.into_iter().cycle();
        let shuffled = crawl(&tenant, settings(), |waiting| picks.next().unwrap().index(waiting));
        prop_assert_eq!(shuffled.scopes, expected);
    }
}
