//! Tests that a field added to a description becomes a column everywhere, without any other edit.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::copy::Copy;

const PAGE: &str = r#"{"assets": [{"serialNumber": "FGT60FTK23900101", "siteCode": "N-7"}]}"#;

#[test]
#[ignore = "slow; `cargo xtask soak` runs it"]
fn a_field_in_a_description_is_a_column_in_every_sink() {
    let copy = Copy::take();
    let description = "fixtures/apireference/Asset Management V3 Product.json";
    add_field(&copy.path().join(description));
    copy.run("xtask", &["codegen"]);

    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.json");
    fs::write(&page, PAGE).unwrap();
    let out = folder.path().join("out");
    let sinks = ["csv", "parquet"]
        .map(|sink| format!("--sink={sink}:{}/{sink}?layout=latest", out.display()));
    let page = page.display().to_string();
    let decode = ["decode", "products/list", &page, &sinks[0], &sinks[1]];
    copy.run("fortilake", &decode);

    let csv = fs::read_to_string(out.join("csv/products.csv")).unwrap();
    let mut lines = csv.lines();
    let position = lines
        .next()
        .unwrap()
        .split(',')
        .position(|name| name == "site_code")
        .unwrap();
    assert_eq!(lines.next().unwrap().split(',').nth(position), Some("N-7"));
    let parquet = fs::read(out.join("parquet/products.parquet")).unwrap();
    // The footer names the columns in clear.
    assert!(parquet.windows(9).any(|window| window == b"site_code"));
}

/// Adds a field to the rows of `products/list`, whatever the name of their schema is.
pub(crate) fn add_field(description: &Path) {
    let text = fs::read_to_string(description).unwrap();
    let mut api: Value = serde_json::from_str(&text).unwrap();
    let rows = rows(&mut api).expect("a schema with the fields of a product");
    rows["siteCode"] = json!({
        "type": "string",
        "description": "The site that the unit stands at.",
    });
    fs::write(description, serde_json::to_string_pretty(&api).unwrap()).unwrap();
}

/// Returns the properties of the schema with the fields of a listed product.
fn rows(value: &mut Value) -> Option<&mut Value> {
    let is_product = |properties: &Value| {
        let fields = ["serialNumber", "isDecommissioned", "status", "entitlements"];
        let text = |field: &str| properties[field]["type"] == "string";
        fields.iter().all(|field| properties.get(*field).is_some()) && text("status")
    };
    if value.get("properties").is_some_and(is_product) {
        return value.get_mut("properties");
    }
    match value {
        Value::Object(members) => members.values_mut().find_map(rows),
        Value::Array(items) => items.iter_mut().find_map(rows),
        _ => None,
    }
}
