//! The table `changes` in every snapshot.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::util::{
    Folder,
    published::{list, manifest, read_csv},
    tenant::Tenant,
    text_of,
};

fn scenario(day: u64) -> String {
    format!("day = {day}\n[organization]\nous = 2\naccounts = 3\nproducts = 400\n")
}

/// A fault that makes the products of one account unreadable.
const REFUSED: &str =
    "[[fault]]\npath = \"products/list\"\naccount = 710101\naction = { kind = \"refuse\" }\n";

/// The rows of the table in a folder of CSV files, without those that differ between crawls of the same data.
fn rows(folder: &Folder, csv: &str) -> Vec<BTreeMap<String, Value>> {
    read_csv(&folder.join(csv).join("changes.csv")).rows
}

/// What identifies a change: table, type, and the row itself.
fn identities<'a>(rows: impl Iterator<Item = [&'a str; 2]>, records: Vec<Value>) -> Vec<String> {
    let lines = rows.zip(records);
    let mut lines: Vec<_> = lines
        .map(|(row, record)| format!("{row:?} {record}"))
        .collect();
    lines.sort();
    lines
}

/// The changes that the command finds between the last two snapshots, in the form of [`identities`].
fn found(folder: &Folder) -> Vec<String> {
    let output = folder.run("changes --format ndjson");
    assert!(output.status.success(), "{}", text_of(output.stderr));
    let text = text_of(output.stdout);
    let rows: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let own = [
        "table_name",
        "_change_type",
        "_snapshot",
        "_changed_at",
        "changed_columns",
        "_previous",
    ];
    let record = |row: &Value| {
        let mut row = row.as_object().unwrap().clone();
        row.retain(|name, _| !own.contains(&name.as_str()));
        Value::Object(row)
    };
    let records = rows.iter().map(record).collect();
    let kinds = rows
        .iter()
        .map(|row| ["table_name", "_change_type"].map(|name| row[name].as_str().unwrap()));
    identities(kinds, records)
}

#[test]
fn every_sink_gets_what_the_command_finds() {
    let mut tenant = Tenant::start(&scenario(0));
    let folder = tenant.folder("[history]\nchanges = true\n");
    assert!(folder.check("crawl").starts_with("exit 0"));
    assert!(rows(&folder, "out/csv").is_empty());
    let first = manifest(&folder.join("out/pq")).unwrap();
    assert_eq!(first["outcome"].get("changes_since"), None);

    tenant.pass_to(&scenario(2));
    assert!(folder.check("crawl").starts_with("exit 0"));
    for place in ["out/pq", "out/csv"] {
        let second = manifest(&folder.join(place)).unwrap();
        assert_eq!(
            second["outcome"]["changes_since"], first["snapshot"],
            "{place}"
        );
    }
    let published = rows(&folder, "out/csv");
    let kinds = published
        .iter()
        .map(|row| ["table_name", "_change_type"].map(|name| row[name].as_str().unwrap()));
    let records = published
        .iter()
        .map(|row| serde_json::from_str(row["record"].as_str().unwrap()).unwrap());
    let identities = identities(kinds, records.collect());
    assert_eq!(identities, found(&folder));
    assert!(identities.len() > 5, "{identities:?}");
    let snapshot = first["snapshot"].as_str().unwrap();
    assert!(
        published
            .iter()
            .all(|row| row["since_snapshot"] == snapshot)
    );

    // A tenant that does not change has no changes.
    assert!(folder.check("crawl").starts_with("exit 0"));
    assert!(rows(&folder, "out/csv").is_empty());
}

