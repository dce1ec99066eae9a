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
    copy.cargo(&["run", "--package", "xtask", "--", "new-sink", NAME]);
    copy.cargo(&[
        "fmt",
        "--package",
        "fortilake-sink-data-lake",
        "--package",
        "fortilake",
        "--check",
    ]);
    copy.cargo(&["test", "--package", "fortilake-sink-data-lake"]);

    let printed = copy.cargo(&["run", "--package", "fortilake", "--", "sinks"]);
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
    let folder = "examples/own-binary";
    // With the same versions, most dependencies are already built.
    fs::copy(
        copy.path().join("Cargo.lock"),
        copy.path().join(folder).join("Cargo.lock"),
    )
    .unwrap();
    copy.cargo_in(folder, &["test"]);
    let printed = copy.cargo_in(folder, &["run", "--", "sinks"]);
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
    let crawl = ["run", "--", "crawl", "--simulate", "--sink", &sink];
    copy.cargo_in(
        folder,
        &[&crawl[..], &["--state", state.to_str().unwrap()]].concat(),
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
