//! Names of snapshots, selections of accounts, summaries, and the commands for snapshots.

use std::{collections::BTreeSet, process::Stdio};

use serde_json::Value;

use crate::util::{Folder, SMALL, Simulator, published, text_of};

fn json(folder: &Folder, name: &str) -> Value {
    serde_json::from_str(&folder.read(name)).unwrap()
}

#[test]
fn crawls_that_start_in_the_same_second_publish_separate_snapshots() {
    let simulator = Simulator::start(SMALL);
    let folder = Folder::beside(&simulator);
    let crawls: Vec<_> = (0..8)
        .map(|number| {
            let line =
                format!("crawl --state state{number} --sink parquet:out --sink csv:csv{number}");
            let mut crawl = folder.command(&line);
            crawl.stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for crawl in crawls {
        let output = crawl.wait_with_output().unwrap();
        let text = text_of(output.stderr);
        assert_eq!(output.status.code(), Some(0), "{text}");
    }
    let listed = folder.run("snapshots list --json");
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let listed = listed.as_array().unwrap();
    let crawls: BTreeSet<_> = listed
        .iter()
        .map(|snapshot| snapshot["crawl_id"].as_str().unwrap())
        .collect();
    assert_eq!((listed.len(), crawls.len()), (8, 8));
    assert!(folder.check("snapshots verify").starts_with("exit 0"));
    let newest = listed.last().unwrap();
    let latest = json(&folder, "out/_fortilake/latest.json");
    assert_eq!(latest["snapshot"], newest["snapshot"]);
}

#[test]
fn a_selection_does_not_replace_a_wider_snapshot() {
    let simulator = Simulator::start(SMALL);
    let folder = Folder::beside(&simulator);
    assert!(folder.check("crawl").starts_with("exit 0"));
    assert!(folder.check("crawl --sink csv:csv").starts_with("exit 0"));
    let before = (folder.files("out"), folder.read("csv/products.csv"));
    let calls = folder.run("plan").stdout;
    for sink in ["", " --sink csv:csv"] {
        let line = format!("crawl --account 710112{sink}");
        let text = folder.check(&line);
        assert!(text.starts_with("exit 4"), "{text}");
        assert!(text.contains("a separate folder"), "{text}");
    }
    assert_eq!(folder.run("plan").stdout, calls, "no call was made");
    assert_eq!(
        before,
        (folder.files("out"), folder.read("csv/products.csv"))
    );
    // In a place of its own it is published, and the manifest records the selection.
    let text = folder.check("crawl --account 710112 --sink parquet:one");
    assert!(text.starts_with("exit 0"), "{text}");
    let manifest = published::manifest(&folder.join("one")).unwrap();
    assert_eq!(manifest["outcome"]["selection"]["accounts"][0], 710_112);
}

#[test]
fn the_summary_is_written_however_the_run_ends() {
    let simulator = Simulator::start(SMALL);
    let folder = Folder::beside(&simulator);
    let code = |line: &str| {
        let text = folder.check(&format!("{line} --summary summary.json"));
        let summary = json(&folder, "summary.json");
        let code = summary["exit_code"].as_i64().unwrap();
        assert!(text.starts_with(&format!("exit {code}\n")), "{text}");
        assert_eq!(summary["reason"].is_null(), code == 0, "{summary}");
        code
    };
    assert_eq!(code("crawl --sink csv:out"), 0);
    assert_eq!(code("crawl --sink csv:out --account 710112"), 4);
    assert_eq!(code("crawl --sink csv:out --source nobody"), 2);
    assert_eq!(code("crawl --sink nonsense:out"), 2);
    assert_eq!(code("crawl --sink csv:other --account 1 --fresh"), 1);
    assert_eq!(code("crawl --sink csv:out --max-calls 4"), 75);
    assert_eq!(code("crawl --sink csv:out"), 0);
}

#[test]
fn arguments_that_are_wrong_are_in_the_summary() {
    for line in [
        "crawl --summary summary.json --bogus",
        "crawl --account none --summary=summary.json",
    ] {
        let folder = Folder::new().file("summary.json", "{\"exit_code\": 0}");
        assert_eq!(folder.run(line).status.code(), Some(2));
        let summary: Value = serde_json::from_str(&folder.read("summary.json")).unwrap();
        assert_eq!(summary["exit_code"], 2, "{line}");
        assert_eq!(summary["complete"], false);
    }
}

#[test]
fn the_summary_can_go_to_standard_output() {
    let simulator = Simulator::start(SMALL);
    let folder = Folder::beside(&simulator);
    let output = folder.run("crawl --sink csv:out --summary -");
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["exit_code"], 0);
    let output = folder.run("crawl --sink csv:out --fresh --max-calls 4 --summary -");
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["exit_code"], 75);
}