#[test]
fn a_replay_publishes_the_same_changes() {
    let mut tenant = Tenant::start(&scenario(0));
    let folder = tenant.folder("[history]\nchanges = true\n");
    let mut crawls = Vec::new();
    for day in [0, 2, 4] {
        tenant.pass_to(&scenario(day));
        assert!(folder.check("crawl").starts_with("exit 0"));
        let snapshot = manifest(&folder.join("out/pq")).unwrap();
        let id = snapshot["crawl"]["id"].as_str().unwrap().to_owned();
        crawls.push((id, rows(&folder, "out/csv"), snapshot));
    }
    let replay = |id: &str, to: &str| {
        folder.check(&format!(
            "replay {id} --accept-shrink --sink parquet:out/pq --sink csv:{to}?formula_prefix=false"
        ))
    };
    for (number, (id, before, _)) in crawls.iter().enumerate() {
        let to = format!("again{number}");
        let replayed = replay(id, &to);
        assert!(replayed.starts_with("exit 0"), "{replayed}");
        assert_eq!(rows(&folder, &to), *before);
    }
    // The second crawl is gone from the folder, but the snapshot that it was compared with is there.
    let (id, before, snapshot) = &crawls[1];
    let name = snapshot["snapshot"].as_str().unwrap();
    remove(&folder, name);
    let replayed = replay(id, "compared");
    assert!(replayed.starts_with("exit 0"), "{replayed}");
    assert_eq!(rows(&folder, "compared"), *before);
    // Now both are gone, so the changes cannot be found again.
    remove(&folder, name);
    remove(&folder, crawls[0].2["snapshot"].as_str().unwrap());
    insta::assert_snapshot!(replay(id, "lost"), @"
    exit 1
    --- stderr
    error: cannot compare the crawl with an earlier snapshot
      caused by: crawl `SNAPSHOT-ID` was compared with crawl `SNAPSHOT-ID`, which is not published in `out/pq`; replay `SNAPSHOT-ID` there first, or set `changes = false` in `[history]` to publish the crawl without its changes

    hint: fix the cause, then run the same command again
    ");
    assert!(!folder.join("lost/changes.csv").exists());
}

#[test]
fn a_new_place_is_filled_from_the_oldest_crawl_to_the_newest() {
    let mut tenant = Tenant::start(&scenario(0));
    let folder = tenant.folder("[history]\nchanges = true\n");
    let mut crawls = Vec::new();
    for day in [0, 2, 4] {
        tenant.pass_to(&scenario(day));
        assert!(folder.check("crawl").starts_with("exit 0"));
        let id = manifest(&folder.join("out/pq")).unwrap()["crawl"]["id"].clone();
        crawls.push((id.as_str().unwrap().to_owned(), rows(&folder, "out/csv")));
    }
    let replay = |number: usize, to: &str| {
        let id = &crawls[number].0;
        let sinks = format!("--sink parquet:{to}/pq --sink csv:{to}/csv?formula_prefix=false");
        let replayed = folder.check(&format!("replay {id} --accept-shrink {sinks}"));
        assert!(replayed.starts_with("exit 0"), "{replayed}");
        let snapshot = manifest(&folder.join(to).join("pq")).unwrap();
        let since = snapshot["outcome"].get("changes_since").cloned();
        (rows(&folder, &format!("{to}/csv")), since)
    };
    // In a new place there is nothing to compare with, so nothing has changed.
    assert!(!crawls[1].1.is_empty());
    assert_eq!(replay(1, "new"), (Vec::new(), None));
    // The next crawl finds the one that it was compared with at first, although its snapshot can have another name here:
    // crawls that start within a second get different names in a place that holds them all.
    let (mut changes, since) = replay(2, "new");
    for row in &mut changes {
        let named = row.insert(
            "since_snapshot".to_owned(),
            crawls[2].1[0]["since_snapshot"].clone(),
        );
        assert_eq!(named, since);
    }
    assert_eq!(changes, crawls[2].1);
    assert!(since.is_some());
    // In the first place, the changes are still what they were.
    let id = &crawls[1].0;
    let sinks = "--sink parquet:out/pq --sink csv:again?formula_prefix=false";
    let replayed = folder.check(&format!("replay {id} --accept-shrink {sinks}"));
    assert!(replayed.starts_with("exit 0"), "{replayed}");
    assert_eq!(rows(&folder, "again"), crawls[1].1);
}

/// Removes a snapshot, as someone without our program would: the manifest and the files.
fn remove(folder: &Folder, name: &str) {
    let place = folder.join("out/pq");
    for kind in ["snapshots", "claims"] {
        let own = place.join("_fortilake").join(kind);
        for path in list(&own, "json") {
            if path
                .file_stem()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with(name)
            {
                std::fs::remove_file(path).unwrap();
            }
        }
    }
}

#[test]
fn a_failed_account_has_no_deletions() {
    let mut tenant = Tenant::start(&scenario(0));
    let folder = tenant.folder("[history]\nchanges = true\n");
    assert!(folder.check("crawl").starts_with("exit 0"));
    tenant.pass_to(&format!("{}{REFUSED}", scenario(3)));
    let crawl = folder.check("crawl --accept-partial");
    assert!(crawl.starts_with("exit 3"), "{crawl}");
    let changes = rows(&folder, "out/csv");
    assert!(!changes.is_empty());
    // A device that moved out of the failed account is in another one now.
    assert!(changes.iter().all(|row| row["account_id"] != "710101"));
    // A partial snapshot is nothing to compare with.
    let complete = manifest(&folder.join("out/pq")).unwrap()["outcome"]["changes_since"].clone();
    tenant.pass_to(&scenario(3));
    assert!(folder.check("crawl").starts_with("exit 0"));
    let again = manifest(&folder.join("out/pq")).unwrap();
    assert_eq!(again["outcome"]["changes_since"], complete);
    assert!(
        rows(&folder, "out/csv")
            .iter()
            .any(|row| row["account_id"] == "710101")
    );
}

#[test]
fn changes_need_snapshots_to_compare() {
    let tenant = Tenant::start(&scenario(0));
    let folder = tenant.folder("[history]\nchanges = true\n");
    insta::assert_snapshot!(folder.check("crawl --sink csv:out"), @r#"
    exit 2
    --- stderr
    error: `changes` in `[history]` needs a `parquet` sink, because each crawl is compared with a snapshot that this sink published

    hint: add a `[[sink]]` with `type = "parquet"`
    "#);
    insta::assert_snapshot!(folder.check("crawl --sink parquet:s3://bucket/inventory"), @"
    exit 2
    --- stderr
    error: `s3://` is not supported, because this program was built without the feature `cloud`; build it with `--features cloud`, or use a folder
    ");
    assert_eq!(tenant.calls(), 0);
}
