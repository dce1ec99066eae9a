//! Tests when the guard refuses a crawl.

use std::{collections::BTreeMap, sync::Arc};

use fortilake_sink::{Outcome, ScopeId, ScopeOutcome, ScopeResult};

use super::{AccountShrink, Baselines, Guard, Shrink, ShrinkLimits};

const LIMITS: ShrinkLimits = ShrinkLimits {
    max_shrink: 0.2,
    max_account_shrink: 0.5,
    min_rows: 20,
};

fn scope(endpoint: &str, account: i64) -> ScopeId {
    ScopeId {
        source: "acme".to_owned(),
        endpoint: endpoint.to_owned(),
        subject: format!("account={account}"),
    }
}

/// The outcome of a crawl that read the products of these accounts; `None` means that reading
/// failed.
fn crawl(accounts: &[(i64, Option<u64>)]) -> Outcome {
    let scopes = accounts.iter().map(|&(account, rows)| ScopeOutcome {
        scope: Arc::new(scope("products/list", account)),
        result: match rows {
            Some(_) => ScopeResult::Complete,
            None => ScopeResult::Failed {
                error: "HTTP 500".to_owned(),
            },
        },
        rows: rows
            .map(|rows| ("products".to_owned(), rows))
            .into_iter()
            .collect(),
        observed_at: 0,
    });
    let scopes: Vec<_> = scopes.collect();
    let rows = scopes.iter().flat_map(|scope| scope.rows.values()).sum();
    Outcome {
        complete: accounts.iter().all(|(_, rows)| rows.is_some()),
        scopes,
        exhaustive: [("acme".to_owned(), "products/list".to_owned())].into(),
        tables: BTreeMap::from([("products".to_owned(), rows)]),
        ..Outcome::default()
    }
}

/// What a guard that knows all crawls but the last one finds in the last one.
fn look(limits: ShrinkLimits, crawls: &[Outcome]) -> Vec<Shrink> {
    let mut before = Baselines::default();
    let (last, earlier) = crawls.split_last().unwrap();
    for (number, outcome) in earlier.iter().enumerate() {
        before.update(outcome, &format!("2026010{}T000000Z", number + 1));
    }
    Guard { limits, before }.look(last)
}

#[track_caller]
fn check(max_shrink: f64, before: u64, now: u64, refused: bool) {
    let limits = ShrinkLimits {
        max_shrink,
        max_account_shrink: 1.0,
        ..LIMITS
    };
    let found = look(
        limits,
        &[crawl(&[(1, Some(before))]), crawl(&[(1, Some(now))])],
    );
    assert_eq!(!found.is_empty(), refused, "{before} -> {now}");
}

#[test]
fn a_table_may_lose_exactly_its_share() {
    check(0.2, 100, 80, false);
    check(0.2, 100, 79, true);
    check(0.2, 20, 15, true);
    check(0.2, 0, 0, false);
    check(0.2, 100, 300, false);
    check(0.0, 1_000_000, 999_999, true);
    check(1.0, 100, 0, false);
}

#[test]
fn small_tables_are_never_refused() {
    check(0.2, 4, 3, false);
    check(0.2, 19, 0, false);
}

#[test]
fn an_account_may_not_lose_most_of_its_rows() {
    let before = crawl(&[(1, Some(119)), (2, Some(5_000))]);
    let now = crawl(&[(1, Some(0)), (2, Some(5_000))]);
    let found = look(LIMITS, &[before, now]);
    let account = AccountShrink {
        source: "acme".to_owned(),
        account_id: 1,
        before: 119,
        now: 0,
    };
    assert_eq!(
        found,
        [Shrink {
            table: "products".to_owned(),
            source: "acme".to_owned(),
            against: "20260101T000000Z".to_owned(),
            before: 5_119,
            now: 5_000,
            accounts: vec![account],
        }]
    );
}

#[test]
fn a_failed_scope_does_not_disable_the_guard() {
    let before = crawl(&[(1, Some(100)), (2, Some(100)), (3, Some(50))]);
    let now = crawl(&[(1, None), (2, Some(10)), (3, Some(50))]);
    let found = look(LIMITS, &[before.clone(), now]);
    assert_eq!((found[0].before, found[0].now), (150, 60));
    // The rows of a failed scope do not count as lost.
    let now = crawl(&[(1, None), (2, Some(100)), (3, Some(50))]);
    assert!(look(LIMITS, &[before, now]).is_empty());
}

#[test]
fn an_account_that_is_gone_counts_as_loss_if_all_accounts_are_known() {
    let before = crawl(&[(1, Some(100)), (2, Some(30))]);
    let now = crawl(&[(1, Some(100))]);
    let found = look(LIMITS, &[before.clone(), now.clone()]);
    assert_eq!((found[0].before, found[0].now), (130, 100));
    let unknown = Outcome {
        exhaustive: [].into(),
        ..now
    };
    assert!(look(LIMITS, &[before, unknown]).is_empty());
}

#[test]
fn a_scope_is_compared_with_the_last_time_it_was_complete() {
    let first = crawl(&[(1, Some(100)), (2, Some(100))]);
    let second = crawl(&[(1, None), (2, Some(90))]);
    let third = crawl(&[(1, Some(20)), (2, Some(90))]);
    let found = look(LIMITS, &[first, second, third]);
    assert_eq!((found[0].before, found[0].now), (190, 110));
    assert_eq!(found[0].against, "20260102T000000Z");
}

