//! The shrink guard: a snapshot that lost too many rows is published only on request.

use serde_json::Value;

use crate::util::{Folder, published, tenant::Tenant, text_of};

const WHOLE: &str = "[organization]\nous = 2\naccounts = 3\nproducts = 60\n";

/// The same accounts with a third of their products gone.
const SHRUNK: &str = "[organization]\nous = 2\naccounts = 3\nproducts = 40\n";

/// A fault that makes the products of one account unreadable.
const REFUSED: &str =
    "[[fault]]\npath = \"products/list\"\naccount = 710101\naction = { kind = \"refuse\" }\n";

/// A tenant, and a folder with one complete crawl of it.
fn crawled(head: &str) -> (Tenant, Folder) {
    let tenant = Tenant::start(WHOLE);
    let folder = tenant.folder(head);
    check(&folder, "crawl", 0);
    (tenant, folder)
}

#[track_caller]
fn check(folder: &Folder, line: &str, code: i32) -> String {
    let text = folder.check(line);
    assert!(text.starts_with(&format!("exit {code}\n")), "{text}");
    text
}

/// The number of published products.
fn products(folder: &Folder) -> usize {
    published::read_csv(&folder.join("out/csv/products.csv"))
        .rows
        .len()
}

/// The id of the newest crawl.
fn newest(folder: &Folder) -> String {
    let listed = text_of(folder.run("crawls").stdout);
    listed.split(' ').next().unwrap().to_owned()
}

#[test]
fn a_snapshot_that_lost_a_third_is_not_published() {
    let (mut tenant, folder) = crawled("");
    let published = folder.files("out");
    tenant.turn_into(SHRUNK);
    let text = check(&folder, "crawl --summary summary.json", 3);
    let (_, told) = text.split_once("nothing was published").unwrap();
    insta::assert_snapshot!(told, @"
    : too many rows are gone since snapshot SNAPSHOT
      contract_terms: 482 rows were there, 376 are
        acme account 710123: 370, now 224
      entitlements: 558 rows were there, 392 are
        acme account 710123: 442, now 240
      product_contracts: 100 rows were there, 79 are
        acme account 710123: 76, now 47
      products: 60 rows were there, 40 are
        acme account 710123: 46, now 23

    hint: if they are gone for good, `fortilake replay --accept-shrink SNAPSHOT-ID` publishes this crawl
    without a call, and `crawl --accept-shrink` a new one; `max_shrink` of `[guard]` sets the limit
    ");
    assert_eq!(products(&folder), 60);
    assert_eq!(
        folder.files("out"),
        published,
        "nothing came and nothing went"
    );

    let summary: Value = serde_json::from_str(&folder.read("summary.json")).unwrap();
    assert_eq!(
        (&summary["complete"], &summary["published"]),
        (&true.into(), &false.into())
    );
    let tables = summary["shrunk"].as_array().unwrap().iter();
    let products = tables.clone().find(|table| table["table"] == "products");
    insta::assert_snapshot!(
        products.unwrap()["accounts"][0],
        @r#"{"account_id":710123,"before":46,"now":23,"source":"acme"}"#
    );

    // It is the same the next time: what was refused is no measure.
    check(&folder, "crawl", 3);
    assert_eq!(self::products(&folder), 60);
}

#[test]
fn what_was_refused_is_published_by_a_replay_and_becomes_the_measure() {
    let (mut tenant, folder) = crawled("");
    tenant.turn_into(SHRUNK);
    check(&folder, "crawl", 3);
    let calls = tenant.calls();
    let id = newest(&folder);
    // To look at it is not to accept it.
    check(&folder, &format!("replay {id} --sink csv:look"), 0);
    check(&folder, "crawl", 3);
    let calls = tenant.calls().max(calls);
    let accept = format!("replay {id} --accept-shrink --sink csv:out/csv");
    check(&folder, &accept, 0);
    assert_eq!(tenant.calls(), calls, "a replay calls nobody");
    assert_eq!(products(&folder), 40);
    check(&folder, "crawl", 0);
}

#[test]
fn a_loss_can_be_accepted() {
    let (mut tenant, folder) = crawled("");
    tenant.turn_into(SHRUNK);
    check(&folder, "crawl --accept-shrink", 0);
    published::check_exact(&folder.join("out/csv"), &tenant.simulator.truth());
    check(&folder, "crawl", 0);
}

#[test]
fn what_grew_or_lost_little_is_published() {
    let (mut tenant, folder) = crawled("");
    for products in [600, 500] {
        tenant.turn_into(&WHOLE.replace("60", &products.to_string()));
        check(&folder, "crawl", 0);
        assert_eq!(self::products(&folder), products);
    }
    tenant.turn_into(WHOLE);
    check(&folder, "crawl", 3);
}

#[test]
fn a_partial_snapshot_is_no_measure() {
    let (mut tenant, folder) = crawled("");
    tenant.turn_into(&format!("{SHRUNK}{REFUSED}"));
    check(&folder, "crawl", 3);
    assert!(products(&folder) < 40, "what closed is published");
    tenant.turn_into(SHRUNK);
    check(&folder, "crawl", 3);
    assert!(products(&folder) < 40, "60 products are still the measure");
}

#[test]
fn some_accounts_are_not_compared_with_all() {
    let (mut tenant, folder) = crawled("");
    let of_one = "crawl --account 710123 --sink csv:one";
    check(&folder, of_one, 0);
    check(&folder, "crawl", 0);
    tenant.turn_into(SHRUNK);
    let text = check(&folder, of_one, 3);
    assert!(text.contains("acme account 710123: 46, now 23"), "{text}");
    assert!(!text.contains("710101"), "{text}");
}

#[test]
fn the_measure_outlasts_the_crawl_that_it_was_taken_of() {
    let (mut tenant, folder) = crawled("keep = 1\n");
    let first = newest(&folder);
    tenant.turn_into(&format!("{SHRUNK}{REFUSED}"));
    check(&folder, "crawl", 3);
    assert_ne!(newest(&folder), first);
    assert_eq!(text_of(folder.run("crawls").stdout).lines().count(), 1);
    tenant.turn_into(SHRUNK);
    let text = check(&folder, "crawl", 3);
    assert!(
        text.contains("products: 60 rows were there, 40 are"),
        "{text}"
    );
}

#[test]
fn the_limit_is_set_in_the_configuration() {
    let (mut tenant, folder) = crawled("guard = { max_shrink = 0.5 }\n");
    tenant.turn_into(SHRUNK);
    check(&folder, "crawl", 0);

    let folder = tenant.folder("guard = { max_shrink = 2 }\n");
    insta::assert_snapshot!(folder.check("crawl"), @r"
    exit 2
    --- stderr
    error: the configuration `fortilake.toml` cannot be used
      caused by: `max_shrink` of `[guard]` is 2; it takes a part of the rows from 0 to 1, such as 0.2
    ");
    assert!(!folder.join("out").exists());
}
