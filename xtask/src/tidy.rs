//! Checks the rules of this repository that lints can't check.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// Which crate of ours may name which in its manifest; the first depends on the others.
///
/// A sink may name `fortilake-sink` alone, and the command line may name all sinks.
const EDGES: [(&str, &[&str]); 10] = [
    ("fortilake-models", &[]),
    ("fortilake-transport", &[]),
    ("fortilake-sink", &[]),
    (
        "fortilake-auth",
        &["fortilake-models", "fortilake-transport"],
    ),
    ("fortilake-client", &["fortilake-auth"]),
    ("fortilake-state", &["fortilake-client"]),
    ("fortilake-crawler", &["fortilake-sink", "fortilake-state"]),
    ("fortilake-simulator", &["fortilake-models"]),
    ("fortilake", &["fortilake-crawler", "fortilake-simulator"]),
    ("xtask", &[]),
];

/// A file of code longer than this lacks an idea.
const MAX_LINES: usize = 400;

/// Checks all rules, and reports all violations together.
pub fn run() -> Result<()> {
    let root = crate::root();
    let mut breaches = edges(&metadata(&root)?);
    for path in sources(&root)? {
        let text = fs::read_to_string(&path)?;
        let name = path
            .strip_prefix(&root)
            .unwrap_or(&path)
            .display()
            .to_string();
        breaches.extend(file(&name, &text));
    }
    for path in manifests(&root)? {
        let text = fs::read_to_string(&path)?;
        let name = path
            .strip_prefix(&root)
            .unwrap_or(&path)
            .display()
            .to_string();
        breaches.extend(manifest(&name, &text)?);
    }
    if breaches.is_empty() {
        return Ok(());
    }
    bail!("the repository is untidy:\n  {}", breaches.join("\n  "))
}

fn metadata(root: &Path) -> Result<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root)
        .output()?;
    serde_json::from_slice(&output.stdout).context("`cargo metadata` printed no JSON")
}