#[test]
fn a_crawl_that_was_idle_for_too_long_is_abandoned() {
    let simulator = Simulator::start(SMALL);
    let folder = Folder::beside(&simulator);
    let configure = |crawl: &str| {
        let value = |name: &str| simulator.variable(name);
        let text = format!(
            "{crawl}\n[[source]]\nname = \"acme\"\ntype = \"forticloud\"\n\
             username = {{ env = \"FORTICLOUD_USERNAME\" }}\n\
             password = {{ env = \"FORTICLOUD_PASSWORD\" }}\n\
             auth_url = \"{}\"\napi_url = \"{}\"\n",
            value("FORTICLOUD_AUTH_URL"),
            value("FORTICLOUD_API_URL"),
        );
        std::fs::write(folder.join("fortilake.toml"), text).unwrap();
    };
    configure("");
    assert!(folder.check("crawl --max-calls 7").starts_with("exit 75"));
    configure("[crawl]\nmax_idle = \"1ms\"");
    let text = folder.check("crawl");
    assert!(text.starts_with("exit 0"), "{text}");
    assert!(text.contains("is abandoned"), "{text}");
    assert!(!text.contains("resuming"), "{text}");
    let listed = text_of(folder.run("crawls").stdout);
    assert!(listed.contains("abandoned"), "{listed}");
    configure("[crawl]\nmax_idle = \"soon\"");
    let text = folder.check("crawl");
    assert!(
        text.starts_with("exit 2") && text.contains("max_idle"),
        "{text}"
    );
}

#[test]
fn replaying_an_older_crawl_does_not_move_the_latest_pointer() {
    let simulator = Simulator::start(SMALL);
    let folder = Folder::beside(&simulator);
    for _ in 0..2 {
        let text = folder.check("crawl --sink parquet:out --sink csv:csv");
        assert!(text.starts_with("exit 0"), "{text}");
    }
    let before = (
        folder.read("out/_fortilake/latest.json"),
        folder.read("csv/products.csv"),
    );
    let listed = text_of(folder.run("crawls").stdout);
    let oldest = listed.lines().last().unwrap();
    let oldest = oldest.split(' ').next().unwrap();
    let text = folder.check(&format!(
        "replay {oldest} --sink parquet:out --sink csv:csv --sink parquet:new"
    ));
    assert!(text.starts_with("exit 0"), "{text}");
    assert!(
        text.contains("but a newer snapshot is already published"),
        "{text}"
    );
    let after = (
        folder.read("out/_fortilake/latest.json"),
        folder.read("csv/products.csv"),
    );
    assert_eq!(before, after);
    assert!(folder.join("new/products").is_dir());
    let text = folder.check("replay latest --sink parquet:newest");
    assert!(text.starts_with("exit 0"), "{text}");
}

#[test]
fn snapshots_are_listed_verified_and_pruned_without_a_state() {
    let simulator = Simulator::start(SMALL);
    let folder = Folder::beside(&simulator);
    for _ in 0..3 {
        assert!(folder.check("crawl").starts_with("exit 0"));
    }
    std::fs::remove_dir_all(folder.join("state")).unwrap();
    let text = text_of(folder.run("snapshots").stdout);
    assert_eq!(text.lines().count(), 3);
    assert_eq!(text.matches("latest").count(), 1, "{text}");
    let text = folder.check("snapshots prune --last 2 --dry-run");
    assert!(text.contains("would delete"), "{text}");
    let text = folder.check("snapshots prune --last 2");
    assert!(text.contains("deleted"), "{text}");
    assert_eq!(text_of(folder.run("snapshots").stdout).lines().count(), 2);
    assert!(
        folder
            .check("snapshots verify latest")
            .starts_with("exit 0")
    );
    let victim = published::parquet_files(&folder.join("out")).remove(0);
    std::fs::write(&victim, "short").unwrap();
    let text = folder.check("snapshots verify");
    assert!(text.starts_with("exit 1"), "{text}");
    assert!(text.contains("part-"), "{text}");
    let text = folder.check("snapshots verify nonsense");
    assert!(text.starts_with("exit 2"), "{text}");
    let text = folder.check("snapshots --place nowhere");
    assert!(
        text.starts_with("exit 2") && text.contains("nowhere"),
        "{text}"
    );
}

/// A crawl that was read but could not be published is published first. The new crawl still reads
/// everything itself.
#[test]
fn an_unpublished_crawl_is_published_before_a_new_one_starts() {
    let simulator = Simulator::start(SMALL);
    let folder = Folder::beside(&simulator);
    let line = "crawl --sink exec:./deliver";
    let program = "#!/bin/sh\ncat > /dev/null\ntest -e works\n";
    std::fs::write(folder.join("deliver"), program).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.join("deliver"), mode).unwrap();
    let text = folder.check(line);
    assert!(text.starts_with("exit 1"), "{text}");
    assert!(
        text.contains("run the same command again to publish it"),
        "{text}"
    );
    std::fs::write(folder.join("works"), "").unwrap();
    let text = folder.check(line);
    assert!(text.starts_with("exit 0"), "{text}");
    assert!(text.contains("was read but not published"), "{text}");
    assert_eq!(text.matches("complete snapshot").count(), 2, "{text}");
    assert!(text.contains(": 0 calls,"), "{text}");
}
