//! `partial = "carry"`: an account that cannot be read keeps the rows of the crawl before.

use serde_json::Value;

use crate::util::{Folder, published, tenant::Tenant};

const WHOLE: &str = "[organization]\nous = 2\naccounts = 3\nproducts = 60\n";

/// A fault that makes the products of one account unreadable.
const REFUSED: &str =
    "[[fault]]\npath = \"products/list\"\naccount = 710101\naction = { kind = \"refuse\" }\n";

#[track_caller]
fn check(folder: &Folder, line: &str, code: i32) -> String {
    let text = folder.check(line);
    assert!(text.starts_with(&format!("exit {code}\n")), "{text}");
    text
}

/// The serial numbers that are published as CSV.
fn serials(folder: &Folder) -> Vec<String> {
    let products = published::read_csv(&folder.join("out/csv/products.csv"));
    let mut serials: Vec<_> = products
        .rows
        .iter()
        .map(|row| row["serial_number"].as_str().unwrap().to_owned())
        .collect();
    serials.sort();
    serials
}

#[test]
fn the_rows_of_an_account_that_fails_are_carried() {
    let mut tenant = Tenant::start(WHOLE);
    let folder = tenant.folder("publish.partial = \"carry\"\n");
    check(&folder, "crawl", 0);
    let before = serials(&folder);
    assert_eq!(before.len(), 60);
    tenant.behave(&format!("{WHOLE}{REFUSED}"));
    let text = check(&folder, "crawl --summary summary.json", 3);
    let (_, told) = text.split_once("1 scope failed").unwrap();
    assert!(
        told.starts_with(
            "; its rows are from an earlier crawl:\n  acme products/list of account 710101: "
        ),
        "{text}"
    );
    assert_eq!(serials(&folder), before);
    let summary: Value = serde_json::from_str(&folder.read("summary.json")).unwrap();
    assert_eq!(summary["failed"], serde_json::json!([]));
    assert_eq!(summary["carried"][0]["account_id"], 710_101);
    assert_eq!(summary["scopes"]["carried"], 1);

    // The crawl that read the rows is not needed any more, neither for a replay nor for the next
    // crawl.
    let crawls: Value = serde_json::from_slice(&folder.run("crawls --json").stdout).unwrap();
    let first = crawls[1]["id"].as_str().unwrap();
    check(&folder, &format!("crawls remove {first}"), 0);
    check(&folder, "replay latest --sink csv:again", 3);
    assert_eq!(
        folder.read("again/products.csv"),
        folder.read("out/csv/products.csv")
    );
    check(&folder, "crawl", 3);
    assert_eq!(serials(&folder), before);
    // A flag wins over the configuration.
    check(&folder, "crawl --require-complete", 4);
}

#[test]
fn rows_that_are_young_enough_make_a_complete_snapshot() {
    let mut tenant = Tenant::start(WHOLE);
    let folder = tenant.folder("publish.partial = \"carry\"\ncrawl.max_age = \"48h\"\n");
    check(&folder, "crawl", 0);
    tenant.behave(&format!("{WHOLE}{REFUSED}"));
    let text = check(&folder, "crawl", 0);
    assert!(text.contains("rows are from an earlier crawl"), "{text}");
    assert_eq!(serials(&folder).len(), 60);
}

#[test]
fn a_rolling_crawl_reads_what_is_due_and_publishes_everything() {
    let tenant = Tenant::start(WHOLE);
    let folder = tenant.folder(
        "publish.partial = \"carry\"\n\
         crawl = { refresh = \"24h\", max_age = \"48h\", calls_per_run = 7 }\n",
    );
    // Three calls find the accounts, and each of them takes two.
    let text = check(&folder, "crawl", 3);
    assert!(
        text.contains("not read yet, so the rows are missing; a later crawl reads them"),
        "{text}"
    );
    assert!(!text.contains("failed;"), "{text}");
    let some = serials(&folder);
    assert!(some.len() < 60, "{}", some.len());
    check(&folder, "crawl", 0);
    assert_eq!(serials(&folder).len(), 60);
    let text = check(&folder, "crawl", 0);
    assert!(
        text.contains(
            "3 scopes not due for a refresh; the rows are from earlier crawls, the oldest from TIME"
        ),
        "{text}"
    );
    check(&folder, "replay latest --sink csv:again", 0);
    assert_eq!(
        folder.read("again/products.csv"),
        folder.read("out/csv/products.csv")
    );
    // A crawl that may not carry reads everything.
    let text = check(&folder, "crawl --require-complete", 0);
    assert!(!text.contains("not due"), "{text}");
}

#[test]
fn keys_of_a_rolling_crawl_that_miss_each_other() {
    let tenant = Tenant::start(WHOLE);
    for (keys, reason) in [
        (
            "crawl.calls_per_run = 10\n",
            "`calls_per_run` of `[crawl]` needs `refresh`",
        ),
        (
            "crawl = { refresh = \"24h\", max_age = \"48h\" }\n",
            "needs `partial = \"carry\"` in `[publish]`",
        ),
        (
            "publish.partial = \"carry\"\ncrawl.refresh = \"24h\"\n",
            "needs a longer `max_age`",
        ),
        (
            "publish.partial = \"carry\"\ncrawl = { refresh = \"24h\", max_age = \"24h\" }\n",
            "needs a longer `max_age`",
        ),
        (
            "publish.partial = \"carry\"\n\
             crawl = { refresh = \"24h\", max_age = \"48h\", calls_per_run = 0 }\n",
            "`calls_per_run` of `[crawl]` is 0",
        ),
        (
            "publish.partial = \"carry\"\ncrawl = { refresh = \"soon\", max_age = \"48h\" }\n",
            "`refresh` of `[crawl]` is `soon`",
        ),
    ] {
        let text = check(&tenant.folder(keys), "config check", 2);
        assert!(text.contains(reason), "{keys}: {text}");
    }
}
