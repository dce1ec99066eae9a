//! Servers that fail or whose lists move: the tables are exact, or the failure is reported.

use fortilake_crawler::{Incomplete, Kind};
use fortilake_simulator::Scenario;
use serde_json::json;

use crate::util::{Crawled, INCLUDE, crawl, crawl_with, scenario, settings};

const ACCOUNTS: usize = 6;
const PRODUCTS: usize = 210;

/// An organization in pages of 25, with these further settings.
fn organization(settings: &str) -> Scenario {
    let settings = format!("page_size = 25\n{settings}\n");
    scenario(&settings, 5, ACCOUNTS as u64, PRODUCTS as u64)
}

fn with_fault(fault: &str) -> Scenario {
    organization(&format!("[[fault]]\n{fault}"))
}

fn failed(crawled: &Crawled) -> Vec<String> {
    crawled
        .report()
        .failed
        .iter()
        .map(|scope| {
            format!(
                "{} {:?} {:?}: {}",
                scope.endpoint, scope.account_id, scope.ou_id, scope.error
            )
        })
        .collect()
}

fn products(crawled: &Crawled) -> usize {
    crawled.tables.get("products").map_or(0, Vec::len)
}

/// The account with the most products, and their number. It has several pages.
fn largest_account() -> (i64, usize) {
    let truth = fortilake_simulator::Simulator::new(organization("")).truth();
    let mut counts = std::collections::BTreeMap::new();
    for row in &truth.tables["products"] {
        *counts
            .entry(row["account_id"].as_i64().unwrap())
            .or_insert(0) += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_unreliable_network_costs_time_but_no_rows() {
    for action in [
        "{ kind = \"reset\" }",
        "{ kind = \"cut-body\" }",
        "{ kind = \"http\", status = 503 }",
        "{ kind = \"html\" }",
        "{ kind = \"silence\" }",
    ] {
        // A whole response that comes twice is final.
        let times = if action.contains("html") { 1 } else { 2 };
        let crawled = crawl(with_fault(&format!(
            "every = 9\ntimes_per_call = {times}\naction = {action}"
        )))
        .await;
        assert!(
            crawled.report().complete,
            "{action}: {:?}",
            failed(&crawled)
        );
        assert_eq!(products(&crawled), PRODUCTS, "{action}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_refused_account_fails_and_none_of_its_rows_are_published() {
    let (account, count) = largest_account();
    let crawled = crawl(with_fault(&format!(
        "path = \"products/list\"\naccount = {account}\naction = {{ kind = \"refuse\" }}"
    )))
    .await;
    let report = crawled.report();
    assert!(!report.complete && crawled.finished);
    // Its products fail, and the lists of `include` are skipped.
    assert_eq!(failed(&crawled).len(), 1 + INCLUDE.len());
    assert_eq!(products(&crawled), PRODUCTS - count);
    assert!(
        crawled.tables["entitlements"]
            .iter()
            .all(|row| row["account_id"] != account)
    );
    let coverage = &crawled.tables["coverage"];
    let scope = coverage
        .iter()
        .find(|row| row["endpoint"] == "products/list" && row["account_id"] == account)
        .unwrap();
    assert_eq!(
        (&scope["outcome"], &scope["rows"]),
        (&json!("failed"), &json!(0))
    );
    assert!(
        scope["error"].as_str().unwrap().contains("Access denied"),
        "{scope:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_page_that_always_fails_fails_its_account() {
    let (account, count) = largest_account();
    let fault = format!(
        "path = \"products/list\"\naccount = {account}\npage = 3\naction = {{ kind = \"http\", status = 500 }}"
    );
    let crawled = crawl(with_fault(&fault)).await;
    assert!(!crawled.report().complete);
    assert_eq!(products(&crawled), PRODUCTS - count);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_moves_once_is_read_again() {
    let (account, count) = largest_account();
    for (action, rows) in [("repeat-page", PRODUCTS), ("appear", PRODUCTS + 1)] {
        let fault = format!(
            "path = \"products/list\"\naccount = {account}\npage = 2\ntimes = 1\naction = {{ kind = \"{action}\" }}"
        );
        let crawled = crawl(with_fault(&fault)).await;
        assert!(
            crawled.report().complete,
            "{action}: {:?}",
            failed(&crawled)
        );
        assert_eq!(
            products(&crawled),
            rows,
            "{action} in an account of {count}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_keeps_moving_fails() {
    let (account, count) = largest_account();
    let fault = format!(
        "path = \"products/list\"\naccount = {account}\npage = 2\naction = {{ kind = \"repeat-page\" }}"
    );
    let crawled = crawl(with_fault(&fault)).await;
    assert_eq!(products(&crawled), PRODUCTS - count);
    assert!(
        failed(&crawled)[0].contains("page 2 repeats another page"),
        "{:?}",
        failed(&crawled)
    );
}

#[tokio::test(start_paused = true)]
async fn an_incomplete_crawl_can_be_discarded() {
    let fault =
        with_fault("path = \"products/list\"\naccount = 710112\naction = { kind = \"refuse\" }");
    let crawled = crawl_with(fault, settings(), Incomplete::Discard).await;
    let report = crawled.report();
    assert!(!report.complete && !report.published && !crawled.finished);
}

#[tokio::test(start_paused = true)]
async fn revoked_tokens_cost_a_sign_in() {
    let crawled = crawl(with_fault(
        "path = \"products/list\"\nnth = 20\naction = { kind = \"revoke-tokens\" }",
    ))
    .await;
    assert!(crawled.report().complete, "{:?}", failed(&crawled));
    assert_eq!(products(&crawled), PRODUCTS);
}

#[tokio::test(start_paused = true)]
async fn nothing_readable_publishes_nothing() {
    for action in ["{ kind = \"html\" }", "{ kind = \"reset\" }"] {
        let fault = format!("path = \"units/list\"\naction = {action}");
        let crawled = crawl(with_fault(&fault)).await;
        let error = crawled.report.as_ref().unwrap_err();
        assert_eq!(error.kind(), Kind::Unreadable, "{fault}");
        assert!(!crawled.finished);
    }
}

#[tokio::test(start_paused = true)]
async fn if_all_products_are_refused_every_scope_is_listed_as_failed() {
    let fault = "path = \"products/list\"\naction = { kind = \"refuse\" }";
    let crawled = crawl(with_fault(fault)).await;
    assert!(!crawled.report().complete && crawled.finished);
    assert_eq!(failed(&crawled).len(), ACCOUNTS * (1 + INCLUDE.len()));
    assert_eq!(products(&crawled), 0);
}

#[tokio::test(start_paused = true)]
async fn the_call_limits_of_the_server_are_kept() {
    let quota = "[quota]\ncalls = [{ max = 100, per = \"1m\", kind = \"sliding\" }, { max = 1000, per = \"1h\", kind = \"sliding\" }]\n";
    let scenario =
        Scenario::from_toml(&format!("page_size = 5\nlatency = \"300ms\"\n{quota}")).unwrap();
    let crawled = crawl(Scenario {
        organization: Scenario::production().organization,
        ..scenario
    })
    .await;
    assert!(crawled.report().complete, "{:?}", failed(&crawled));
    assert!(
        crawled
            .simulator
            .calls()
            .iter()
            .all(|call| call.http_status != Some(429))
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_ends_is_cut_off() {
    let (account, count) = largest_account();
    let fault = format!(
        "path = \"products/list\"\naccount = {account}\naction = {{ kind = \"flood\", bytes = 200000000 }}"
    );
    let crawled = crawl(with_fault(&fault)).await;
    assert_eq!(products(&crawled), PRODUCTS - count);
}
