//! Unit tests of parts that the golden outputs don't cover well.

mod misspelled;

use super::{
    generate, load,
    names::{self, Words},
    node::Node,
    patch, print,
};

fn node(text: &str) -> Node {
    serde_json::from_str(text).unwrap()
}

#[test]
fn columns_are_snake_case() {
    let words = Words::new([
        ("EoR".to_owned(), "eor".to_owned()),
        ("OAuth".to_owned(), "oauth".to_owned()),
    ]);
    for (name, column) in [
        ("productModelEoR", "product_model_eor"),
        ("EoRDate", "eor_date"),
        ("Decorum", "decorum"),
        ("EoRder", "eo_rder"),
        ("licenseSKU", "license_sku"),
        ("parentID", "parent_id"),
        ("HTTPServer", "http_server"),
        ("oauth2Token", "oauth2_token"),
        ("OAuthToken", "oauth_token"),
        ("place.geo.lat", "place_geo_lat"),
        ("already_snake", "already_snake"),
        ("__", "unnamed"),
    ] {
        assert_eq!(words.snake(name), column, "{name}");
    }
}

#[test]
fn types_are_pascal_case() {
    for (name, ty) in [
        ("products/list", "ProductsList"),
        ("pet/{petId}:post", "PetPetIdPost"),
        ("licenseSKU", "LicenseSKU"),
        ("IAM", "Iam"),
        ("2nd", "N2nd"),
        ("", "Unnamed"),
    ] {
        assert_eq!(names::pascal(name), ty, "{name}");
    }
}

#[test]
fn modules_come_from_file_names() {
    assert_eq!(
        names::module("Asset Management V3 Product"),
        "asset_management_v3_product"
    );
    assert_eq!(names::module("petstore-expanded"), "petstore_expanded");
    assert_eq!(names::module("type"), "api_type");
    assert_eq!(names::module("3scale"), "_3scale");
}

/// The examples of RFC 7386, appendix A.
#[test]
fn merge_patches_follow_the_rfc() {
    for (target, change, result) in [
        (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
        (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
        (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
        (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
        (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
        (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
        (
            r#"{"a":{"b":"c"}}"#,
            r#"{"a":{"b":"d","c":null}}"#,
            r#"{"a":{"b":"d"}}"#,
        ),
        (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
        (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
        (r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#),
        (r#"{"a":"foo"}"#, "null", "null"),
        (r#"{"a":"foo"}"#, r#""bar""#, r#""bar""#),
        (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
        ("[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
        ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
    ] {
        let mut patched = node(target);
        patch::merge(&mut patched, &node(change));
        assert_eq!(patched, node(result), "{target} {change}");
    }
}

#[test]
fn documentation_is_wrapped_and_harmless() {
    let doc = |text: &str| print::doc("///", 0, text, "fallback");
    assert_eq!(doc(" \n"), "/// fallback\n");
    assert_eq!(doc("one\ntwo\n\nthree"), "/// one two\n///\n/// three\n");
    assert_eq!(doc("a [b] <c> `[d]`"), "/// a \\[b\\] \\<c\\> `[d]`\n");
    assert_eq!(
        doc("(https://a.example/x)."),
        "/// (<https://a.example/x>).\n"
    );
    assert_eq!(doc("- item"), "/// \\- item\n");
    assert_eq!(doc("1. item"), "/// 1\\. item\n");
    assert_eq!(doc("a\u{202e}b\rc"), "/// a b c\n");
    let long = doc(&"word ".repeat(50));
    assert!(
        long.lines().all(|line| line.chars().count() <= 100),
        "{long}"
    );
}

/// Two endpoints with the same rows: an object with two members, and a list of objects.
#[test]
fn very_many_columns_become_json() {
    let row = r#"{"properties": {
        "place": {"properties": {"city": {"type": "string"}, "street": {"type": "string"}}},
        "parts": {"type": "array", "items": {"properties": {"size": {"type": "integer"}}}}}}"#;
    let response = format!(r#"{{"200": {{"schema": {{"type": "array", "items": {row}}}}}}}"#);
    let operation = format!(r#"{{"get": {{"responses": {response}}}}}"#);
    let api =
        format!(r#"{{"swagger": "2.0", "paths": {{"/one": {operation}, "/two": {operation}}}}}"#);
    let files = tempfile::tempdir().unwrap();
    std::fs::write(files.path().join("api.json"), api).unwrap();
    let folder = load::folder(files.path()).unwrap();
    let columns = |room| {
        let apis = generate::apis_within(&folder, room).unwrap();
        let names = |table: &super::tables::Table| {
            let own = table.columns.iter().map(|column| column.name.as_str());
            let own: Vec<&str> = own.filter(|name| !name.starts_with('_')).collect();
            format!("{}: {}", table.name, own.join(" "))
        };
        let tables: Vec<String> = apis[0].tables.iter().map(names).collect();
        let notes = apis[0].notes.iter();
        let notes: Vec<String> = notes.map(|(at, text)| format!("{at}: {text}")).collect();
        (tables.join("\n"), notes.join("\n"))
    };
    insta::assert_snapshot!(columns(1000).0, @"
    one: place_city place_street
    one_parts: one_index size
    two: place_city place_street
    two_parts: two_index size
    ");
    let (tables, notes) = columns(12);
    insta::assert_snapshot!(tables, @"
    one: place_city place_street
    one_parts: one_index size
    two: place parts
    ");
    insta::assert_snapshot!(notes, @"
    #/paths/~1two/get/responses/200/schema/items/properties/parts: the descriptions have many columns: this is a JSON column
    #/paths/~1two/get/responses/200/schema/items/properties/place: the descriptions have many columns: this is a JSON column
    ");
}
