//! The commands that read published snapshots.

use std::fs;

use serde_json::Value;

use crate::util::{Folder, tenant::Tenant, text_of};

/// A scenario with this many products, whose accounts are few and whose other data stays the same.
fn scenario(products: u32) -> String {
    format!("[organization]\nous = 2\naccounts = 3\nproducts = {products}\n")
}

/// A folder with the snapshots of two crawls; between them, products were added.
fn two_crawls() -> Folder {
    let mut tenant = Tenant::start(&scenario(40));
    let folder = tenant.folder("");
    assert!(folder.check("crawl").starts_with("exit 0"));
    tenant.turn_into(&scenario(46));
    assert!(folder.check("crawl").starts_with("exit 0"));
    folder
}

fn json(folder: &Folder, line: &str) -> Vec<Value> {
    let output = folder.run(line);
    assert!(output.status.success(), "{}", text_of(output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn changes_are_those_between_the_last_two_complete_snapshots() {
    let folder = two_crawls();
    // The first Parquet sink of the configuration is the default place.
    let changes = json(&folder, "changes --format json");
    let again = json(&folder, "changes --format json --place out/pq");
    assert_eq!(changes, again);
    assert!(
        changes
            .iter()
            .any(|change| change["table_name"] == "entitlements")
    );
    let products = changes
        .iter()
        .filter(|change| change["table_name"] == "products");
    let balance: i32 = products
        .map(|change| match change["_change_type"].as_str().unwrap() {
            "insert" => 1,
            "delete" => -1,
            _ => 0,
        })
        .sum();
    assert_eq!(balance, 6);

    let ndjson = text_of(folder.run("changes --format ndjson").stdout);
    let lines: Vec<Value> = ndjson
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines, changes);
    let text = text_of(folder.run("changes --table products").stdout);
    assert!(text.starts_with("changes from "), "{text}");
    assert!(
        text.lines().last().unwrap().starts_with("products: "),
        "{text}"
    );
}

#[test]
fn other_page_sizes_are_no_change() {
    let mut tenant = Tenant::start(&scenario(40));
    let folder = tenant.folder("");
    assert!(folder.check("crawl").starts_with("exit 0"));
    let calls = tenant.calls();
    tenant.behave(&format!("page_size = 3\n{}", scenario(40)));
    assert!(folder.check("crawl").starts_with("exit 0"));
    assert!(tenant.calls() > calls, "there are more pages");
    let text = text_of(folder.run("changes").stdout);
    assert_eq!(text.lines().last(), Some("no changes"), "{text}");
}

#[test]
fn changes_of_one_table_are_written_to_a_file() {
    let folder = two_crawls();
    assert_eq!(
        folder.check("changes --table products --format csv -o products.csv"),
        "exit 0\n"
    );
    let csv = folder.read("products.csv");
    assert_eq!(
        csv,
        text_of(folder.run("changes --table products --format csv").stdout)
    );
    let rows = csv.lines().count() - 1;
    assert_eq!(
        folder.check("changes --table products --format parquet -o products.parquet"),
        "exit 0\n"
    );
    let parquet = crate::util::published::read_parquet(&folder.join("products.parquet"));
    assert_eq!(rows, parquet);
    assert!(rows > 0);
    insta::assert_snapshot!(folder.check("changes --format csv"), @"
    exit 2
    --- stderr
    error: CSV and Parquet files hold one table, because each table has its own columns

    hint: add `--table products` or another table, or use `--format ndjson`
    ");
    insta::assert_snapshot!(folder.check("changes --table products --format parquet"), @"
    exit 2
    --- stderr
    error: cannot write Parquet to standard output

    hint: add `--output FILE`
    ");
    insta::assert_snapshot!(folder.check("changes --table product"), @"
    exit 2
    --- stderr
    error: table `product` is missing in at least one of the snapshots; did you mean `products`?
    ");
}

#[test]
fn without_two_snapshots_nothing_can_be_compared() {
    let folder = Folder::new();
    insta::assert_snapshot!(folder.check("changes"), @"
    exit 2
    --- stderr
    error: there is no folder `out`

    hint: use `--place PLACE` to name the folder that snapshots are published to
    ");
    fs::create_dir(folder.join("out")).unwrap();
    insta::assert_snapshot!(folder.check("changes"), @"
    exit 2
    --- stderr
    error: no Parquet snapshot is published at `out`
    ");
    insta::assert_snapshot!(folder.check("changes --place s3://bucket/inventory"), @"
    exit 2
    --- stderr
    error: `s3://` is not supported, because this program was built without the feature `cloud`; build it with `--features cloud`, or use a folder
    ");
    assert!(folder.check("crawl --simulate").starts_with("exit 0"));
    insta::assert_snapshot!(folder.check("changes"), @"
    exit 2
    --- stderr
    error: there is no complete snapshot before `SNAPSHOT` in `out` to compare with
    ");
}

#[test]
fn renewals_are_listed_or_counted_as_of_a_day() {
    let folder = two_crawls();
    let list = json(
        &folder,
        "renewals --within 3000d --as-of 2024-01-01 --format json",
    );
    assert!(list.len() > 10);
    assert!(list.is_sorted_by_key(|row| row["end_date"].as_str().unwrap().to_owned()));
    let first = &list[0];
    assert!(first["days_left"].as_i64().unwrap() >= -3000);
    // Each line counts once, in whichever way lines are grouped.
    for by in ["account", "company", "month"] {
        let line = format!("renewals --within 3000d --as-of 2024-01-01 --format json --by {by}");
        let groups = json(&folder, &line);
        let count = |group: &Value| {
            ["lapsed", "ending", "renewed"].map(|name| group[name].as_u64().unwrap())
        };
        let total: u64 = groups.iter().flat_map(count).sum();
        assert_eq!(total, list.len() as u64, "by {by}");
    }
    let csv = text_of(
        folder
            .run("renewals --within 3000d --as-of 2024-01-01 --format csv")
            .stdout,
    );
    assert_eq!(csv.lines().count(), list.len() + 1);
    insta::assert_snapshot!(folder.check("renewals --within 0d --as-of 1999-01-01"), @"
    exit 0
    --- stderr
    nothing ends within 0 days of 1999-01-01
    ");
    insta::assert_snapshot!(folder.check("renewals --within soon"), @"
    exit 2
    --- stderr
    error: invalid value 'soon' for '--within <DAYS>': expected a number of days from 0d to 36525d, such as 90d

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(folder.check("renewals --as-of today"), @"
    exit 2
    --- stderr
    error: invalid value 'today' for '--as-of <DATE>': expected a date such as 2026-09-01

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(folder.check("renewals --snapshot 2026"), @"
    exit 2
    --- stderr
    error: no snapshot `2026` is published at `out/pq`
    ");
}

#[test]
fn a_device_has_a_history() {
    let folder = two_crawls();
    let changes = json(&folder, "changes --table products --format json");
    let added = changes
        .iter()
        .find(|change| change["_change_type"] == "insert")
        .unwrap();
    let serial = added["serial_number"].as_str().unwrap();
    let history = json(&folder, &format!("history {serial} --format json"));
    assert!(history.contains(added));
    assert!(history.iter().all(|row| row["serial_number"] == serial));
    let text = text_of(folder.run(&format!("history {serial}")).stdout);
    assert!(text.contains("\n products\n  inserted  "), "{text}");
    insta::assert_snapshot!(folder.check("history FGT0"), @"
    exit 1
    --- stderr
    error: device `FGT0` not found in 2 snapshots

    hint: serial numbers are case-sensitive
    ");
}

#[test]
fn a_report_is_the_same_each_time() {
    let folder = two_crawls();
    assert_eq!(folder.check("report -o report.html"), "exit 0\n");
    let html = folder.read("report.html");
    assert!(html.starts_with("<!DOCTYPE html>"), "{html}");
    assert!(html.contains("Complete: everything was read."));
    assert!(html.contains("Since snapshot "));
    assert_eq!(text_of(folder.run("report -o -").stdout), html);
    assert_eq!(
        folder.check("report -o later.html --as-of 2031-01-01"),
        "exit 0\n"
    );
    assert!(folder.read("later.html").contains("As of 2031-01-01"));
    // A link still points to the file, which has the report.
    #[cfg(unix)]
    {
        fs::write(folder.join("target.html"), "old").unwrap();
        std::os::unix::fs::symlink("target.html", folder.join("link.html")).unwrap();
        assert_eq!(folder.check("report -o link.html"), "exit 0\n");
        assert_eq!(folder.read("target.html"), html);
        assert!(folder.join("link.html").is_symlink());
    }
    // A device is written to, and not replaced by a file. This one fails like a full disk.
    #[cfg(target_os = "linux")]
    {
        let full = folder.run("report -o /dev/full");
        assert_eq!(full.status.code(), Some(1), "{}", text_of(full.stderr));
        assert!(!fs::metadata("/dev/full").unwrap().is_file());
    }
    // A file that cannot be written is named, and nothing is left behind.
    insta::assert_snapshot!(folder.check("report -o missing/report.html"), @"
    exit 2
    --- stderr
    error: cannot write `missing/report.html`
      caused by: No such file or directory (os error 2)
    ");
    assert!(!folder.join("missing").exists());
}

#[test]
fn a_sink_that_leaves_out_tables_limits_what_is_found() {
    let mut tenant = Tenant::start(&scenario(40));
    let folder = tenant.folder("");
    let crawl = "crawl --sink parquet:some?tables=products,accounts";
    assert!(folder.check(crawl).starts_with("exit 0"));
    tenant.turn_into(&scenario(46));
    assert!(folder.check(crawl).starts_with("exit 0"));
    insta::assert_snapshot!(folder.check("changes --place some --table products"), @"
    exit 0
    --- stdout
    changes from SNAPSHOT to SNAPSHOT
    no changes
    --- stderr
    note: the table `coverage` is missing in SNAPSHOT, SNAPSHOT, so rows are not reported as inserted or deleted; configure the sink to write it with all its columns
    ");
    insta::assert_snapshot!(folder.check("renewals --place some --as-of 2024-01-01"), @"
    exit 0
    --- stderr
    note: snapshot SNAPSHOT lacks entitlements, contract_terms, so some renewals may be missing
    nothing ends within 90 days of 2024-01-01
    ");
}

/// A fault that makes the products of one account unreadable.
const REFUSED: &str =
    "[[fault]]\npath = \"products/list\"\naccount = 710101\naction = { kind = \"refuse\" }\n";

#[test]
fn a_failed_account_is_named_and_its_devices_are_not_deleted() {
    let mut tenant = Tenant::start(&scenario(40));
    let folder = tenant.folder("");
    assert!(folder.check("crawl").starts_with("exit 0"));
    tenant.turn_into(&format!("{}{REFUSED}", scenario(40)));
    // The other accounts have other devices now, so there are deletions.
    let crawl = folder.check("crawl --accept-partial --accept-shrink");
    assert!(crawl.starts_with("exit 3"), "{crawl}");
    let output = folder.run("changes --to latest --table products --format json");
    let changes: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let deleted = changes
        .iter()
        .filter(|change| change["_change_type"] == "delete");
    let accounts: Vec<_> = deleted.map(|change| &change["account_id"]).collect();
    assert!(!accounts.is_empty());
    assert!(!accounts.contains(&&Value::from(710_101)), "{accounts:?}");
    let notes = text_of(output.stderr);
    assert!(notes.starts_with("note: 1 scope not compared"), "{notes}");
    assert!(notes.contains("products/list of account 710101"), "{notes}");
    // The report is about the newest complete snapshot, unless a flag names another one.
    assert_eq!(folder.check("report -o report.html"), "exit 0\n");
    assert!(
        folder
            .read("report.html")
            .contains("Complete: everything was read.")
    );
    let output = folder.run("report -o report.html --snapshot latest");
    assert!(text_of(output.stderr).starts_with("note: 1 scope missing"));
    assert!(
        folder
            .read("report.html")
            .contains("Partial: 1 scope could not be read.")
    );
}
