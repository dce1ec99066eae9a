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

/// The published files. Claims are left out, because a refused crawl keeps its claimed name.
fn files(folder: &Folder) -> Vec<String> {
    let mut files = folder.files("out");
    files.retain(|name| !name.contains("/claims/"));
    files
}

/// The id of the newest crawl.
fn newest(folder: &Folder) -> String {
    let listed = text_of(folder.run("crawls").stdout);
    listed.split(' ').next().unwrap().to_owned()
}

#[test]
fn a_snapshot_that_lost_a_third_is_not_published() {
    let (mut tenant, folder) = crawled("");
    let published = files(&folder);
    tenant.turn_into(SHRUNK);
    let text = check(&folder, "crawl --summary summary.json", 4);
    let (_, told) = text.split_once("nothing was published").unwrap();
    insta::assert_snapshot!(told, @"
    : too many rows have disappeared since snapshot SNAPSHOT
      contract_terms of acme: 482 rows before, 376 now
        account 710123: 370 before, 224 now
      entitlements of acme: 558 rows before, 392 now
        account 710123: 442 before, 240 now
      product_contracts of acme: 100 rows before, 79 now
        account 710123: 76 before, 47 now
      products of acme: 60 rows before, 40 now
        account 710123: 46 before, 23 now

    hint: if these rows are really gone, run `fortilake replay --accept-shrink SNAPSHOT-ID` to publish this crawl without
    making calls, or `fortilake crawl --accept-shrink` for a new crawl; change the thresholds under `[guard]`
    ");
    assert_eq!(products(&folder), 60);
    assert_eq!(files(&folder), published, "no file was added or removed");

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

    // The next crawl is refused, too: a refused crawl does not become the baseline.
    check(&folder, "crawl", 4);
    assert_eq!(self::products(&folder), 60);
}

#[test]
fn a_replay_can_accept_a_refused_crawl_which_becomes_the_baseline() {
    let (mut tenant, folder) = crawled("");
    tenant.turn_into(SHRUNK);
    check(&folder, "crawl", 4);
    let calls = tenant.calls();
    let id = newest(&folder);
    // A replay passes the same guard.
    check(&folder, &format!("replay {id} --sink csv:look"), 4);
    assert!(!folder.join("look/products.csv").exists());
    let accept = format!("replay {id} --accept-shrink --sink csv:out/csv");
    check(&folder, &accept, 0);
    assert_eq!(tenant.calls(), calls, "a replay makes no calls");
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
fn growth_and_small_losses_are_published() {
    let (mut tenant, folder) = crawled("");
    for products in [600, 500] {
        tenant.turn_into(&WHOLE.replace("60", &products.to_string()));
        check(&folder, "crawl", 0);
        assert_eq!(self::products(&folder), products);
    }
    tenant.turn_into(WHOLE);
    check(&folder, "crawl", 4);
}

#[test]
fn a_scope_that_fails_does_not_switch_the_guard_off() {
    let (mut tenant, folder) = crawled("");
    tenant.turn_into(&format!("{SHRUNK}{REFUSED}"));
    check(&folder, "crawl", 4);
    assert_eq!(products(&folder), 60);
    tenant.turn_into(SHRUNK);
    check(&folder, "crawl", 4);
    assert_eq!(products(&folder), 60);
}

#[test]
fn a_partial_crawl_does_not_remove_rows_in_layout_latest() {
    let (mut tenant, folder) = crawled("");
    tenant.turn_into(&format!("{}{REFUSED}", WHOLE.replace("60", "120")));
    let text = check(&folder, "crawl", 4);
    assert!(text.contains("account=710101"), "{text}");
    assert_eq!(products(&folder), 60);
    // The Parquet sink keeps every snapshot, so it publishes this one and marks it as partial.
    let latest: Value =
        serde_json::from_str(&folder.read("out/pq/_fortilake/latest.json")).unwrap();
    assert_eq!(latest["complete"], false);
    assert_ne!(latest["latest_complete"]["snapshot"], latest["snapshot"]);

    let text = check(&folder, "crawl --accept-partial", 3);
    assert!(text.contains("1 scope failed"), "{text}");
    assert_ne!(products(&folder), 60);
    // The rows are missing already, so the next partial crawl removes nothing and is published.
    check(&folder, "crawl", 3);
}

#[test]
fn a_crawl_of_one_account_is_compared_with_that_account() {
    let (mut tenant, folder) = crawled("");
    let of_one = "crawl --account 710123 --sink csv:one";
    check(&folder, of_one, 0);
    check(&folder, "crawl", 0);
    tenant.turn_into(SHRUNK);
    let text = check(&folder, of_one, 4);
    assert!(text.contains("account 710123: 46 before, 23 now"), "{text}");
    assert!(!text.contains("710101"), "{text}");
}

#[test]
fn the_baseline_outlives_the_crawl_that_set_it() {
    let (mut tenant, folder) = crawled("keep = 1\n");
    let first = newest(&folder);
    tenant.turn_into(&format!("{SHRUNK}{REFUSED}"));
    check(&folder, "crawl", 4);
    assert_ne!(newest(&folder), first);
    assert_eq!(text_of(folder.run("crawls").stdout).lines().count(), 1);
    tenant.turn_into(SHRUNK);
    let text = check(&folder, "crawl", 4);
    assert!(
        text.contains("products of acme: 60 rows before, 40 now"),
        "{text}"
    );
}

/// Replaces the figures in the state by those that the first edition would have stored.
fn as_first_edition(folder: &Folder) {
    let state = folder.join("state");
    let file = rusqlite::Connection::open(state.join("state.sqlite")).unwrap();
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let kept: (String, String) = file
        .query_row(
            "SELECT key, snapshot FROM baselines WHERE key NOT LIKE '%A digest%'",
            (),
            row,
        )
        .unwrap();
    file.execute("DELETE FROM baselines", ()).unwrap();
    drop(file);
    let (key, snapshot) = kept;
    let mut tables = serde_json::Map::new();
    for path in published::list(&folder.join("out/csv"), "csv") {
        let rows = published::read_csv(&path).rows;
        let mut accounts = std::collections::BTreeMap::<String, u64>::new();
        for row in &rows {
            if let Some(account) = row.get("account_id") {
                let account = account.as_str().unwrap().to_owned();
                *accounts.entry(account).or_default() += 1;
            }
        }
        let counts = serde_json::json!({ "rows": rows.len(), "accounts": { "acme": accounts } });
        tables.insert(published::stem(&path), counts);
    }
    let sources: Vec<(String, String)> = serde_json::from_str(&key).unwrap();
    // It wrote the user as it was configured, and its digest differs if that had capitals.
    let old = sources
        .into_iter()
        .map(|(name, _)| (name, "A digest", [0; 0]));
    let old = serde_json::json!(old.collect::<Vec<_>>()).to_string();
    let now = || jiff::Timestamp::now().as_microsecond();
    let state = fortilake_state::State::open(&state, std::sync::Arc::new(now)).unwrap();
    let figures = Value::Object(tables).to_string();
    let baseline = fortilake_state::Baseline { snapshot, figures };
    state.set_baseline(&old, &baseline).unwrap();
}

#[test]
fn the_first_crawl_after_an_upgrade_is_compared_with_the_one_before() {
    let (mut tenant, folder) = crawled("");
    as_first_edition(&folder);
    check(&folder, "crawl", 0);
    as_first_edition(&folder);
    tenant.turn_into(SHRUNK);
    let text = check(&folder, "crawl", 4);
    for line in [
        "products of acme: 60 rows before, 40 now",
        "account 710123: 46 before, 23 now",
        "entitlements of acme: 558 rows before, 392 now",
    ] {
        assert!(text.contains(line), "{text}");
    }
    check(&folder, "crawl --accept-shrink", 0);
    check(&folder, "crawl", 0);
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
      caused by: line 1: `max_shrink` of `[guard]` is 2; it must be a fraction from 0 to 1, such as 0.2
                 1 | guard = …
                   |         ^
    ");
    assert!(!folder.join("out").exists());
}
