//! Tests that a type of hand-written code is the same, however an edition writes its schema.

use std::fs;

use serde_json::{Value, json};
use xtask::codegen::Output;

const TABLES: &str = r#"
secrets = ["orders/make request.code"]
integers = ["size"]

[types.OrdersMakeRequest]
at = "orders/make request"
fields = ["name", "size", "code", "state", "place"]
required = ["name", "code"]
nullable = ["place"]

[types.OrderState]
at = "orders/make request.state"
values = ["Open", "Done"]

[types.Place]
at = ["orders/make request.place", "orders/move request"]
fields = ["city", "street"]
required = []
"#;

/// A description with these schemas of a request and of a place, and this one of another place.
fn api(request: &Value, moved: &Value) -> Value {
    let operation = |schema: &Value| {
        let body = json!({"in": "body", "name": "b", "schema": schema});
        json!({"post": {"parameters": [body], "responses": {}}})
    };
    json!({
        "swagger": "2.0",
        "basePath": "/v1",
        "paths": {"/orders/make": operation(request), "/orders/move": operation(moved)},
        "definitions": {
            "Text": {"type": "string", "x-nullable": true},
            "Size": {"type": "number"},
            "NamedSize": {"$ref": "#/definitions/Size"},
            "Sizes": {"type": "array", "items": {"$ref": "#/definitions/NamedSize"}},
            "Null": {"enum": [null]},
            "Front": {
                "required": ["size"],
                "properties": {"size": {"$ref": "#/definitions/Size"}, "place": place()},
            },
        },
    })
}

fn place() -> Value {
    json!({"type": "object", "properties": {
        "city": {"type": "string"}, "street": {"type": "string"},
    }})
}

fn request() -> Value {
    json!({"type": "object", "properties": {
        "name": {"type": "string"},
        "size": {"type": "integer"},
        "code": {"type": "string"},
        "state": {"type": "string", "enum": ["Open", "Done"]},
        "place": place(),
    }})
}

fn generated(api: &Value) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("api.json"), api.to_string()).unwrap();
    fs::write(folder.path().join("tables.toml"), TABLES).unwrap();
    let output = Output::generate(folder.path()).map_err(|error| format!("{error:#}"))?;
    Ok(output.file("generated/api.rs").unwrap().to_owned())
}

/// Returns the fields of the struct with this name, and the names of all structs.
fn structs(code: &str, name: &str) -> (Vec<String>, Vec<String>) {
    let fields = code.split_once(&format!("pub struct {name} {{\n"));
    let fields = fields.map_or("", |(_, rest)| rest.split("\n}\n").next().unwrap());
    let lines = |text: &str, start: &str| {
        let lines = text.lines().filter(|line| line.starts_with(start));
        lines.map(str::to_owned).collect()
    };
    (lines(fields, "    pub "), lines(code, "pub struct "))
}

