//! The promise to those who maintain the descriptions: a field added there becomes a column
//! everywhere, with no other edit.

use std::{fs, path::Path};

use crate::copy::Copy;

const PAGE: &str = r#"{"assets": [{"serialNumber": "FGT60FTK23900101", "siteCode": "N-7"}]}"#;

#[test]
fn a_field_in_a_description_is_a_column_in_every_sink() {
    let copy = Copy::take();
    let description = "fixtures/apireference/Asset Management V3 Product.json";
    add_field(&copy.path().join(description));
    copy.cargo(&["run", "--package", "xtask", "--", "codegen"]);

    let folder = tempfile::tempdir().unwrap();
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
    copy.cargo(&decode);

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
