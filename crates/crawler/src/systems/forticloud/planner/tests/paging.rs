//! Lists of several pages: proven, begun anew, or refused.

use super::*;

#[test]
fn follows_pages_from_either_base() {
    for page_base in [0, 1] {
        let tenant = Tenant {
            page_size: 1,
            page_base,
            ..Tenant::default()
        };
        let crawled = in_order(&tenant, settings());
        assert!(
            crawled.scopes.contains("products/list 11: 4 pages, 3 rows"),
            "{}",
            crawled.scopes
        );
    }
}

#[test]
fn survives_a_first_page_that_calls_itself_zero_and_is_one() {
    let tenant = Tenant {
        page_size: 1,
        claimed_base: Some(0),
        ..Tenant::default()
    };
    let crawled = in_order(&tenant, settings());
    assert!(
        crawled.scopes.contains("products/list 11: 4 pages, 3 rows"),
        "{}",
        crawled.scopes
    );
}

#[test]
fn asks_a_list_that_moved_once_more() {
    let tenant = Tenant {
        page_size: 1,
        moving: [(11, 1)].into(),
        ..Tenant::default()
    };
    let crawled = in_order(&tenant, settings());
    assert!(
        crawled.scopes.contains("products/list 11: 4 pages, 3 rows"),
        "{}",
        crawled.scopes
    );
    assert!(crawled.calls.iter().any(|fetch| fetch.round == 1));
}

#[test]
fn fails_a_list_that_keeps_moving() {
    let tenant = Tenant {
        page_size: 1,
        moving: [(11, 9)].into(),
        ..Tenant::default()
    };
    let crawled = in_order(&tenant, settings());
    insta::assert_snapshot!(crawled.scopes, @"
    units/list: 1 pages, 2 rows
    accounts/list 1: 1 pages, 2 rows
    products/list 11: failed: the list moved while it was read, 2 times: page 2 repeats a product of page 1
    products/list 12: 2 pages, 1 rows
    accounts/list 2: 1 pages, 2 rows
    products/list 21: 2 pages, 0 rows
    ");
    assert!(crawled.calls.iter().all(|fetch| fetch.round <= 1));
}

#[test]
fn an_absurd_number_of_pages_is_refused() {
    let mut plan = Plan::new(Settings {
        scope: ScopeMode::Local,
        ..settings()
    });
    let fetch = plan.begin().fetches.remove(0);
    let facts = ListFacts {
        products: Vec::new(),
        page: Some(1),
        total: Some(i64::MAX),
        rows: 1,
        serials: vec![1],
    };
    let step = plan.follow(&fetch, &Outcome::Page(Facts::List(facts)));
    assert!(step.fetches.is_empty());
}

#[test]
fn a_tenant_that_refuses_page_numbers_costs_one_call() {
    let tenant = Tenant {
        units: vec![(1, vec![11])],
        products: BTreeMap::from([(11, vec!["F1", "F2", "F3", "F4", "F5", "F6"])]),
        page_size: 1,
        pages_refused: true,
        ..Tenant::default()
    };
    let crawled = in_order(&tenant, settings());
    assert!(
        crawled.scopes.contains("products/list 11: failed"),
        "{}",
        crawled.scopes
    );
    let numbered = crawled
        .calls
        .iter()
        .filter(|fetch| fetch.arguments.contains_key("pageNumber"));
    assert_eq!(numbered.count(), 1);
}

#[test]
fn a_server_that_ignores_page_numbers_is_found_out_early() {
    let tenant = Tenant {
        units: vec![(1, vec![11])],
        products: BTreeMap::from([(11, vec!["F1", "F2", "F3", "F4", "F5", "F6"])]),
        page_size: 1,
        moving: [(11, 9)].into(),
        ..Tenant::default()
    };
    let crawled = in_order(&tenant, settings());
    assert!(
        crawled.scopes.contains("moved while it was read"),
        "{}",
        crawled.scopes
    );
    assert!(crawled.calls.len() < 10, "{}", crawled.calls.len());
}
