//! Tests how the plan finds out whether `%` is a wildcard, and how many calls that takes.

use super::*;

#[test]
fn other_searches_find_products_if_percent_is_not_a_wildcard() {
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
        // The search by date and the search by prefix find the same products.
        assert!(
            crawled.scopes.contains("6 rows") && crawled.scopes.contains("2 rows"),
            "{}",
            crawled.scopes
        );
        assert!(!crawled.scopes.contains("failed"), "{}", crawled.scopes);
    }
}

fn asked_with<'a>(crawled: &'a Crawled, pattern: &'a str) -> impl Iterator<Item = &'a Fetch> {
    let is_it = move |fetch: &&Fetch| {
        let serial = fetch.arguments.get("serialNumber");
        serial.is_some_and(|serial| serial == pattern)
    };
    crawled.calls.iter().filter(is_it)
}

#[test]
fn a_tenant_that_rejects_the_wildcard_is_asked_once() {
    let tenant = Tenant {
        wildcard_rejected: true,
        ..Tenant::default()
    };
    let crawled = in_order(&tenant, settings());
    // The first account answers other searches, so it is the wildcard that the API rejects.
    assert_eq!(asked_with(&crawled, "%").count(), 1);
    for (account, note) in &crawled.notes {
        assert!(note.contains("`expireBefore`"), "{account:?}: {note}");
        assert!(note.contains("`F`, `S`, `P`"), "{account:?}: {note}");
    }
    assert_eq!(crawled.notes.len(), 3);
    let (_, trial) = &crawled.notes[0];
    assert!(trial.contains("the API did not accept `%`"), "{trial}");
}

