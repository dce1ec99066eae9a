//! Tests that one command creates a working sink, and that a folder outside the workspace is enough
//! for your own binary.

use std::fs;

use crate::copy::Copy;

/// A name of two words, because these cause most problems.
const NAME: &str = "data-lake";

#[test]
#[ignore = "slow; `cargo xtask soak` runs it"]
fn a_new_sink_passes_the_suite_and_is_linked_with_no_other_edit() {
    let copy = Copy::take();
    copy.run("xtask", &["new-sink", NAME]);
    copy.cargo(&[
        "fmt",
        "--package",
        "fortilake-sink-data-lake",
        "--package",
        "fortilake",
        "--check",
    ]);
    // Under a name of its own, cargo can test it without the tests of the other crates.
    let tests = copy.path().join("sinks/data-lake/tests");
    fs::rename(tests.join("it"), tests.join("data_lake")).unwrap();
    copy.cargo(&["test", "--workspace", "--test", "data_lake"]);

    let printed = copy.run("fortilake", &["sinks"]);
    let linked: Vec<_> = printed
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert!(linked.contains(&NAME), "{printed}");
    // The list that a test of the command line compares with.
    let wanted = fs::read_to_string(copy.path().join("crates/cli/tests/it/sinks.txt")).unwrap();
    assert_eq!(linked, wanted.lines().collect::<Vec<_>>());
}

#[test]
#[ignore = "slow; `cargo xtask soak` runs it"]
fn an_own_binary_has_its_own_sink_beside_ours() {
    let copy = Copy::take();
    copy.cargo(&["test", "--workspace", "--bin", "my-fortilake"]);
    let printed = copy.run("my-fortilake", &["sinks"]);
    let linked: Vec<_> = printed
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    for name in ["csv", "folders", "parquet"] {
        assert!(linked.contains(&name), "{printed}");
    }

    let out = tempfile::tempdir().unwrap();
    let sink = format!("folders:{}", out.path().display());
    let state = out.path().join("state");
    let crawl = ["crawl", "--simulate", "--sink", &sink, "--state"];
    copy.run(
        "my-fortilake",
        &[&crawl[..], &[state.to_str().unwrap()]].concat(),
    );
    let snapshots = fs::read_dir(out.path())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let products = snapshots
        .map(|snapshot| snapshot.join("products.jsonl"))
        .find(|file| file.exists());
    let rows = fs::read_to_string(products.unwrap()).unwrap();
    assert!(rows.lines().next().unwrap().contains("serial_number"));
}
