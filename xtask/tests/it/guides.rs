//! Tests that the guides on sinks show the code of the examples, and that their links work.

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap().to_owned()
}

/// Returns the code blocks in a language.
fn blocks(guide: &str, language: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join("docs/sinks").join(guide)).unwrap();
    let start = format!("```{language}\n");
    let blocks = text.split(&start).skip(1);
    blocks
        .map(|rest| rest.split_once("```").unwrap().0.to_owned())
        .collect()
}

fn example(path: &str) -> String {
    fs::read_to_string(root().join("examples/own-binary").join(path)).unwrap()
}

#[test]
fn the_manifest_is_that_of_the_example() {
    // The guide's reader has a folder next to a clone of this repository, while the example is
    // inside it.
    let manifest = example("Cargo.toml").replace("../../crates", "../fortilake/crates");
    assert_eq!(blocks("own-binary.md", "toml"), [manifest]);
}

#[test]
fn the_code_is_in_the_example() {
    let sources = ["src/main.rs", "src/folders.rs", "src/folders/tests.rs"].map(example);
    let blocks = blocks("own-binary.md", "rust");
    assert!(!blocks.is_empty());
    for block in blocks {
        let is_there = sources.iter().any(|source| source.contains(&block));
        assert!(is_there, "this is not in the example:\n{block}");
    }
}

#[test]
fn links_lead_somewhere() {
    let folder = root().join("docs/sinks");
    let mut links = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let targets = text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split([')', '#']).next());
        for target in targets.filter(|target| !target.is_empty() && !target.contains("://")) {
            assert!(folder.join(target).exists(), "`{target}` does not exist");
            links += 1;
        }
    }
    assert!(links > 3, "{links}");
}