#[test]
fn an_account_that_rejects_everything_does_not_disprove_the_wildcard() {
    let tenant = Tenant {
        rejected: Some(11),
        ..Tenant::default()
    };
    let crawled = in_order(&tenant, settings());
    insta::assert_snapshot!(crawled.scopes, @"
    units/list: 1 pages, 2 rows
    accounts/list 1: 1 pages, 2 rows
    products/list 11: failed: rejected
    products/list 12: 2 pages, 1 rows
    accounts/list 2: 1 pages, 2 rows
    products/list 21: 2 pages, 0 rows
    ");
    // The search with the wildcard, and one other search to tell the two cases apart.
    let asked = |fetch: &&Fetch| number(fetch, "accountId") == Some(11);
    assert_eq!(crawled.calls.iter().filter(asked).count(), 2);
}

#[test]
fn a_proven_wildcard_is_kept_if_one_account_rejects_it() {
    for account in [12, 21] {
        let tenant = Tenant {
            wildcard_rejected_by: Some(account),
            ..Tenant::default()
        };
        let crawled = in_order(&tenant, settings());
        let line = format!("products/list {account}: failed: rejected");
        assert!(crawled.scopes.contains(&line), "{}", crawled.scopes);
        assert_eq!(crawled.scopes.matches("failed").count(), 1);
        let otherwise = |fetch: &&Fetch| {
            fetch.endpoint == "products/list"
                && fetch
                    .arguments
                    .get("serialNumber")
                    .is_none_or(|serial| serial != "%")
        };
        assert_eq!(crawled.calls.iter().filter(otherwise).count(), 0);
        let asked = |fetch: &&Fetch| number(fetch, "accountId") == Some(account);
        assert_eq!(crawled.calls.iter().filter(asked).count(), 1);
    }
}

#[test]
fn a_search_by_prefixes_alone_fails_the_scope() {
    let tenant = Tenant {
        wildcard: false,
        dates_ignored: true,
        ..Tenant::default()
    };
    let crawled = in_order(&tenant, settings());
    for account in [11, 12] {
        let failed = format!("products/list {account}: failed: this tenant does not accept `%`");
        assert!(crawled.scopes.contains(&failed), "{}", crawled.scopes);
    }
}

#[test]
fn pending_products_are_read_before_registered_ones() {
    let tenant = Tenant {
        page_size: 1,
        wildcard_rejected: true,
        ..Tenant::default()
    };
    let mut pick = 0..;
    let crawled = crawl(&tenant, settings(), |waiting| {
        pick.next().unwrap() % waiting
    });
    let mut seen = BTreeSet::new();
    for fetch in crawled
        .calls
        .iter()
        .filter(|fetch| fetch.endpoint == "products/list")
    {
        let search = fetch.arguments.get("serialNumber").map(ToString::to_string);
        let list = (number(fetch, "accountId"), search);
        if fetch.arguments["status"] == "Pending" {
            assert!(!seen.contains(&list), "{list:?}");
        } else {
            seen.insert(list);
        }
    }
}

#[test]
fn empty_accounts_need_no_other_searches_once_the_wildcard_is_proven() {
    let crawled = in_order(&Tenant::default(), settings());
    assert!(crawled.calls.iter().all(|fetch| {
        fetch
            .arguments
            .get("serialNumber")
            .is_none_or(|serial| serial == "%")
    }));
}

#[test]
fn a_tenant_without_products_is_searched_in_all_ways() {
    let tenant = Tenant {
        products: BTreeMap::new(),
        ..Tenant::default()
    };
    let crawled = in_order(&tenant, settings());
    assert_eq!(crawled.calls.len(), 3 + 3 * 2 + 3 * 8);
    assert!(!crawled.scopes.contains("failed"), "{}", crawled.scopes);
}

#[test]
fn the_first_list_of_accounts_is_requested_alone() {
    let tenant = Tenant::default();
    let mut plan = FortiCloudPlanner::new(settings());
    let units = plan.begin().fetches.remove(0);
    let first = plan.follow(&units, &tenant.answer(&units)).fetches;
    assert_eq!(first.len(), 1);
    let then = plan.follow(&first[0], &tenant.answer(&first[0])).fetches;
    let lists = then
        .iter()
        .filter(|fetch| fetch.endpoint == "accounts/list");
    assert_eq!(lists.count(), tenant.units.len() - 1);
}

/// Begins a plan of these accounts, each of which is searched for registered products.
fn begin(accounts: &[i64]) -> (FortiCloudPlanner, Vec<Fetch>) {
    let mut plan = FortiCloudPlanner::new(Settings {
        statuses: vec!["Registered".to_owned()],
        accounts: accounts.to_vec(),
        ..settings()
    });
    let tenant = Tenant::default();
    let mut waiting = plan.begin().fetches;
    let mut searches = Vec::new();
    while let Some(fetch) = waiting.pop() {
        if fetch.endpoint == "products/list" {
            searches.push(fetch);
        } else {
            waiting.extend(plan.follow(&fetch, &tenant.answer(&fetch)).fetches);
        }
    }
    (plan, searches)
}

fn accounts(fetches: &[Fetch]) -> Vec<i64> {
    let accounts = fetches.iter().map(|fetch| number(fetch, "accountId"));
    accounts.map(Option::unwrap).collect()
}

#[test]
fn another_account_takes_the_place_of_a_trial_that_is_late() {
    let (mut plan, searches) = begin(&[11, 12, 21]);
    assert_eq!(searches.len(), 1, "only the first account is searched");
    let first = accounts(&searches)[0];
    let second = plan.delay(&searches[0]).fetches;
    let [next] = accounts(&second)[..] else {
        panic!("{second:?}");
    };
    assert_ne!(next, first);
    // It is no longer the trial, so nothing takes its place again.
    assert_eq!(plan.delay(&searches[0]).fetches, []);
    let third = plan.delay(&second[0]).fetches;
    assert_eq!(third.len(), 1);
    // No account is left to take the place of the last one.
    assert_eq!(plan.delay(&third[0]).fetches, []);
}

#[test]
fn accounts_are_searched_otherwise_although_the_first_ones_failed() {
    let tenant = Tenant {
        wildcard: false,
        refused: ["products/list 11".to_owned()].into(),
        ..Tenant::default()
    };
    let crawled = in_order(&tenant, settings());
    let found = crawled
        .notes
        .iter()
        .filter(|(_, note)| note.contains("`%` found nothing"));
    assert_eq!(found.count(), 2, "{:?}", crawled.notes);
}

#[test]
fn an_empty_account_waits_until_no_other_can_prove_the_wildcard() {
    let (mut plan, searches) = begin(&[21, 11]);
    let tenant = Tenant::default();
    let empty = searches
        .iter()
        .find(|fetch| accounts(&[(*fetch).clone()]) == [21])
        .unwrap();
    let step = plan.follow(empty, &tenant.answer(empty));
    assert_eq!(
        accounts(&step.fetches),
        [11],
        "account 21 is not searched again"
    );
    let step = plan.follow(&step.fetches[0], &tenant.answer(&step.fetches[0]));
    assert_eq!(step.fetches, []);
    assert!(plan.is_finished());
}

#[test]
fn a_late_trial_that_finds_rows_proves_the_wildcard_for_all() {
    for rows in [true, false] {
        let (mut plan, searches) = begin(&[11, 12, 21]);
        let late = searches[0].clone();
        plan.delay(&late);
        let tenant = Tenant {
            products: (11..=21).map(|account| (account, vec!["F1"])).collect(),
            wildcard: rows,
            ..Tenant::default()
        };
        // Another trial is in flight, and a third account waits for its outcome.
        let released = plan.follow(&late, &tenant.answer(&late)).fetches;
        assert_eq!(released.len(), usize::from(rows));
    }
}
