//! Tests of the changes between two editions in words.

use std::{fs, path::Path};

use serde_json::{Value, json};
use xtask::codegen;

use crate::swagger::{self, Edition};

const TABLES: &str = r#"
[[table]]
name = "things"
summary = "A thing."
endpoint = "things/list"
rows = ["things"]
key = ["id"]
"#;

fn api(change: impl FnOnce(&mut Value)) -> Value {
    let mut api = json!({
        "swagger": "2.0",
        "basePath": "/v1",
        "paths": {
            "/things/list": {"post": {
                "parameters": [{"in": "body", "name": "b", "schema": {"properties": {
                    "owner": {"type": "string"},
                    "state": {"type": "string", "enum": ["On", "Off"]},
                }}}],
                "responses": {"200": {"schema": {"properties": {"things": {
                    "type": "array", "items": {"$ref": "#/definitions/Thing"},
                }}}}},
            }},
            "/things/drop": {"post": {"responses": {}}},
        },
        "definitions": {"Thing": {"properties": {
            "id": {"type": "integer"},
            "size": {"type": "integer"},
            "parts": {"type": "array", "items": {"$ref": "#/definitions/Thing"}},
        }}},
    });
    change(&mut api);
    api
}

fn folder(api: &Value, tables: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("api.json"), api.to_string()).unwrap();
    fs::write(folder.path().join("tables.toml"), tables).unwrap();
    folder
}

fn diff(old: &Path, new: &Path, beside: &Path) -> String {
    codegen::diff(old, new, beside).unwrap_or_else(|error| format!("{error:#}"))
}

fn changed(api: &mut Value) {
    let paths = api["paths"].as_object_mut().unwrap();
    paths.remove("/things/drop");
    paths.insert("/things/make".to_owned(), json!({"put": {"responses": {}}}));
    let body = &mut api["paths"]["/things/list"]["post"]["parameters"][0]["schema"];
    body["required"] = json!(["owner"]);
    body["properties"]["state"]["enum"] = json!(["On", "Idle"]);
    body["properties"]["page"] = json!({"type": "integer"});
    let thing = &mut api["definitions"]["Thing"]["properties"];
    thing.as_object_mut().unwrap().remove("size");
    thing["id"] = json!({"type": "string"});
    thing["born"] = json!({"type": "string", "format": "date-time"});
}

#[test]
fn changes_are_told_in_words() {
    let old = folder(&api(|_| {}), TABLES);
    let new = folder(&api(changed), TABLES);
    insta::assert_snapshot!(diff(old.path(), new.path(), old.path()), @"
    ### Endpoints

    - Added `things/make` (`PUT /v1/things/make`).
    - Removed `things/drop`.

    ### Requests and responses

    - The request of `things/list`: `owner` is required now.
    - The request of `things/list` gained `page` (integer, optional).
    - The request of `things/list`: `state` can be `Idle` as well.
    - The request of `things/list`: `state` no longer lists `Off`.
    - The response of `things/list` gained `things.born` (date and time).
    - The response of `things/list`: `things.id` changed from integer to string.
    - The response of `things/list` lost `things.size`.

    ### Tables

    - `things`: the column `id` changed from int to text.
    - `things` gained the column `born` (timestamp).
    - `things` lost the column `size`.
    ");
}

#[test]
fn two_files_are_compared_beside_the_others() {
    let old = folder(&api(|_| {}), TABLES);
    let downloads = folder(&api(changed), "");
    let new = downloads.path().join("api.json");
    let text = diff(&old.path().join("api.json"), &new, old.path());
    assert!(
        text.contains("`things` gained the column `born` (timestamp)."),
        "{text}"
    );
    assert_eq!(
        diff(&old.path().join("api.json"), old.path(), old.path()),
        "cannot compare a folder with a file; pass two folders or two files"
    );
}

#[test]
fn an_edition_that_the_tables_do_not_fit_is_compared_all_the_same() {
    let old = folder(&api(|_| {}), TABLES);
    let new = folder(&api(changed), &TABLES.replace("things\"]", "thingz\"]"));
    let text = diff(old.path(), new.path(), old.path());
    assert!(text.contains("- Removed `things/drop`."), "{text}");
    assert!(
        text.contains("Cannot build the tables of the new edition yet: `api.json`: table `things`"),
        "{text}"
    );
}

/// What a patch corrects, and the names that a service gives to its endpoints, are no changes.
#[test]
fn an_edition_that_lacks_an_operation_is_compared_in_the_same_way() {
    let tables = "[types.Dropped]\nat = \"my/things/drop answer\"\n\
        [[service]]\nbase = \"/V1\"\nname = \"my\"\nreads = [\"my/things/drop\"]\n";
    let patch = r#"{"reason": "It is so.", "changes": [
        {"at": "my/things/list answer.things.id", "merge": {"type": "string"}}]}"#;
    let dropped = |api: &mut Value| {
        let schema = json!({"properties": {"id": {"type": "integer"}}});
        api["paths"]["/things/drop"]["post"]["responses"] = json!({"200": {"schema": schema}});
    };
    let old = folder(&api(dropped), tables);
    let new = folder(
        &api(|api| {
            let paths = api["paths"].as_object_mut().unwrap();
            paths.remove("/things/drop");
        }),
        tables,
    );
    for folder in [&old, &new] {
        fs::write(folder.path().join("api.patch.json"), patch).unwrap();
    }
    insta::assert_snapshot!(diff(old.path(), new.path(), old.path()), @"
    ### Endpoints

    - Removed `my/things/drop`.

    ### Tables

    - Cannot build the tables of the new edition yet: `tables.toml`: reads of `/V1`: no description has the endpoint `my/things/drop`; nearest: `my/things/list`
    ");
}

#[test]
fn another_rendering_changes_no_table() {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/apireference");
    let rendered = tempfile::tempdir().unwrap();
    let edition = Edition {
        seed: 11,
        has_new_fields: false,
        habits: &[],
    };
    swagger::render_folder(&from, rendered.path(), edition);
    let text = diff(&from, rendered.path(), &from);
    assert!(!text.contains("### Tables"), "{text}");
    assert_eq!(diff(&from, &from, &from), "Nothing changed.\n");
}
