//! Tests of which accounts a rolling crawl reads.

use fortilake_sink::ScopeId;

use super::*;
use crate::due::{FRESH, NO_CALLS_LEFT};

/// The record of one list, which took two pages.
fn list(account: i64, endpoint: &str, observed_at: i64, error: Option<&str>) -> ScopeRecord {
    ScopeRecord {
        scope: ScopeId {
            source: "acme".to_owned(),
            endpoint: endpoint.to_owned(),
            subject: format!("account={account}"),
        },
        account_id: Some(account),
        ou_id: None,
        organization_id: None,
        pages: 2,
        listed: 0,
        rows: BTreeMap::new(),
        observed_at,
        carried_from: None,
        error: error.map(str::to_owned),
        postponed: false,
        unproven: false,
        note: None,
    }
}

fn carried(account: i64, observed_at: i64, error: Option<&str>) -> ScopeRecord {
    ScopeRecord {
        carried_from: Some("crawl-1".to_owned()),
        ..list(account, "products/list", observed_at, error)
    }
}

/// What is due at `before` after a crawl that ended at 100 with these records.
fn after(records: &[ScopeRecord], before: i64, calls: Option<u64>) -> Due {
    Due {
        before,
        calls,
        accounts: last_reads(records.iter().map(|record| (record, 100))),
    }
}

fn products(account: i64, observed_at: i64) -> ScopeRecord {
    list(account, "products/list", observed_at, None)
}

#[test]
fn the_oldest_accounts_are_first_and_the_fresh_ones_are_left_out() {
    let due = after(
        &[products(1, 50), products(2, 90), products(3, 40)],
        80,
        None,
    );
    let choice = due.choose(&[1, 2, 3, 4], 1, 2);
    assert_eq!(choice.due, [4, 3, 1]);
    assert_eq!(choice.postponed, [(2, FRESH)]);
}

#[test]
fn an_account_is_as_old_as_its_oldest_list() {
    let folders = list(1, "folders/list", 30, None);
    let due = after(&[products(1, 90), folders], 80, None);
    assert_eq!(due.choose(&[1], 0, 2).due, [1]);
}

#[test]
fn the_age_of_details_does_not_matter() {
    let details = list(1, "products/details", 10, None);
    let due = after(&[products(1, 90), details], 80, None);
    assert_eq!(due.choose(&[1], 0, 2).postponed, [(1, FRESH)]);
}

#[test]
fn calls_are_limited_with_those_that_found_the_accounts() {
    let records: Vec<_> = (1..=5).map(|account| products(account, account)).collect();
    let due = after(&records, 80, Some(7));
    let choice = due.choose(&[5, 4, 3, 2, 1], 3, 2);
    assert_eq!(choice.due, [1, 2]);
    let left = [(3, NO_CALLS_LEFT), (4, NO_CALLS_LEFT), (5, NO_CALLS_LEFT)];
    assert_eq!(choice.postponed, left);
}

#[test]
fn an_account_that_was_never_read_takes_the_calls_of_its_lists() {
    let due = after(&[], 80, Some(7));
    assert_eq!(due.choose(&[1, 2, 3], 1, 3).due, [1, 2]);
}

#[test]
fn one_account_is_read_however_few_calls_are_left() {
    let due = after(&[], 80, Some(1));
    assert_eq!(due.choose(&[1, 2], 10, 2).due, [1]);
}

#[test]
fn an_account_that_failed_comes_after_those_that_wait_longer() {
    let failed = carried(1, 10, Some("HTTP 500"));
    let without_rows = list(2, "products/list", 0, Some("HTTP 500"));
    let due = after(&[failed, without_rows, products(3, 50)], 80, Some(2));
    assert_eq!(due.choose(&[1, 2, 3], 0, 2).due, [3]);
    let due = Due { calls: None, ..due };
    assert_eq!(due.choose(&[1, 2, 3], 0, 2).due, [3, 1, 2]);
}

#[test]
fn carried_rows_keep_their_age() {
    let due = after(&[carried(1, 10, None), products(2, 20)], 80, None);
    assert_eq!(due.choose(&[1, 2], 0, 2).due, [1, 2]);
}

#[test]
fn an_account_that_never_had_its_turn_is_first() {
    let postponed = ScopeRecord {
        postponed: true,
        ..list(2, "products/list", 100, Some(NO_CALLS_LEFT))
    };
    let due = after(&[products(1, 10), postponed], 80, None);
    assert_eq!(due.choose(&[1, 2], 0, 2).due, [2, 1]);
}

/// How old the rows of 20,000 accounts become, in hours, if every hour has this many calls.
fn oldest_of_twenty_thousand(calls: u64, hours: i64) -> i64 {
    let accounts: Vec<i64> = (0..20_000).collect();
    let mut read = BTreeMap::<i64, i64>::new();
    let mut oldest = 0;
    for hour in 0..hours {
        let last = |(&account, &at): (&i64, &i64)| {
            let last = LastRead {
                read_at: Some(at),
                tried_at: at,
                calls: 2,
            };
            (account, last)
        };
        let due = Due {
            before: hour - 1,
            calls: Some(calls),
            accounts: read.iter().map(last).collect(),
        };
        // Three calls find the accounts.
        let choice = due.choose(&accounts, 3, 2);
        assert!(3 + 2 * choice.due.len() as u64 <= calls, "hour {hour}");
        read.extend(choice.due.iter().map(|&account| (account, hour)));
        if read.len() == accounts.len() {
            let ages = read.values().map(|at| hour - at + 1);
            oldest = oldest.max(ages.max().unwrap_or_default());
        }
    }
    oldest
}

#[test]
fn no_account_waits_longer_than_the_calls_take() {
    // 40,003 calls are 41 hours of one user, and 21 of two. Some calls of each hour sign in.
    assert_eq!(oldest_of_twenty_thousand(985, 50), 41);
    assert_eq!(oldest_of_twenty_thousand(2 * 985, 30), 21);
}
