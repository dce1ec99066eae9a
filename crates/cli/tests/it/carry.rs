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
            "; its rows are those of an earlier crawl:\n  acme products/list of account 710101: "
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
    assert!(
        text.contains("rows are those of an earlier crawl"),
        "{text}"
    );
    assert_eq!(serials(&folder).len(), 60);
}
