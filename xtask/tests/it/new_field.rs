//! The promise to those who maintain the descriptions: a field added there becomes a column
//! everywhere, with no other edit.

use std::{fs, path::Path, process::Command};

const PAGE: &str = r#"{"assets": [{"serialNumber": "FGT60FTK23900101", "siteCode": "N-7"}]}"#;

/// What makes up the workspace, as far as building it goes.
const PARTS: [&str; 7] = [
    ".cargo",
    "Cargo.lock",
    "Cargo.toml",
    "crates",
    "fixtures",
    "sinks",
    "xtask",
];

#[test]
fn a_field_in_a_description_is_a_column_in_every_sink() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("fortilake");
    for part in PARTS {
        copy_all(&root.join(part), &copy.join(part));
    }

    let description = copy.join("fixtures/apireference/Asset Management V3 Product.json");
    add_field(&description);
    cargo(root, &copy, &["run", "--package", "xtask", "--", "codegen"]);

    let page = folder.path().join("page.json");
    fs::write(&page, PAGE).unwrap();
    let out = folder.path().join("out");
    let sinks =
        ["csv", "parquet"].map(|sink| format!("--sink={sink}:{}?layout=latest", out.display()));
    let page = page.display().to_string();
    let decode = [
        "run",
        "--package",
        "fortilake",
        "--",
        "decode",
        "products/list",
        &page,
        &sinks[0],
        &sinks[1],
    ];
    cargo(root, &copy, &decode);

    let csv = fs::read_to_string(out.join("products.csv")).unwrap();
    let mut lines = csv.lines();
    let position = lines
        .next()
        .unwrap()
        .split(',')
        .position(|name| name == "site_code")
        .unwrap();
    assert_eq!(lines.next().unwrap().split(',').nth(position), Some("N-7"));
    let parquet = fs::read(out.join("products.parquet")).unwrap();
    // The footer names the columns in clear.
    assert!(parquet.windows(9).any(|window| window == b"site_code"));
}

fn add_field(description: &Path) {
    let text = fs::read_to_string(description).unwrap();
    let mut api: serde_json::Value = serde_json::from_str(&text).unwrap();
    api["components"]["schemas"]["Asset"]["properties"]["siteCode"] = serde_json::json!({
        "type": "string",
        "description": "The site that the unit stands at.",
    });
    fs::write(description, serde_json::to_string_pretty(&api).unwrap()).unwrap();
}

/// Runs cargo in the copy.
///
/// It builds into a folder of its own: cargo tells packages apart by their path in the workspace,
/// so in a shared folder the copy's crates would be taken for ours.
fn cargo(root: &Path, copy: &Path, arguments: &[&str]) {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(copy)
        .env("CARGO_TARGET_DIR", root.join("target/new-field"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "cargo {}:\n{errors}",
        arguments.join(" ")
    );
}

fn copy_all(from: &Path, to: &Path) {
    if from.is_file() {
        fs::copy(from, to).unwrap();
        return;
    }
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        copy_all(&entry.path(), &to.join(entry.file_name()));
    }
}
