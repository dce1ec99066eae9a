//! Tests lists of several pages that are complete, read again or failed.

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
fn accepts_a_first_page_numbered_0_that_is_requested_as_1() {
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
fn reads_a_list_that_moved_again() {
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
    products/list 11: failed: its pages do not form a complete list after 2 attempts: page 2 repeats another page
    products/list 12: 2 pages, 1 rows
    accounts/list 2: 1 pages, 2 rows
    products/list 21: 2 pages, 0 rows
    ");
    assert!(crawled.calls.iter().all(|fetch| fetch.round <= 1));
}

#[test]
fn too_many_pages_fail_the_list() {
    let mut plan = FortiCloudPlanner::new(Settings {
        scope: ScopeMode::Local,
        ..settings()
    });
    let fetch = plan.begin().fetches.remove(0);
    let facts = ListFacts {
        page: Some(1),
        total: Some(i64::MAX),
        rows: 1,
        serials: vec![1],
        ..ListFacts::default()
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
fn a_server_that_ignores_page_numbers_is_detected_early() {
    let tenant = Tenant {
        units: vec![(1, vec![11])],
        products: BTreeMap::from([(11, vec!["F1", "F2", "F3", "F4", "F5", "F6"])]),
        page_size: 1,
        moving: [(11, 9)].into(),
        ..Tenant::default()
    };
    let crawled = in_order(&tenant, settings());
    assert!(
        crawled
            .scopes
            .contains("its pages do not form a complete list"),
        "{}",
        crawled.scopes
    );
    assert!(crawled.calls.len() < 10, "{}", crawled.calls.len());
}

#[test]
fn pages_are_requested_together_once_a_page_number_was_answered() {
    let tenant = Tenant {
        units: vec![(1, vec![11, 12]), (2, vec![21])],
        products: BTreeMap::from([
            (11, vec!["F1", "F2", "F3"]),
            (12, vec!["S1", "S2", "S3", "S4"]),
            (21, vec!["P1", "P2", "P3", "P4"]),
        ]),
        page_size: 1,
        ..Tenant::default()
    };
    let mut plan = FortiCloudPlanner::new(Settings {
        statuses: vec!["Registered".to_owned()],
        search: Search::Patterns(vec!["%".to_owned()]),
        ..settings()
    });
    let mut waiting = VecDeque::from(plan.begin().fetches);
    let mut together = Vec::new();
    // The accounts of the second unit are answered last.
    let is_late = |fetch: &Fetch| number(fetch, "parentId") == Some(2);
    while !waiting.is_empty() {
        let next = waiting.iter().position(|fetch| !is_late(fetch));
        let fetch = waiting.remove(next.unwrap_or(0)).unwrap();
        let step = plan.follow(&fetch, &tenant.answer(&fetch));
        let later = step.fetches.iter().filter(|fetch| fetch.is_later_page());
        together.push(later.count());
        waiting.extend(step.fetches);
    }
    // Accounts 11 and 12 ask for their second page alone, and then for the rest. A page number was
    // answered before account 21 is found, so all of its pages are requested together.
    together.retain(|&count| count > 0);
    assert_eq!(together, [1, 1, 1, 2, 3]);
    assert!(plan.is_finished());
}
