//! One tiny description per rule, its output beside it.
//!
//! `UPDATE_GOLDEN=1 cargo test -p xtask` writes the outputs anew; the diff is reviewed as code.

use std::{
    fs,
    path::{Path, PathBuf},
};

use xtask::codegen::Output;

/// The folders in a folder of `tests/`, sorted.
fn folders(name: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(name);
    let mut folders: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    folders
}

fn generate(folder: &Path) -> Output {
    Output::generate(folder).unwrap_or_else(|error| panic!("{}: {error:#}", folder.display()))
}

#[test]
fn outputs_are_as_expected() {
    let mut differing = Vec::new();
    for rule in folders("golden") {
        let output = generate(&rule);
        let code = output.file("generated/api.rs").unwrap_or_default();
        differing.extend(compare(&rule.join("expected.rs"), code));
        let report = output.file("generated/REPORT.md").unwrap_or_default();
        let nothing = report.contains("\nNothing.\n");
        let report = if nothing { "" } else { report };
        differing.extend(compare(&rule.join("expected-report.md"), report));
    }
    assert_none(&differing);
}

#[test]
fn foreign_outputs_are_as_expected() {
    let mut differing = Vec::new();
    for folder in folders("foreign") {
        let output = generate(&folder);
        for (path, content) in output.files() {
            differing.extend(compare(&folder.join("expected").join(path), content));
        }
    }
    assert_none(&differing);
}

fn assert_none(differing: &[PathBuf]) {
    assert!(
        differing.is_empty(),
        "these differ; `UPDATE_GOLDEN=1 cargo test -p xtask` rewrites them: {differing:#?}"
    );
}

/// Compares a file with what it should hold; without content there should be no file.
fn compare(file: &Path, content: &str) -> Option<PathBuf> {
    if fs::read_to_string(file).unwrap_or_default() == content {
        return None;
    }
    if std::env::var_os("UPDATE_GOLDEN").is_none() {
        return Some(file.to_owned());
    }
    if content.is_empty() {
        fs::remove_file(file).unwrap();
    } else {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }
    None
}

#[test]
fn every_rule_is_compiled() {
    let compiled = include_str!("expected.rs");
    for rule in folders("golden") {
        let name = rule.file_name().and_then(|name| name.to_str()).unwrap();
        let line = format!("#[path = \"../golden/{name}/expected.rs\"]");
        assert!(compiled.contains(&line), "`expected.rs` lacks `{name}`");
    }
}