#[test]
#[expect(clippy::too_many_lines, reason = "one edition after the other")]
fn a_type_of_hand_written_code_is_the_same_in_every_edition() {
    let usual = generated(&api(&request(), &place())).unwrap();
    let (fields, _) = structs(&usual, "OrdersMakeRequest");
    insta::assert_snapshot!(fields.join("\n"), @"
    pub name: String,
    pub size: Option<i64>,
    pub code: fortilake_models::Secret,
    pub state: Option<OrderState>,
    pub place: fortilake_models::Nullable<Place>,
    ");

    let with = |change: &dyn Fn(&mut Value)| {
        let mut request = request();
        change(&mut request);
        request
    };
    let parts = json!({"required": ["state"], "properties": {
        "state": {"type": "string"}, "code": {"type": "string"}, "name": {"type": "string"},
    }});
    let editions = [
        (
            "all required",
            with(&|it| it["required"] = json!(["size", "state", "place"])),
        ),
        ("open", with(&|it| it["additionalProperties"] = json!(true))),
        (
            "of text",
            with(&|it| it["additionalProperties"] = json!({"type": "string"})),
        ),
        (
            "an id as text",
            with(&|it| it["properties"]["size"] = json!({"type": "string"})),
        ),
        (
            "an id as a number",
            with(&|it| it["properties"]["size"] = json!({"type": "number"})),
        ),
        (
            "an id as anything",
            with(&|it| it["properties"]["size"] = json!({"format": "int64"})),
        ),
        (
            "an id as one of two types",
            with(&|it| it["properties"]["size"] = json!({"type": ["integer", "string"]})),
        ),
        (
            "an id as one of two schemas",
            with(&|it| {
                let choices = [json!({"type": "integer"}), json!({"type": "string"})];
                it["properties"]["size"] = json!({"oneOf": choices});
            }),
        ),
        (
            "an id by reference, or null",
            with(&|it| {
                let choices = [
                    json!({"$ref": "#/definitions/Size"}),
                    json!({"type": "null"}),
                ];
                it["properties"]["size"] = json!({"anyOf": choices});
            }),
        ),
        (
            "an id or null, which is an enum of its own",
            with(&|it| {
                let choices =
                    ["Size", "Null"].map(|name| json!({"$ref": format!("#/definitions/{name}")}));
                it["properties"]["size"] = json!({"oneOf": choices});
            }),
        ),
        (
            "values or null, which is an enum of its own",
            with(&|it| {
                let state = it["properties"]["state"].take();
                let nothing = json!({"$ref": "#/definitions/Null"});
                it["properties"]["state"] = json!({"oneOf": [state, nothing]});
            }),
        ),
        (
            "no values",
            with(&|it| it["properties"]["state"] = json!({"type": "string"})),
        ),
        (
            "a part of its own",
            json!({"allOf": [{"$ref": "#/definitions/Front"}, parts]}),
        ),
        (
            "null by reference",
            with(&|it| it["properties"]["name"] = json!({"$ref": "#/definitions/Text"})),
        ),
        (
            "an id by reference in a list of parts",
            with(&|it| {
                it["properties"]["size"] = json!({"allOf": [{"$ref": "#/definitions/%53ize"}]});
            }),
        ),
        (
            "an id by reference to a reference",
            with(&|it| {
                it["properties"]["size"] = json!({"$ref": "#/definitions/NamedSize"});
            }),
        ),
        (
            "an id by reference to another property",
            with(&|it| {
                it["properties"]["size"] = json!({"$ref": "#/definitions/Sizes/items"});
            }),
        ),
        (
            "an id in one of several parts",
            with(&|it| {
                let parts = json!([{"x-nullable": true}, {"type": "string"}]);
                it["properties"]["size"] = json!({"allOf": parts, "title": "a size"});
            }),
        ),
        (
            "an id with a type beside its parts",
            with(&|it| {
                let parts = json!([{"$ref": "#/definitions/Size"}, {}]);
                it["properties"]["size"] = json!({"allOf": parts, "type": "number"});
            }),
        ),
        (
            "an id that says null about everything else",
            with(&|it| {
                it["properties"]["size"] =
                    json!({"type": "string", "enum": null, "items": null, "allOf": null});
            }),
        ),
        (
            "more fields",
            with(&|it| it["properties"]["new"] = json!({"type": "boolean"})),
        ),
    ];
    // In another order, and open to further members.
    let moved = json!({"additionalProperties": true, "required": ["street"], "properties": {
        "street": {"type": "string", "x-nullable": true}, "city": {"type": "string"},
    }});
    for (name, request) in editions {
        let code = generated(&api(&request, &moved)).unwrap();
        assert_eq!(structs(&code, "OrdersMakeRequest").0, fields, "{name}");
        let (place, all) = structs(&code, "Place");
        assert_eq!(place, structs(&usual, "Place").0, "{name}");
        let places = all.iter().filter(|line| line.contains("Place"));
        assert_eq!(places.count(), 1, "{name}: {all:?}");
    }
}

/// The code compares with the values by the names of their variants.
#[test]
fn values_in_other_capitals_keep_their_names() {
    let mut request = request();
    request["properties"]["state"]["enum"] = json!(["LATE", "DONE", "OPEN"]);
    let code = generated(&api(&request, &place())).unwrap();
    let (_, state) = code.split_once("pub enum OrderState {\n").unwrap();
    let state = state.split("    }\n").next().unwrap();
    let variants = state.lines().filter(|line| line.contains(" = "));
    insta::assert_snapshot!(variants.map(str::trim).collect::<Vec<_>>().join("\n"), @r#"
    Open = "OPEN",
    Done = "DONE",
    Late = "LATE",
    "#);
}

#[test]
fn lists_of_ids_are_lists_of_integers_in_every_edition() {
    let list = json!({"type": "array", "items": {"type": "string"}});
    let editions = [
        list.clone(),
        json!({"allOf": [list]}),
        json!({"anyOf": [list, {"type": "null"}]}),
        json!({"type": ["array", "null"], "items": {"type": ["string", "null"]}}),
        json!({"$ref": "#/definitions/Sizes"}),
        json!({"allOf": [{"$ref": "#/definitions/Sizes"}, {"x-nullable": true}]}),
        json!({"oneOf": [{"$ref": "#/definitions/Sizes"}, {"type": "null"}]}),
    ];
    for edition in editions {
        let mut request = request();
        request["properties"]["size"] = edition.clone();
        let code = generated(&api(&request, &place())).unwrap();
        let (fields, _) = structs(&code, "OrdersMakeRequest");
        let sizes = "    pub size: Option<Vec<i64>>,".to_owned();
        assert!(fields.contains(&sizes), "{edition}: {fields:?}");
    }
}

/// An object in one place can have the name of an id in others.
#[test]
fn objects_are_no_integers() {
    let members = json!({"width": {"type": "string"}});
    let editions = [
        json!({"properties": members}),
        json!({"allOf": [{"x-nullable": true}], "properties": members}),
        json!({"allOf": [{"type": "object", "properties": members}, {}]}),
        json!({"type": "object", "allOf": [{}], "additionalProperties": {"type": "string"}}),
    ];
    for edition in editions {
        let mut request = request();
        request["properties"]["size"] = edition.clone();
        let code = generated(&api(&request, &place())).unwrap();
        let (fields, _) = structs(&code, "OrdersMakeRequest");
        let is_integer = fields.iter().any(|field| field.contains("i64"));
        assert!(!is_integer, "{edition}: {fields:?}");
    }
}

#[test]
fn places_of_one_type_that_differ_are_an_error() {
    let differs = |street: &Value| {
        let mut moved = place();
        moved["properties"]["street"] = street.clone();
        generated(&api(&request(), &moved)).unwrap_err()
    };
    insta::assert_snapshot!(differs(&json!({"type": "integer"})), @"`tables.toml`: type `Place`: `api.json` at `#/paths/~1orders~1move/post/parameters/0/schema`: not the same as `#/paths/~1orders~1make/post/parameters/0/schema/properties/place`, which is the type `Place`: `street` is integer, not string");
    insta::assert_snapshot!(differs(&json!({"type": "string", "enum": ["A"]})), @"`tables.toml`: type `Place`: `api.json` at `#/paths/~1orders~1move/post/parameters/0/schema`: not the same as `#/paths/~1orders~1make/post/parameters/0/schema/properties/place`, which is the type `Place`: `street` has values in only one of them");
}

/// An edition may describe a product in a list and the details of a product by the same schema.
#[test]
fn types_that_share_a_schema_are_different_types() {
    let mut api = api(&request(), &place());
    let shared = json!({"$ref": "#/definitions/Order"});
    let make = &mut api["paths"]["/orders/make"]["post"];
    make["parameters"][0]["schema"] = shared.clone();
    make["responses"] = json!({"200": {"schema": {"properties": {
        "order": shared.clone(), "orders": {"type": "array", "items": shared},
    }}}});
    api["definitions"]["Order"] = request();
    let tables = format!(
        "{TABLES}\n[types.Order]\nat = \"orders/make answer.order\"\n\
         [types.ListedOrder]\nat = \"orders/make answer.orders\"\nfields = [\"code\"]\n"
    );
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("api.json"), api.to_string()).unwrap();
    fs::write(folder.path().join("tables.toml"), tables).unwrap();
    let output = Output::generate(folder.path()).unwrap_or_else(|error| panic!("{error:#}"));
    let code = output.file("generated/api.rs").unwrap();
    // The code that builds the request relies on this form.
    let usual = generated(&self::api(&request(), &place())).unwrap();
    let fields = |code, name| structs(code, name).0;
    assert_eq!(
        fields(code, "OrdersMakeRequest"),
        fields(&usual, "OrdersMakeRequest")
    );
    for name in ["Order", "ListedOrder"] {
        let fields = fields(code, name);
        assert_eq!(fields.len(), 5, "{name}: {fields:?}");
        // One schema is secret at all places or at none.
        let secret = "    pub code: Option<fortilake_models::Secret>,".to_owned();
        assert!(fields.contains(&secret), "{name}: {fields:?}");
    }
}

#[test]
fn equal_schemas_of_two_files_are_one_type_in_any_order() {
    let folder = tempfile::tempdir().unwrap();
    let part = |properties: &str| {
        format!(
            r##"{{"swagger": "2.0", "definitions": {{"Part": {{"properties": {{{properties}}}}}}},
            "paths": {{"/v1/NAME/show": {{"get": {{"responses": {{"200": {{"schema":
            {{"properties": {{"part": {{"$ref": "#/definitions/Part"}}}}}}}}}}}}}}}}}}"##
        )
    };
    let (id, name) = (
        r#""id": {"type": "integer"}"#,
        r#""name": {"type": "string"}"#,
    );
    let files = [("a", [id, name]), ("b", [name, id])];
    for (file, properties) in files {
        let text = part(&properties.join(", ")).replace("NAME", file);
        fs::write(folder.path().join(format!("{file}.json")), text).unwrap();
    }
    let output = Output::generate(folder.path()).unwrap();
    let parts = output
        .files()
        .filter(|(_, code)| code.contains("pub struct Part {"));
    let parts: Vec<&str> = parts.map(|(path, _)| path).collect();
    assert_eq!(parts, ["generated/shared.rs"]);
}
