//! Tests that the report lists the arguments that calls send otherwise than described, or not at
//! all.

use std::fs;

use serde_json::{Value, json};
use xtask::codegen::Output;

/// Returns the lines of the report about the only parameter of a call.
fn report(parameter: &Value) -> String {
    let is_old = parameter["schema"].is_null();
    let mut api = json!({"paths": {"/v1/things/{id}": {"get": {"parameters": [parameter]}}}});
    if is_old {
        api["swagger"] = json!("2.0");
    } else {
        api["openapi"] = json!("3.1.0");
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("api.json"), api.to_string()).unwrap();
    let output = Output::generate(folder.path()).unwrap();
    let report = output.file("generated/REPORT.md").unwrap();
    let lines = report
        .lines()
        .filter_map(|line| line.strip_prefix("- `#/paths/~1v1~1things~1{id}/get/parameters/0`: "));
    let lines: Vec<_> = lines.map(|line| line.trim_end_matches('.')).collect();
    lines.join("\n")
}

/// A parameter with this schema, in the notation of `OpenAPI` 3.
fn parameter(found_in: &str, schema: &Value) -> Value {
    json!({"name": "id", "in": found_in, "schema": schema})
}

#[test]
fn objects_are_rejected_whether_or_not_a_style_is_given() {
    let object = json!({"type": "object", "properties": {"from": {"type": "string"}}});
    insta::assert_snapshot!(report(&parameter("query", &object)), @"object `id` in the query: a call with it is rejected");
    insta::assert_snapshot!(report(&parameter("path", &object)), @"object `id` in the path: a call with it is rejected");
    insta::assert_snapshot!(report(&parameter("header", &object)), @"object `id` in the header: a call with it is rejected");
    let objects = json!({"type": "array", "items": object});
    insta::assert_snapshot!(report(&parameter("query", &objects)), @"list of objects `id` in the query: a call with it is rejected");
    let mut deep = parameter("query", &object);
    deep["style"] = json!("deepObject");
    insta::assert_snapshot!(report(&deep), @"object `id` in the query: a call with it is rejected");
    let map = json!({"additionalProperties": {"type": "string"}});
    insta::assert_snapshot!(report(&parameter("query", &map)), @"object `id` in the query: a call with it is rejected");
}

#[test]
fn lists_are_sent_in_the_query_only() {
    let list = json!({"type": "array", "items": {"type": "string"}});
    assert_eq!(report(&parameter("query", &list)), "");
    insta::assert_snapshot!(report(&parameter("path", &list)), @"list `id` in the path: a call with it is rejected");
    insta::assert_snapshot!(report(&parameter("header", &list)), @"list `id` in the header: a call with it is rejected");
    let mut joined = parameter("query", &list);
    joined["explode"] = json!(false);
    insta::assert_snapshot!(report(&joined), @"`id` not exploded: sent as the name repeated");
    let mut piped = parameter("query", &list);
    piped["style"] = json!("pipeDelimited");
    insta::assert_snapshot!(report(&piped), @"`id` in the style `pipeDelimited`: sent as the name repeated");
    let mut old =
        json!({"name": "id", "in": "query", "type": "array", "items": {"type": "string"}});
    insta::assert_snapshot!(report(&old), @"list `id` in the collection format `csv`: sent as the name repeated");
    old["collectionFormat"] = json!("multi");
    assert_eq!(report(&old), "");
}

#[test]
fn plain_values_are_sent_as_described_unless_a_style_decorates_them() {
    let text = json!({"type": "string"});
    assert_eq!(report(&parameter("path", &text)), "");
    assert_eq!(report(&parameter("query", &text)), "");
    let mut matrix = parameter("path", &text);
    matrix["style"] = json!("matrix");
    insta::assert_snapshot!(report(&matrix), @"`id` in the style `matrix`: sent as plain text");
}
