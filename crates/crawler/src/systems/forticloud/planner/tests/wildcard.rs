//! What `%` turns out to be, and what that costs.

use super::*;

#[test]
fn prefixes_find_what_a_wildcard_that_is_none_does_not() {
    for wildcard_rejected in [false, true] {
        let tenant = Tenant {
            wildcard: false,
            wildcard_rejected,
            ..Tenant::default()
        };
        let crawled = in_order(&tenant, settings());
        for line in ["products/list 11", "products/list 12", "products/list 21"] {
            assert!(crawled.scopes.contains(line), "{}", crawled.scopes);
        }
        assert!(
            crawled.scopes.contains("3 rows") && crawled.scopes.contains("1 rows"),
            "{}",
            crawled.scopes
        );
        assert!(!crawled.scopes.contains("failed"), "{}", crawled.scopes);
    }
}

#[test]
fn a_tenant_that_rejects_the_wildcard_is_asked_twice() {
    let tenant = Tenant {
        wildcard_rejected: true,
        ..Tenant::default()
    };
    let crawled = in_order(&tenant, settings());
    let asked = crawled.calls.iter().filter(|fetch| {
        fetch
            .arguments
            .get("serialNumber")
            .is_some_and(|serial| serial == "%")
    });
    // Two accounts, once each; the third is believed.
    assert_eq!(asked.count(), 2);
}

#[test]
fn empty_accounts_cost_nothing_once_the_wildcard_is_proven() {
    let crawled = in_order(&Tenant::default(), settings());
    assert!(crawled.calls.iter().all(|fetch| {
        fetch
            .arguments
            .get("serialNumber")
            .is_none_or(|serial| serial == "%")
    }));
}

#[test]
fn a_tenant_without_products_is_asked_with_prefixes_before_it_is_believed() {
    let tenant = Tenant {
        products: BTreeMap::new(),
        ..Tenant::default()
    };
    let crawled = in_order(&tenant, settings());
    assert_eq!(crawled.calls.len(), 3 + 3 * 2 + 3 * 4);
    assert!(!crawled.scopes.contains("failed"), "{}", crawled.scopes);
}

#[test]
fn one_account_that_rejects_the_wildcard_says_nothing_of_the_others() {
    let tenant = Tenant {
        units: vec![(1, vec![11, 12, 13])],
        products: BTreeMap::from([(11, vec!["F1"]), (12, vec!["P1", "F2"]), (13, vec!["P2"])]),
        wildcard_rejected_by: Some(11),
        ..Tenant::default()
    };
    let crawled = in_order(&tenant, settings());
    assert!(
        crawled.scopes.contains("products/list 11: 4 pages, 1 rows"),
        "{}",
        crawled.scopes
    );
    assert!(
        crawled.scopes.contains("products/list 12: 2 pages, 2 rows"),
        "{}",
        crawled.scopes
    );
    assert!(
        crawled.scopes.contains("products/list 13: 2 pages, 1 rows"),
        "{}",
        crawled.scopes
    );
}

#[test]
fn the_first_list_of_accounts_goes_alone() {
    let tenant = Tenant::default();
    let mut plan = Plan::new(settings());
    let units = plan.begin().fetches.remove(0);
    let first = plan.follow(&units, &tenant.answer(&units)).fetches;
    assert_eq!(first.len(), 1);
    let then = plan.follow(&first[0], &tenant.answer(&first[0])).fetches;
    let lists = then
        .iter()
        .filter(|fetch| fetch.endpoint == "accounts/list");
    assert_eq!(lists.count(), tenant.units.len() - 1);
}
