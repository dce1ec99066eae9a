//! Checks the rules of this repository that lints can't check.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

mod circles;

/// Which crates of this workspace each crate uses.
///
/// The table is exact: a crate declares what is listed here, uses it, and uses nothing else. In
/// addition, a sink may use `fortilake-sink` and `fortilake-snapshot`, the sinks `ducklake` and
/// `postgres` use `fortilake-postgres`, and the command line uses all sinks.
const EDGES: [(&str, &[&str]); 14] = [
    ("fortilake-models", &[]),
    ("fortilake-transport", &[]),
    ("fortilake-sink", &[]),
    ("fortilake-postgres", &[]),
    ("fortilake-simulator", &[]),
    ("fortilake-snapshot", &["fortilake-sink"]),
    (
        "fortilake-history",
        &["fortilake-models", "fortilake-sink", "fortilake-snapshot"],
    ),
    (
        "fortilake-auth",
        &["fortilake-models", "fortilake-transport"],
    ),
    (
        "fortilake-client",
        &["fortilake-auth", "fortilake-models", "fortilake-transport"],
    ),
    (
        "fortilake-operations",
        &["fortilake-auth", "fortilake-client", "fortilake-models"],
    ),
    (
        "fortilake-state",
        &[
            "fortilake-auth",
            "fortilake-client",
            "fortilake-models",
            "fortilake-postgres",
        ],
    ),
    (
        "fortilake-crawler",
        &[
            "fortilake-auth",
            "fortilake-client",
            "fortilake-models",
            "fortilake-sink",
            "fortilake-state",
        ],
    ),
    (
        "fortilake",
        &[
            "fortilake-auth",
            "fortilake-client",
            "fortilake-crawler",
            "fortilake-history",
            "fortilake-models",
            "fortilake-operations",
            "fortilake-simulator",
            "fortilake-sink",
            "fortilake-snapshot",
            "fortilake-state",
            "fortilake-transport",
        ],
    ),
    ("xtask", &[]),
];

/// The length from which on a file is worth a question. This is not a rule: a long file with one idea is
/// easier to read than two halves of it.
const LONG_FILE: usize = 450;

/// Checks all rules, and reports all violations together.
#[expect(
    clippy::print_stdout,
    reason = "a question is no violation, and must be visible"
)]
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
        let lines = text.lines().count();
        if lines > LONG_FILE && !is_test(&name) {
            println!("{name} has {lines} lines; does it hold one idea?");
        }
    }
    for path in manifests(&root)? {
        let text = fs::read_to_string(&path)?;
        let name = path
            .strip_prefix(&root)
            .unwrap_or(&path)
            .display()
            .to_string();
        breaches.extend(manifest(&name, &text)?);
        let code = rust_files(&path.with_file_name("src"))?;
        let code: Vec<_> = code
            .iter()
            .map(fs::read_to_string)
            .collect::<Result<_, _>>()?;
        breaches.extend(uses(&name, &declared(&text)?, &code));
        let library = path.with_file_name("src").join("lib.rs");
        breaches.extend(circles::circles(&name, &library)?);
    }
    if breaches.is_empty() {
        return Ok(());
    }
    bail!(
        "the repository breaks its rules:\n  {}",
        breaches.join("\n  ")
    )
}

fn metadata(root: &Path) -> Result<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root)
        .output()?;
    serde_json::from_slice(&output.stdout).context("cannot parse the output of `cargo metadata`")
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
        let listed = allowed.get(name).copied().unwrap_or_default();
        if !is_sink && !allowed.contains_key(name) {
            breaches.push(format!(
                "`{name}` is missing from the list of allowed dependencies"
            ));
        }
        let declared: BTreeSet<&str> = package["dependencies"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|dependency| dependency["kind"] != "dev")
            .filter_map(|dependency| dependency["name"].as_str())
            .filter(|dependency| ours.contains(dependency))
            .collect();
        for &other in &declared {
            let may = match name {
                "fortilake-sink-ducklake" | "fortilake-sink-postgres"
                    if other == "fortilake-postgres" =>
                {
                    true
                }
                _ if is_sink => ["fortilake-sink", "fortilake-snapshot"].contains(&other),
                "fortilake" if other.starts_with("fortilake-sink-") => true,
                _ => listed.contains(&other),
            };
            if !may {
                breaches.push(format!("`{name}` must not depend on `{other}`"));
            }
        }
        for other in listed.iter().filter(|other| !declared.contains(*other)) {
            breaches.push(format!(
                "`{name}` does not depend on `{other}`: remove it from the list"
            ));
        }
    }
    breaches
}

