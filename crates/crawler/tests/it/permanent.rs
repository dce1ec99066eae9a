//! Accounts that always fail: the crawl still ends, and reports which they are.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use fortilake_client::{Config, Reason, Waiting};
use fortilake_crawler::{Error, Incomplete, Kind};
use fortilake_simulator::{Scenario, Simulator};

use crate::{
    resume::{Kept, worst_hour},
    util::{Crawled, Lab, products_only, scenario},
};

const ACCOUNTS: usize = 20;

/// How many errors per hour a crawl may use by default, and how many the API allows.
const ERRORS: u32 = 8;
const ALL_ERRORS: u32 = 10;

/// Faults that never heal.
const ACTIONS: [&str; 6] = [
    "{ kind = \"http\", status = 500, body = \"boom\" }",
    "{ kind = \"silence\" }",
    "{ kind = \"html\" }",
    "{ kind = \"http\", status = 403 }",
    "{ kind = \"refuse\" }",
    "{ kind = \"http\", status = 503 }",
];

/// One way to fail, and all of them.
const MIXES: [&[usize]; 7] = [&[0], &[1], &[2], &[3], &[4], &[5], &[0, 1, 2, 3, 4, 5]];

/// The place of the refusal in [`ACTIONS`].
const REFUSE: usize = 4;

/// The accounts in the order in which they are read, and their numbers of products.
fn accounts() -> BTreeMap<i64, usize> {
    let truth = Simulator::new(with("")).truth();
    let ids = truth.tables["accounts"].iter();
    let mut accounts: BTreeMap<i64, usize> = ids
        .map(|row| (row["account_id"].as_i64().unwrap(), 0))
        .collect();
    for row in &truth.tables["products"] {
        *accounts
            .entry(row["account_id"].as_i64().unwrap())
            .or_default() += 1;
    }
    accounts
}

fn with_faults(bad: &[i64], kinds: &[usize]) -> Scenario {
    let faults = bad.iter().zip(kinds.iter().cycle()).map(|(account, kind)| {
        format!(
            "[[fault]]\npath = \"products/list\"\naccount = {account}\naction = {}\n",
            ACTIONS[*kind]
        )
    });
    with(&faults.collect::<String>())
}

/// The tenant with these faults.
fn with(faults: &str) -> Scenario {
    let text = format!("latency = \"200ms\"\n{faults}");
    scenario(&text, 2, ACCOUNTS as u64, 60)
}

/// Runs the crawl after each pause until it ends, and returns how many runs it took.
async fn to_the_end(lab: &Lab) -> (Crawled, usize) {
    let paused = |error: &Error| error.kind() == Kind::Paused;
    to_the_end_within(lab, ERRORS, paused).await
}

/// Does the same with as many errors per hour, if each run but the last ends in an expected way.
async fn to_the_end_within(
    lab: &Lab,
    errors: u32,
    is_expected: impl Fn(&Error) -> bool,
) -> (Crawled, usize) {
    let kept = Kept::new();
    for run in 1..10 {
        let journal = kept.take_up();
        let limited = |config: &mut Config| {
            let limit = config.errors.as_mut().unwrap();
            limit.reserve = limit.max - errors;
        };
        let crawled = lab
            .run(products_only(), Incomplete::Publish, journal, limited)
            .await;
        let Err(error) = &crawled.report else {
            return (crawled, run);
        };
        assert!(is_expected(error), "{error}");
        if let Some(pause) = error.pause() {
            let expected = [Reason::Errors, Reason::Closed];
            assert!(expected.contains(&pause.reason), "{}", pause.reason);
        }
        tokio::time::sleep(Duration::from_mins(61)).await;
    }
    panic!("the crawl did not end in 9 runs");
}

/// Checks a crawl in which these accounts always fail, and which may use so many errors per hour.
async fn check(bad: &[i64], kinds: &[usize], errors: u32) {
    let lab = Lab::new(with_faults(bad, kinds));
    // If only refusals used up the errors, and no account was read, the user lacks a permission.
    let only_refusals = *kinds == [REFUSE] && bad.len() >= errors as usize;
    let (crawled, runs) = to_the_end_within(&lab, errors, |error| {
        error.kind() == Kind::Paused || (only_refusals && error.kind() == Kind::Configuration)
    })
    .await;
    let what = format!("{} accounts, {kinds:?}, {errors} errors", bad.len());
    // Every failing account costs an error, because no account fails without having been called.
    // After the last error that two runs may use, no call can be made, not even for a good account.
    // So no order of calls is enough if all of these errors come before the last good account.
    let all_asked = bad.len() == ACCOUNTS && bad.len() == 2 * errors as usize;
    let most = if bad.len() < 2 * errors as usize || all_asked {
        2
    } else {
        3
    };
    assert!(runs <= most, "{what}: {runs} runs");
    let worst = worst_hour(&lab);
    assert!(worst <= errors as usize, "{what}: {worst} errors");
    let report = crawled.report();
    let failed: BTreeSet<i64> = report
        .failed
        .iter()
        .filter_map(|scope| scope.account_id)
        .collect();
    assert!(report.failed.iter().all(|scope| !scope.error.is_empty()));
    assert_eq!(failed, bad.iter().copied().collect(), "{what}");
    let products = crawled.tables.get("products").map_or(0, Vec::len);
    let good = accounts();
    let good = good.iter().filter(|(account, _)| !bad.contains(account));
    let expected: usize = good.map(|(_, products)| products).sum();
    assert_eq!(products, expected, "{what}");
}