/// Returns where the dependencies between our crates differ from [`EDGES`]. Tests may depend on
/// anything.
fn edges(metadata: &Value) -> Vec<String> {
    let allowed: BTreeMap<&str, &[&str]> = EDGES.into_iter().collect();
    let packages = metadata["packages"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let ours: BTreeSet<&str> = packages
        .iter()
        .filter_map(|package| package["name"].as_str())
        .collect();
    let mut breaches = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let is_sink = name.starts_with("fortilake-sink-");
        let may = |other: &str| match allowed.get(name) {
            _ if is_sink => other == "fortilake-sink",
            Some(named) if named.contains(&other) => true,
            Some(_) => name == "fortilake" && other.starts_with("fortilake-sink-"),
            None => false,
        };
        if !is_sink && !allowed.contains_key(name) {
            breaches.push(format!(
                "`{name}` is not in the list of crates and their edges"
            ));
        }
        let dependencies = package["dependencies"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        for dependency in dependencies
            .iter()
            .filter(|dependency| dependency["kind"] != "dev")
        {
            let other = dependency["name"].as_str().unwrap_or_default();
            if ours.contains(other) && !may(other) {
                breaches.push(format!("`{name}` must not depend on `{other}`"));
            }
        }
    }
    breaches
}

/// All Rust files apart from those that the generator or its tests own.
fn sources(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![root.join("crates"), root.join("sinks"), root.join("xtask")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if path.is_dir() && !["generated", "golden", "foreign", "target"].contains(&&*name) {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn file(name: &str, text: &str) -> Vec<String> {
    let mut breaches = Vec::new();
    if name.ends_with("/mod.rs") {
        breaches.push(format!(
            "{name}: modules are `foo.rs` with `foo/`, never `mod.rs`"
        ));
    }
    let first = text
        .lines()
        .find(|line| !line.starts_with("#!") && !line.trim().is_empty());
    if !first.is_some_and(|line| line.starts_with("//!")) {
        breaches.push(format!(
            "{name}: a file begins with a `//!` line that says what it is"
        ));
    }
    let is_test = name.contains("/tests/") || name.ends_with("/tests.rs");
    let lines = text.lines().count();
    if lines > MAX_LINES && !is_test {
        breaches.push(format!(
            "{name}: {lines} lines, more than {MAX_LINES}; which idea is missing?"
        ));
    }
    breaches
}

fn manifests(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = vec![root.join("xtask/Cargo.toml")];
    for folder in ["crates", "sinks"] {
        for entry in fs::read_dir(root.join(folder))? {
            found.push(entry?.path().join("Cargo.toml"));
        }
    }
    found.sort();
    Ok(found)
}

/// Checks that a crate inherits the shared settings from the workspace.
fn manifest(name: &str, text: &str) -> Result<Vec<String>> {
    let manifest: toml::Table = text.parse().with_context(|| name.to_owned())?;
    let inherits = |table: Option<&toml::Value>, key: &str| {
        table.and_then(|table| table.get(key)?.get("workspace")?.as_bool()) == Some(true)
    };
    let mut breaches = Vec::new();
    for key in [
        "version",
        "edition",
        "rust-version",
        "license",
        "repository",
    ] {
        if !inherits(manifest.get("package"), key) {
            breaches.push(format!("{name}: `{key}` is inherited from the workspace"));
        }
    }
    let lints = manifest
        .get("lints")
        .and_then(|lints| lints.get("workspace")?.as_bool());
    if lints != Some(true) {
        breaches.push(format!("{name}: lints are inherited from the workspace"));
    }
    for section in ["dependencies", "dev-dependencies"] {
        let dependencies = manifest.get(section).and_then(toml::Value::as_table);
        for dependency in dependencies.into_iter().flat_map(toml::Table::keys) {
            if !inherits(manifest.get(section), dependency) {
                breaches.push(format!(
                    "{name}: the version of `{dependency}` belongs in the workspace"
                ));
            }
        }
    }
    Ok(breaches)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_repository_is_tidy() {
        run().unwrap();
    }

    #[test]
    fn an_edge_that_nobody_agreed_on_is_told() {
        let package = |name: &str, dependency: &str, kind: Value| json!({ "name": name, "dependencies": [{ "name": dependency, "kind": kind }] });
        let metadata = json!({ "packages": [
            package("fortilake-models", "serde", Value::Null),
            package("fortilake-simulator", "fortilake-client", Value::Null),
            package("fortilake-client", "fortilake-simulator", json!("dev")),
            package("fortilake-sink-csv", "fortilake-sink-parquet", Value::Null),
            package("fortilake-sink-parquet", "fortilake-sink", Value::Null),
            package("fortilake-sink", "serde", Value::Null),
            package("fortilake-new", "serde", Value::Null),
        ] });
        assert_eq!(
            edges(&metadata),
            [
                "`fortilake-simulator` must not depend on `fortilake-client`",
                "`fortilake-sink-csv` must not depend on `fortilake-sink-parquet`",
                "`fortilake-new` is not in the list of crates and their edges",
            ]
        );
    }

    #[test]
    fn an_untidy_file_is_told() {
        assert!(file("crates/x/src/lib.rs", "//! What it is.\n").is_empty());
        assert_eq!(file("crates/x/src/mod.rs", "mod y;\n").len(), 2);
        assert_eq!(
            file(
                "crates/x/src/y.rs",
                &("//! Y.\n".to_owned() + &"\n".repeat(400))
            )
            .len(),
            1
        );
    }

    #[test]
    fn a_manifest_that_goes_its_own_way_is_told() {
        let text = "[package]\nname = \"x\"\nversion = \"1.0.0\"\n[dependencies]\nserde = \"1\"\n";
        assert_eq!(manifest("x/Cargo.toml", text).unwrap().len(), 7);
    }
}
