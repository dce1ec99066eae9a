//! The changes between snapshots of a simulated tenant are those that the simulator made.

use std::collections::{BTreeMap, BTreeSet};

use fortilake_simulator::{Change, Event, Rows, Scenario, Simulator};
use serde_json::Value;

use crate::util::{Folder, text_of};

/// How often a kind of change occurs: table, `_change_type`, serial number, account, and the columns that changed.
type Feed = BTreeMap<(String, String, String, i64, Vec<String>), u64>;

fn simulator(day: u64) -> Simulator {
    Simulator::new(Scenario {
        day,
        ..Scenario::production()
    })
}

/// Publishes the tenant of a day, and returns the name of the snapshot.
fn crawl(folder: &Folder, day: u64) -> String {
    let output = folder.run(&format!("crawl --simulate --day {day} --summary -"));
    assert!(output.status.success(), "{}", text_of(output.stderr));
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    summary["snapshot"].as_str().unwrap().to_owned()
}

/// What `fortilake changes` reports.
fn reported(folder: &Folder, from: &str, to: &str) -> Feed {
    let line = format!("changes --format ndjson --from {from} --to {to}");
    let output = folder.run(&line);
    assert!(output.status.success(), "{}", text_of(output.stderr));
    let mut feed = Feed::new();
    for line in text_of(output.stdout).lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let text = |column: &str| row[column].as_str().unwrap().to_owned();
        let changed = row["changed_columns"].as_array().unwrap().iter();
        let key = (
            text("table_name"),
            text("_change_type"),
            text("serial_number"),
            row["account_id"].as_i64().unwrap(),
            changed
                .map(|name| name.as_str().unwrap().to_owned())
                .collect(),
        );
        *feed.entry(key).or_default() += 1;
    }
    feed
}

/// What the simulator says that it did.
fn logged<'a>(changes: impl Iterator<Item = &'a Change>) -> Feed {
    let mut feed = Feed::new();
    for change in changes {
        let mut add = |table: &str, change_type: &str, columns: &[&str], rows: u64| {
            let columns = columns.iter().map(|name| (*name).to_owned()).collect();
            let serial = change.serial_number.clone();
            let (table, change_type) = (table.to_owned(), change_type.to_owned());
            let key = (table, change_type, serial, change.account_id, columns);
            *feed.entry(key).or_default() += rows;
        };
        let mut all = |rows: &Rows, change_type, of_product: &[&str], of_others: &[&str]| {
            for (table, count) in rows {
                let is_product = *table == "products";
                let columns = if is_product { of_product } else { of_others };
                add(table, change_type, columns, *count);
            }
        };
        match &change.event {
            Event::Registered { rows } => all(rows, "insert", &[], &[]),
            Event::Removed { rows } => all(rows, "delete", &[], &[]),
            Event::Moved {
                rows,
                from_folder_id,
                ..
            } => {
                let of_product: &[_] = match from_folder_id {
                    0 => &["account_id"],
                    _ => &["account_id", "folder_id", "folder_path"],
                };
                all(rows, "moved", of_product, &["account_id"]);
            }
            Event::Decommissioned => {
                for image in ["update_preimage", "update_postimage"] {
                    add("products", image, &["is_decommissioned"], 1);
                }
            }
            Event::Described { .. } => {
                for image in ["update_preimage", "update_postimage"] {
                    add("products", image, &["description"], 1);
                }
            }
            Event::Renewed { lines, .. } => {
                add("product_contracts", "insert", &[], 1);
                add("contract_terms", "insert", &[], *lines);
                add("entitlements", "insert", &[], *lines);
            }
            Event::Extended { lines, .. } => {
                add("contract_terms", "renewed", &["end_date"], *lines);
                for image in ["update_preimage", "update_postimage"] {
                    add("entitlements", image, &["end_date"], *lines);
                }
            }
            Event::Lapsed => {}
            other => panic!("the test does not know {other:?}"),
        }
    }
    feed
}

/// Crawls each of these days, and compares the changes since the day before in the list with the log.
fn the_feed_equals_the_log(days: &[u64]) {
    let folder = Folder::new();
    let mut before = crawl(&folder, days[0]);
    for pair in days.windows(2) {
        let after = crawl(&folder, pair[1]);
        let simulator = simulator(pair[1]);
        let since = simulator
            .changes()
            .iter()
            .filter(|change| change.day > pair[0]);
        let feed = reported(&folder, &before, &after);
        assert_eq!(feed, logged(since), "day {}", pair[1]);
        assert!(!feed.is_empty(), "day {}", pair[1]);
        before = after;
    }
}

#[test]
fn changes_are_those_that_the_simulator_made() {
    the_feed_equals_the_log(&[0, 1, 2]);
}

#[test]
#[ignore = "slow; `cargo xtask soak` runs it"]
fn changes_of_a_month_are_those_that_the_simulator_made() {
    let month: Vec<_> = (0..=30).collect();
    the_feed_equals_the_log(&month);
}

#[test]
fn a_month_at_once_has_the_devices_of_the_log() {
    let folder = Folder::new();
    let before = crawl(&folder, 0);
    let after = crawl(&folder, 30);
    let feed = reported(&folder, &before, &after);
    let reported: BTreeSet<_> = feed
        .keys()
        .map(|(_, _, serial, ..)| serial.clone())
        .collect();
    let simulator = simulator(30);
    let mut logged = BTreeSet::new();
    for change in simulator.changes() {
        let is_new = simulator.changes().iter().any(|other| {
            other.serial_number == change.serial_number
                && matches!(other.event, Event::Registered { .. })
        });
        match &change.event {
            Event::Lapsed => {}
            // Neither snapshot has a device that was registered and removed in between.
            Event::Removed { .. } if is_new => {
                logged.remove(&change.serial_number);
            }
            _ => {
                logged.insert(change.serial_number.clone());
            }
        }
    }
    assert_eq!(reported, logged);
    // What the simulator says is one line per change.
    assert_eq!(
        folder.check("simulate --day 30 --log days.ndjson"),
        "exit 0\n"
    );
    let log = folder.read("days.ndjson");
    assert_eq!(log.lines().count(), simulator.changes().len());
    assert_eq!(log, text_of(folder.run("simulate --day 30 --log -").stdout));
    let first: Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    let change = &simulator.changes()[0];
    assert_eq!(first, serde_json::to_value(change).unwrap());
}
