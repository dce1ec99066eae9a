//! Tests when the guard refuses a crawl.

use std::collections::BTreeMap;

use super::{AccountShrink, Guard, Shrink};
use crate::{Census, publish::Tally};

fn census(tables: &[(&str, &[(i64, u64)])]) -> Census {
    let tables = tables.iter().map(|(table, accounts)| {
        let tally = Tally {
            rows: accounts.iter().map(|(_, rows)| rows).sum(),
            accounts: BTreeMap::from([("acme".to_owned(), accounts.iter().copied().collect())]),
        };
        ((*table).to_owned(), tally)
    });
    Census(tables.collect())
}

#[track_caller]
fn check(max_shrink: f64, before: u64, now: u64, refused: bool) {
    let guard = Guard {
        max_shrink,
        snapshot: "20260101T000000Z".to_owned(),
        before: census(&[("products", &[(1, before)])]),
    };
    let found = guard.look(&census(&[("products", &[(1, now)])]));
    assert_eq!(!found.is_empty(), refused, "{before} -> {now}");
}

#[test]
fn a_fifth_may_go_and_not_one_row_more() {
    check(0.2, 100, 80, false);
    check(0.2, 100, 79, true);
    check(0.2, 5, 4, false);
    check(0.2, 4, 3, true);
    check(0.2, 0, 0, false);
    check(0.2, 100, 300, false);
    check(0.0, 1_000_000, 999_999, true);
    check(1.0, 100, 0, false);
}

#[test]
fn who_lost_most_comes_first() {
    let before = census(&[
        ("accounts", &[(1, 1), (2, 1), (3, 1), (4, 1), (5, 1)]),
        ("folders", &[(1, 9)]),
        ("products", &[(1, 50), (2, 60), (3, 10), (4, 7)]),
    ]);
    let now = census(&[
        ("accounts", &[(1, 1), (3, 1), (4, 1), (5, 1)]),
        ("licenses", &[]),
        ("products", &[(1, 20), (3, 10), (4, 9)]),
    ]);
    let guard = Guard {
        max_shrink: 0.2,
        snapshot: "20260101T000000Z".to_owned(),
        before,
    };
    let account = |account_id, before, now| AccountShrink {
        source: "acme".to_owned(),
        account_id,
        before,
        now,
    };
    assert_eq!(
        guard.look(&now),
        [Shrink {
            table: "products".to_owned(),
            against: "20260101T000000Z".to_owned(),
            before: 127,
            now: 39,
            accounts: vec![account(2, 60, 0), account(1, 50, 20)],
        }]
    );
}