/// Returns the crates of ours that the manifest declares and the code does not use, and the ones
/// whose items the code exports, so that others can use them without declaring the crate.
fn uses(name: &str, declared: &BTreeSet<String>, sources: &[String]) -> Vec<String> {
    let mut breaches = Vec::new();
    for dependency in declared {
        let ident = dependency.replace('-', "_");
        let is_used = |text: &String| {
            let mut lines = text.lines().map(str::trim_start);
            lines.any(|line| !line.starts_with("//") && contains_word(line, &ident))
        };
        if !sources.iter().any(is_used) {
            breaches.push(format!("{name}: `{dependency}` is declared and not used"));
        }
        let exports = |text: &String| {
            let mut lines = text.lines().map(str::trim_start);
            lines.any(|line| line.starts_with("pub use ") && contains_word(line, &ident))
        };
        if sources.iter().any(exports) {
            breaches.push(format!(
                "{name}: exports something of `{dependency}`; let others declare that crate"
            ));
        }
    }
    breaches
}

fn contains_word(line: &str, word: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].ends_with(is_part) && !line[at + word.len()..].starts_with(is_part)
    })
}

/// Returns the crates of ours that a manifest declares, except those for tests.
fn declared(text: &str) -> Result<BTreeSet<String>> {
    let manifest: toml::Table = text.parse()?;
    let dependencies = manifest.get("dependencies").and_then(toml::Value::as_table);
    let names = dependencies.into_iter().flat_map(toml::Table::keys);
    Ok(names
        .filter(|name| name.starts_with("fortilake"))
        .cloned()
        .collect())
}

/// Returns all Rust files, except those of the generator and its tests.
fn sources(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for folder in ["crates", "sinks", "xtask"] {
        found.extend(rust_files(&root.join(folder))?);
    }
    found.sort();
    Ok(found)
}

fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
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
    Ok(found)
}

fn file(name: &str, text: &str) -> Vec<String> {
    let mut breaches = Vec::new();
    if name.ends_with("/mod.rs") {
        breaches.push(format!(
            "{name}: name modules `foo.rs` with a folder `foo/`, not `mod.rs`"
        ));
    }
    let first = text
        .lines()
        .find(|line| !line.starts_with("#!") && !line.trim().is_empty());
    if !first.is_some_and(|line| line.starts_with("//!")) {
        breaches.push(format!(
            "{name}: start the file with a `//!` line that says what it contains"
        ));
    }
    breaches
}

fn is_test(name: &str) -> bool {
    name.contains("/tests/") || name.ends_with("/tests.rs")
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
            breaches.push(format!("{name}: inherit `{key}` from the workspace"));
        }
    }
    let lints = manifest
        .get("lints")
        .and_then(|lints| lints.get("workspace")?.as_bool());
    if lints != Some(true) {
        breaches.push(format!("{name}: inherit the lints from the workspace"));
    }
    for section in ["dependencies", "dev-dependencies"] {
        let dependencies = manifest.get(section).and_then(toml::Value::as_table);
        for dependency in dependencies.into_iter().flat_map(toml::Table::keys) {
            if !inherits(manifest.get(section), dependency) {
                breaches.push(format!(
                    "{name}: declare the version of `{dependency}` in the workspace"
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
            package("fortilake-simulator", "fortilake-models", Value::Null),
            package("fortilake-sink-csv", "fortilake-sink-parquet", Value::Null),
            package("fortilake-sink-parquet", "fortilake-sink", Value::Null),
            package("fortilake-sink", "serde", Value::Null),
            package("fortilake-new", "serde", Value::Null),
            package("fortilake-snapshot", "fortilake-simulator", json!("dev")),
        ] });
        assert_eq!(
            edges(&metadata),
            [
                "`fortilake-simulator` must not depend on `fortilake-models`",
                "`fortilake-sink-csv` must not depend on `fortilake-sink-parquet`",
                "`fortilake-new` is missing from the list of allowed dependencies",
                "`fortilake-snapshot` does not depend on `fortilake-sink`: remove it from the list",
            ]
        );
    }

    #[test]
    fn a_crate_that_is_declared_and_not_used_is_told() {
        let declared = BTreeSet::from(["fortilake-sink".to_owned()]);
        let told = |text: &str| uses("x", &declared, &[text.to_owned()]);
        assert!(told("use fortilake_sink::Sink;").is_empty());
        let unused = ["x: `fortilake-sink` is declared and not used"];
        assert_eq!(told("// fortilake_sink"), unused);
        assert_eq!(told("use fortilake_sink_csv as _;"), unused);
        for export in [
            "pub use fortilake_sink;",
            "pub use fortilake_sink as sink;",
            "pub use fortilake_sink::Sink;",
            "    pub use fortilake_sink::{\n        Batch, Sink,\n    };",
        ] {
            assert_eq!(
                told(export),
                ["x: exports something of `fortilake-sink`; let others declare that crate"]
            );
        }
    }

    #[test]
    fn an_untidy_file_is_told() {
        assert!(file("crates/x/src/lib.rs", "//! What it is.\n").is_empty());
        assert_eq!(file("crates/x/src/mod.rs", "mod y;\n").len(), 2);
    }

    #[test]
    fn a_manifest_that_goes_its_own_way_is_told() {
        let text = "[package]\nname = \"x\"\nversion = \"1.0.0\"\n[dependencies]\nserde = \"1\"\n";
        assert_eq!(manifest("x/Cargo.toml", text).unwrap().len(), 7);
    }
}