/// The same crawl, in which this account could not be read and has the rows of an earlier one.
fn carried(mut outcome: Outcome, account: i64) -> Outcome {
    let scope = scope("products/list", account);
    let mut scopes = outcome.scopes.iter_mut();
    let found = scopes.find(|found| *found.scope == scope).unwrap();
    found.result = ScopeResult::Carried {
        crawl: "earlier".to_owned(),
        error: Some("HTTP 500".to_owned()),
    };
    outcome
}

#[test]
fn rows_of_an_earlier_crawl_are_no_loss_and_no_baseline() {
    let first = crawl(&[(1, Some(100)), (2, Some(100))]);
    // The rows of account 1 are not of this crawl, however many they are.
    let second = carried(crawl(&[(1, Some(7)), (2, Some(100))]), 1);
    assert_eq!(look(LIMITS, &[first.clone(), second.clone()]), []);
    // What the account is compared with later is what was read.
    let third = crawl(&[(1, Some(30)), (2, Some(100))]);
    let found = look(LIMITS, &[first, second, third]);
    assert_eq!((found[0].before, found[0].now), (200, 130));
}

#[test]
fn the_newest_snapshot_that_rows_are_compared_with_is_named() {
    let first = crawl(&[(1, Some(100)), (2, Some(100))]);
    let second = crawl(&[(1, Some(100)), (2, None)]);
    let third = crawl(&[(1, Some(10)), (2, Some(10))]);
    let found = look(LIMITS, &[first, second, third]);
    assert_eq!(found[0].against, "20260102T000000Z");
}

/// Fewer issues are good news, and coverage has a row for each scope, whatever became of it.
#[test]
fn fewer_issues_and_scopes_are_no_loss() {
    let with = |issues, coverage| {
        let mut outcome = crawl(&[(1, Some(100))]);
        let table = |name: &str, rows| (name.to_owned(), rows);
        outcome.scopes[0].rows.extend([table("issues", issues)]);
        outcome.scopes.push(ScopeOutcome {
            scope: Arc::new(ScopeId::report()),
            result: ScopeResult::Complete,
            rows: [table("coverage", coverage)].into(),
            observed_at: 0,
        });
        let tables = [table("issues", issues), table("coverage", coverage)];
        outcome.tables.extend(tables);
        outcome
    };
    assert_eq!(look(LIMITS, &[with(500, 900), with(0, 30)]), []);
}

#[test]
fn what_is_gone_is_forgotten_once_it_was_published_without() {
    let first = crawl(&[(1, Some(100)), (2, Some(30))]);
    let second = crawl(&[(1, Some(100))]);
    assert!(look(LIMITS, &[first.clone(), second.clone(), second.clone()]).is_empty());
    // A crawl that does not know all accounts says nothing about the others.
    let selected = Outcome {
        exhaustive: [].into(),
        ..second.clone()
    };
    let found = look(LIMITS, &[first, selected, second]);
    assert_eq!((found[0].before, found[0].now), (130, 100));
}

#[test]
fn the_account_with_the_largest_loss_comes_first() {
    let before = crawl(&[(1, Some(50)), (2, Some(60)), (3, Some(10)), (4, Some(7))]);
    let now = crawl(&[(1, Some(20)), (2, Some(0)), (3, Some(10)), (4, Some(9))]);
    let found = look(LIMITS, &[before, now]);
    let accounts: Vec<_> = found[0]
        .accounts
        .iter()
        .map(|account| account.account_id)
        .collect();
    assert_eq!(accounts, [2, 1]);
}

#[test]
fn baselines_of_the_first_edition_are_those_of_accounts() {
    let text = r#"{
        "products": { "rows": 60, "accounts": { "acme": { "1": 40, "2": 20 } } },
        "entitlements": { "rows": 90, "accounts": { "acme": { "1": 90 } } },
        "accounts": { "rows": 2, "accounts": { "acme": { "1": 1, "2": 1 } } },
        "gone": { "rows": 7, "accounts": { "acme": { "1": 7 } } }
    }"#;
    let baselines = Baselines::of_first_edition(text, "20260801T000000Z").unwrap();
    let scopes: Vec<_> = baselines.scopes.values().collect();
    assert_eq!(scopes.len(), 2);
    assert_eq!(scopes[0].scope, scope("products/list", 1));
    assert_eq!(scopes[0].rows["products"], 40);
    assert_eq!(scopes[0].rows["entitlements"], 90);
    assert_eq!(scopes[1].rows.len(), 1);
    let guard = Guard {
        limits: LIMITS,
        before: baselines,
    };
    assert_eq!(guard.look(&crawl(&[(1, Some(40)), (2, Some(20))])), []);
    let shrunk = guard.look(&crawl(&[(1, Some(40)), (2, Some(3))]));
    assert_eq!(shrunk[0].against, "20260801T000000Z");
    assert_eq!((shrunk[0].before, shrunk[0].now), (60, 43));
    assert_eq!(Baselines::of_first_edition("[]", "20260801T000000Z"), None);
}
