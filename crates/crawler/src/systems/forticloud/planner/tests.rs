//! Tests the plan as data: a small tenant whose responses arrive in any order.

mod local;
mod paging;
mod proof;
mod tenant;
mod wildcard;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use proptest::prelude::*;

use self::tenant::{Tenant, failure, ids, number};
use super::*;
use crate::{DetailsFor, Facts, FailureKind, Ids, ListFacts, Pages};

fn settings() -> Settings {
    Settings {
        source: "acme".into(),
        system: crate::System::default(),
        scope: ScopeMode::Auto,
        organization_seen: false,
        search: Search::Auto,
        statuses: vec!["Registered".to_owned(), "Pending".to_owned()],
        accounts: Vec::new(),
        include: Vec::new(),
        details: None,
        models: Vec::new(),
        verify_paging: false,
    }
}

/// The result of a crawl: the calls, and the scopes in publishing order, one line each.
struct Crawled {
    calls: Vec<Fetch>,
    scopes: String,
    /// The notes of the product scopes, by account.
    notes: Vec<(Option<i64>, String)>,
}

/// Crawls the tenant. `pick` chooses which call in flight is answered next.
fn crawl(tenant: &Tenant, settings: Settings, mut pick: impl FnMut(usize) -> usize) -> Crawled {
    let mut plan = FortiCloudPlanner::new(settings);
    let mut step = plan.begin();
    let (mut waiting, mut calls, mut scopes) = (Vec::new(), Vec::new(), String::new());
    let mut notes = Vec::new();
    loop {
        waiting.append(&mut step.fetches);
        for scope in step.closed {
            let id = scope
                .account_id
                .or(scope.ou_id)
                .map(|id| format!(" {id}"))
                .unwrap_or_default();
            if let Some(note) = scope.note {
                notes.push((scope.account_id, note));
            }
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
    Crawled {
        calls,
        scopes,
        notes,
    }
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
            .contains("licenses/list 11: failed: skipped because refused"),
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
fn an_outcome_of_an_unknown_call_changes_nothing() {
    let mut plan = FortiCloudPlanner::new(settings());
    let begin = plan.begin();
    let first = begin.fetches[0].clone();
    let stranger = Fetch::new(first.source, first.endpoint, first.arguments, 7);
    let step = plan.follow(&stranger, &failure(FailureKind::Lost));
    assert!(step.fetches.is_empty() && step.closed.is_empty());
    assert!(!plan.is_finished());
}

#[test]
fn repeated_settings_are_requested_once() {
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
fn a_row_without_an_id_fails_only_its_list() {
    let tenant = Tenant {
        units: vec![(1, vec![11, 0]), (2, vec![12])],
        ..Tenant::default()
    };
    insta::assert_snapshot!(in_order(&tenant, settings()).scopes, @"
    units/list: 1 pages, 2 rows
    accounts/list 1: failed: 1 account has no id, so nothing that belongs to it can be read
    products/list 11: 2 pages, 3 rows
    accounts/list 2: 1 pages, 1 rows
    products/list 12: 2 pages, 1 rows
    ");
    let tenant = Tenant {
        units: vec![(1, vec![11]), (0, vec![])],
        ..Tenant::default()
    };
    let scopes = in_order(&tenant, settings()).scopes;
    let expected =
        "units/list: failed: 1 unit has no id, so nothing that belongs to it can be read";
    assert!(scopes.starts_with(expected), "{scopes}");
}

#[test]
fn a_product_in_two_accounts_is_requested_once_for_both() {
    let mut plan = FortiCloudPlanner::new(Settings {
        details: Some(DetailsFor::default()),
        statuses: vec!["Registered".to_owned()],
        accounts: vec![11, 12],
        scope: ScopeMode::Local,
        ..settings()
    });
    let mut waiting = VecDeque::from(plan.begin().fetches);
    let (mut details, mut closed) = (0, Vec::new());
    while let Some(fetch) = waiting.pop_front() {
        let serial = "F1".to_owned();
        let facts = if fetch.endpoint == DETAILS {
            details += 1;
            Facts::Details(vec![crate::DetailsSubject {
                serial,
                account: None,
            }])
        } else {
            Facts::List(ListFacts {
                page: Some(1),
                total: Some(1),
                rows: 1,
                serials: vec![1],
                products: vec![crate::ProductName {
                    serial,
                    model: None,
                }],
                ..ListFacts::default()
            })
        };
        let step = plan.follow(&fetch, &Outcome::Page(facts));
        waiting.extend(step.fetches);
        // The details wait until all lists are read.
        let (of_details, of_lists): (Vec<&Fetch>, Vec<&Fetch>) =
            waiting.iter().partition(|fetch| fetch.endpoint == DETAILS);
        assert!(of_details.is_empty() || of_lists.is_empty());
        closed.extend(step.closed);
    }
    assert!(plan.is_finished());
    assert_eq!(details, 1);
    assert!(
        closed
            .iter()
            .rev()
            .take(2)
            .all(|scope| scope.endpoint == DETAILS)
    );
    let of_details = closed.iter().filter(|scope| scope.endpoint == DETAILS);
    let of_details: Vec<_> = of_details
        .map(|scope| (scope.account_id, scope.pages.as_ref().map(Pages::len)))
        .collect();
    assert_eq!(of_details, [(Some(11), Ok(1)), (Some(12), Ok(1))]);
}

#[test]
fn details_are_published_after_all_lists() {
    let settings = Settings {
        details: Some(DetailsFor::default()),
        search: Search::Patterns(vec!["F".to_owned()]),
        ..settings()
    };
    let tenant = Tenant {
        products: BTreeMap::new(),
        ..Tenant::default()
    };
    // Without products, the details of an account need no call.
    let scopes = in_order(&tenant, settings).scopes;
    let lines: Vec<&str> = scopes.lines().collect();
    let first = lines.iter().position(|line| line.starts_with(DETAILS));
    assert_eq!(first, Some(lines.len() - 3), "{scopes}");
}

proptest! {
    /// The published scopes and their order do not depend on the order of the responses.
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