#[tokio::test(start_paused = true)]
async fn accounts_that_always_fail_end_within_two_or_three_runs() {
    let mixes: [&[usize]; 2] = [&[0], &[0, 1, 2, 3, 4, 5]];
    check_all([0, 1, 8, 15, 19], &mixes, ERRORS).await;
    check_all([19, 20], &mixes, ALL_ERRORS).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "slow; `cargo xtask soak` runs it"]
async fn any_number_of_accounts_that_always_fail_ends_within_three_runs() {
    check_all(0..=ACCOUNTS, &MIXES, ERRORS).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "slow; `cargo xtask soak` runs it"]
async fn any_number_of_accounts_that_always_fail_ends_within_two_runs_without_a_reserve() {
    check_all(0..=ACCOUNTS, &MIXES, ALL_ERRORS).await;
}

/// Checks crawls of which so many accounts always fail, in these ways.
async fn check_all(counts: impl IntoIterator<Item = usize>, mixes: &[&[usize]], errors: u32) {
    let accounts: Vec<i64> = accounts().into_keys().collect();
    assert_eq!(accounts.len(), ACCOUNTS);
    for count in counts {
        for kinds in mixes {
            // The account that is searched first is a good one, and then a bad one.
            for first in [3, 0] {
                let bad = (0..count).map(|n| accounts[(n + first) % ACCOUNTS]);
                check(&bad.collect::<Vec<_>>(), kinds, errors).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_resumed_crawl_retries_a_failed_account_at_most_once() {
    let accounts: Vec<i64> = accounts().into_keys().collect();
    let bad = &accounts[3..7];
    let lab = Lab::new(with_faults(bad, &[5]));
    let kept = Kept::new();
    let run = async || {
        let before = lab.simulator.calls().len();
        let journal = kept.take_up();
        let crawled = lab
            .run(products_only(), Incomplete::Publish, journal, |_| {})
            .await;
        let calls = lab.simulator.calls().split_off(before);
        let of_bad = calls.iter().filter(|call| {
            let account = call.arguments["accountId"].as_i64();
            account.is_some_and(|account| bad.contains(&account)) && call.http_status == Some(503)
        });
        (crawled.report.is_ok(), of_bad.count())
    };
    assert_eq!(run().await, (false, 8));
    tokio::time::sleep(Duration::from_mins(61)).await;
    let (ended, asked) = run().await;
    assert!(ended && asked <= bad.len(), "{asked} calls");
}

#[tokio::test(start_paused = true)]
async fn the_same_bad_answer_twice_is_final() {
    let accounts: Vec<i64> = accounts().into_keys().collect();
    let lab = Lab::new(with_faults(&accounts[3..5], &[0]));
    let (crawled, runs) = to_the_end(&lab).await;
    assert_eq!(runs, 1);
    let calls = lab.simulator.calls();
    let failed = calls.iter().filter(|call| call.http_status == Some(500));
    assert_eq!(failed.count(), 4);
    let failed = &crawled.report().failed;
    assert_eq!(failed.len(), 2);
    let twice = |error: &str| error.contains("the same response twice");
    assert!(failed.iter().all(|scope| twice(&scope.error)), "{failed:?}");
}

#[tokio::test(start_paused = true)]
async fn an_outage_pauses_the_crawl_and_fails_no_scope() {
    let lab = Lab::new(with(""));
    let kept = Kept::new();
    let run = async |lab: &Lab, max_calls| {
        let journal = kept.take_up();
        lab.run(products_only(), Incomplete::Publish, journal, |config| {
            config.max_calls = max_calls;
        })
        .await
    };
    let begun = run(&lab, Some(15)).await;
    assert_eq!(reason(&begun), Some(Reason::MaxCalls));
    // After the lists of accounts, every call fails for a while.
    let down = Lab::new(with(
        "[[fault]]\ntimes = 5\npath = \"list\"\naction = { kind = \"http\", status = 503 }\n",
    ));
    assert_eq!(reason(&run(&down, None).await), Some(Reason::Failures));
    let crawled = run(&down, None).await;
    assert!(crawled.report().complete, "{:?}", crawled.report().failed);
}

fn reason(crawled: &Crawled) -> Option<Reason> {
    let error = crawled.report.as_ref().unwrap_err();
    error.pause().map(|pause| pause.reason)
}

#[tokio::test(start_paused = true)]
async fn a_missing_permission_is_an_error_not_a_pause() {
    let accounts: Vec<i64> = accounts().into_keys().collect();
    let lab = Lab::new(with_faults(&accounts, &[REFUSE]));
    let journal = Kept::new();
    let crawled = lab
        .run(
            products_only(),
            Incomplete::Publish,
            journal.take_up(),
            |_| {},
        )
        .await;
    let error = crawled.report.unwrap_err();
    assert_eq!(error.kind(), Kind::Configuration);
    let expected = "the API user's permissions do not allow `products/list` in any of the \
                    accounts that were tried: ";
    assert!(error.to_string().starts_with(expected), "{error}");
}

/// The fault of an account for which the API always answers that there were too many calls.
fn throttling(account: i64, retry_after: &str) -> String {
    format!(
        "[[fault]]\npath = \"products/list\"\naccount = {account}\n\
         action = {{ kind = \"http\", status = 429{retry_after} }}\n"
    )
}

#[tokio::test(start_paused = true)]
async fn an_account_that_is_always_throttled_fails_alone() {
    let all = accounts();
    let ids: Vec<i64> = all.keys().copied().collect();
    let waits = [
        "",
        ", retry_after = \"5\"",
        ", retry_after = \"180\"",
        ", retry_after = \"1800\"",
    ];
    for wait in waits {
        for place in [0, 7, ACCOUNTS - 1] {
            let bad = ids[place];
            let what = format!("account {place}{wait}");
            let lab = Lab::new(with(&throttling(bad, wait)));
            let (crawled, runs) = to_the_end(&lab).await;
            assert!(runs <= 2, "{what}: {runs} runs");
            let report = crawled.report();
            let failed: Vec<_> = report.failed.iter().map(|scope| scope.account_id).collect();
            assert_eq!(failed, [Some(bad)], "{what}");
            let error = &report.failed[0].error;
            assert!(error.contains("was throttled: "), "{error}");
            assert!(error.contains("HTTP 429"), "{error}");
            let products = crawled.tables.get("products").map_or(0, Vec::len);
            let of_good = all.iter().filter(|(account, _)| **account != bad);
            let expected: usize = of_good.map(|(_, rows)| rows).sum();
            assert_eq!(products, expected, "{what}");
            let calls = lab.simulator.calls();
            let tries = calls.iter().filter(|call| call.http_status == Some(429));
            assert!(tries.count() <= 3, "{what}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_crawl_that_waits_ends_although_an_account_is_always_throttled() {
    let bad = *accounts().keys().nth(4).unwrap();
    let lab = Lab::new(with(&throttling(bad, ", retry_after = \"400\"")));
    let journal = Kept::new();
    let crawled = lab
        .run(
            products_only(),
            Incomplete::Publish,
            journal.take_up(),
            |config| config.waiting = Waiting::Forever,
        )
        .await;
    let failed = &crawled.report().failed;
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].account_id, Some(bad));
}

#[tokio::test(start_paused = true)]
async fn a_crawl_that_waits_ends_although_an_endpoint_works_no_more() {
    for action in ACTIONS {
        // The first list of products is answered, so its call is repeated to learn whether the API answers.
        let faults = format!(
            "[[fault]]\npath = \"products/list\"\nnth = 1\naction = {{ kind = \"delay\", by = \"1ms\" }}\n\
             [[fault]]\npath = \"products/list\"\naction = {action}\n"
        );
        let lab = Lab::new(with(&faults));
        let journal = Kept::new();
        let crawl = lab.run(
            products_only(),
            Incomplete::Publish,
            journal.take_up(),
            |config| {
                config.errors = None;
                config.waiting = Waiting::Forever;
            },
        );
        let crawled = tokio::time::timeout(Duration::from_hours(24), crawl).await;
        let crawled = crawled.unwrap_or_else(|_| panic!("{action}: the crawl does not end"));
        // Of the first account, the list of pending products was answered, and that of registered ones was not.
        let failed = crawled.report().failed.len();
        assert_eq!(failed, ACCOUNTS, "{action}");
    }
}

#[tokio::test(start_paused = true)]
async fn throttling_of_every_call_pauses_the_crawl_and_fails_no_scope() {
    // The server throttles every call for as long as three runs take, and each run gives up early.
    let fault = "[[fault]]\npath = \"list\"\ntimes = 12\n\
                 action = { kind = \"http\", status = 429 }\n";
    let lab = Lab::new(with(""));
    let throttled = Lab::new(with(fault));
    let kept = Kept::new();
    let run = async |lab: &Lab, max_calls| {
        let journal = kept.take_up();
        lab.run(products_only(), Incomplete::Publish, journal, |config| {
            config.max_calls = max_calls;
        })
        .await
    };
    let begun = run(&lab, Some(15)).await;
    assert_eq!(reason(&begun), Some(Reason::MaxCalls));
    for _ in 0..3 {
        assert_eq!(reason(&run(&throttled, None).await), Some(Reason::Closed));
        tokio::time::sleep(Duration::from_mins(61)).await;
    }
    let crawled = run(&throttled, None).await;
    assert!(crawled.report().complete, "{:?}", crawled.report().failed);
}
