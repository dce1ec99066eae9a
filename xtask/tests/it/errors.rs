//! Tests of invalid input: it never causes a panic, and the error names the file and the place.

use std::fs;

use xtask::codegen::Output;

/// Generates from these files, which must fail. Returns the text of the error.
pub(crate) fn refused(files: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs::write(folder.path().join(name), content).unwrap();
    }
    match Output::generate(folder.path()) {
        Ok(_) => "accepted".to_owned(),
        Err(error) => {
            let text = format!("{error:#}");
            text.replace(&folder.path().display().to_string(), "FOLDER")
        }
    }
}

/// A description with one endpoint, `things/list`, whose response has this schema.
pub(crate) fn answers(schema: &str) -> String {
    format!(
        r#"{{"openapi": "3.0.3", "paths": {{"/v1/things/list": {{"post": {{"responses": {{"200":
        {{"content": {{"application/json": {{"schema": {schema}}}}}}}}}}}}}}}}}"#
    )
}

pub(crate) const THINGS: &str = r#"{"properties": {"box": {"properties": {"things": {"type": "array",
    "items": {"properties": {"id": {"type": "integer"}, "name": {"type": "string"},
    "parts": {"type": "array", "items": {"properties": {"size": {"type": "number"}}}}}}}}}}}"#;

/// Returns the error for this `tables.toml` next to [`THINGS`].
pub(crate) fn tables(toml: &str) -> String {
    refused(&[("api.json", &answers(THINGS)), ("tables.toml", toml)])
}

#[test]
fn folders() {
    insta::assert_snapshot!(refused(&[]), @"`FOLDER` contains no API description");
    insta::assert_snapshot!(refused(&[("api.patch.json", "{}")]), @"`api.patch.json` patches `api.json`, which does not exist");
}

#[test]
fn descriptions() {
    let api = |text: &str| refused(&[("api.json", text)]);
    insta::assert_snapshot!(api("{"), @"`api.json` is not JSON: EOF while parsing an object at line 1 column 1");
    insta::assert_snapshot!(api("[]"), @"`api.json` at `#`: expected an object, found a list");
    insta::assert_snapshot!(api("{}"), @"`api.json` at `#`: expected `openapi` 3.0 or 3.1, or `swagger` 2.0, found neither");
    insta::assert_snapshot!(api(r#"{"openapi": "4.0"}"#), @"`api.json` at `#`: expected `openapi` 3.0 or 3.1, or `swagger` 2.0, found `4.0`");
    insta::assert_snapshot!(api(r#"{"swagger": "2.0", "paths": []}"#), @"`api.json` at `#/paths`: expected an object, found a list");
    insta::assert_snapshot!(api(r#"{"swagger": "2.0", "paths": {"/a~b": {"get": 1}}}"#), @"`api.json` at `#/paths/~1a~0b/get`: expected an object, found a number");
    insta::assert_snapshot!(
        api(r#"{"swagger": "2.0", "paths": {"/a": {"get": {"parameters": [{"in": "boddy"}]}}}}"#),
        @"`api.json` at `#/paths/~1a/get/parameters/0`: expected `in` to be path, query, header, cookie, body or formData, found `boddy`"
    );
}

#[test]
fn schemas() {
    let schema = |schema: &str| refused(&[("api.json", &answers(schema))]);
    insta::assert_snapshot!(schema("1"), @"`api.json` at `#/paths/~1v1~1things~1list/post/responses/200/content/application~1json/schema`: expected an object, found a number");
    insta::assert_snapshot!(schema(r##"{"$ref": "#/components/schemas/Gone"}"##), @"`api.json` at `#/paths/~1v1~1things~1list/post/responses/200/content/application~1json/schema/$ref`: `#/components/schemas/Gone` does not exist");
    insta::assert_snapshot!(schema(r#"{"$ref": "other.json"}"#), @"`api.json` at `#/paths/~1v1~1things~1list/post/responses/200/content/application~1json/schema/$ref`: `other.json` is in another file; only references that start with `#` are supported");
    insta::assert_snapshot!(
        refused(&[("api.json", r#"{"swagger": "2.0", "paths": {"/a": {"get": {"$ref": "a.json"}}}}"#)]),
        @"`api.json` at `#/paths/~1a/get/$ref`: `a.json` is in another file; only references that start with `#` are supported"
    );
    insta::assert_snapshot!(schema(r#"{"type": 5}"#), @"`api.json` at `#/paths/~1v1~1things~1list/post/responses/200/content/application~1json/schema/type`: expected text, found a number");
    insta::assert_snapshot!(schema(r#"{"properties": {"a": {"properties": []}}}"#), @"`api.json` at `#/paths/~1v1~1things~1list/post/responses/200/content/application~1json/schema/properties/a/properties`: expected an object, found a list");
    insta::assert_snapshot!(schema(r#"{"required": "id", "properties": {}}"#), @"`api.json` at `#/paths/~1v1~1things~1list/post/responses/200/content/application~1json/schema/required`: expected a list, found text");
    let circle = "#/paths/~1v1~1things~1list/post/responses/200/content/application~1json/schema";
    insta::assert_snapshot!(schema(&format!(r#"{{"$ref": "{circle}"}}"#)), @"`api.json` at `#/paths/~1v1~1things~1list/post/responses/200/content/application~1json/schema`: `$ref` refers to itself, directly or through others");
    insta::assert_snapshot!(
        schema(&format!(r#"{{"allOf": [{{"$ref": "{circle}"}}, {{"type": "object"}}]}}"#)),
        @"`api.json` at `#/paths/~1v1~1things~1list/post/responses/200/content/application~1json/schema/allOf/0`: the schema is defined by itself"
    );
}

#[test]
fn tables_files() {
    insta::assert_snapshot!(tables("table = 1"), @"
    cannot read `tables.toml`: TOML parse error at line 1, column 9
      |
    1 | table = 1
      |         ^
    invalid type: integer `1`, expected a sequence
    ");
    insta::assert_snapshot!(tables("secretz = []"), @"
    cannot read `tables.toml`: TOML parse error at line 1, column 1
      |
    1 | secretz = []
      | ^^^^^^^
    unknown field `secretz`, expected one of `words`, `secrets`, `integers`, `clients`, `prefixes`, `includes`, `published`, `types`, `system`, `service`, `table`
    ");
    let table = |more: &str| tables(&format!("[[table]]\nname = \"t\"\nsummary = \"\"\n{more}"));
    insta::assert_snapshot!(table("endpoint = \"things/list\"\nrows = [\"box.things\", \".\"]"), @"`api.json`: table `t`: the response cannot both consist of rows and contain lists of rows");
    insta::assert_snapshot!(table("rows = [\"a\"]"), @"cannot read `tables.toml`: table `t` has neither an `endpoint` nor a `parent`");
    insta::assert_snapshot!(table("rows = [\"a\"]\nparent = \"u\""), @"cannot read `tables.toml`: table `t`: its parent `u` is not a table defined before it; there are none");
    insta::assert_snapshot!(table("rows = [\"a\"]\nendpoint = \"things/lisst\""), @"`tables.toml`: table `t`: no description has the endpoint `things/lisst`; nearest: `things/list`");
    let table = |more: &str| table(&format!("endpoint = \"things/list\"\n{more}"));
    insta::assert_snapshot!(table("rows = []"), @"cannot read `tables.toml`: table `t` does not say where its `rows` are");
    insta::assert_snapshot!(table("rows = [\"box.thinks\"]"), @"`api.json`: table `t`: the response of `things/list` has no `thinks` under `box`; nearest: `things`");
    insta::assert_snapshot!(table("rows = [\"bax.things\"]"), @"`api.json`: table `t`: the response of `things/list` has no `bax`; nearest: `box`");
    let table = |more: &str| table(&format!("rows = [\"box.things\"]\n{more}"));
    insta::assert_snapshot!(table("key = [\"idd\"]"), @"`api.json`: table `t`: no field provides the column `idd`; nearest: `id`, `_index`, `name`");
    insta::assert_snapshot!(table("inherit = [\"id\"]"), @"`api.json`: table `t`: `id` cannot be inherited, because the table has no parent");
    insta::assert_snapshot!(table("aliases = { ID = \"idd\" }"), @"`api.json`: table `t`: `ID` is an alias of `idd`, which is not a field; nearest: `id`, `name`, `parts`");
    insta::assert_snapshot!(table("enclosing = { zone = \"box.zone\" }"), @"`api.json`: table `t`: the response of `things/list` has no `zone` under `box`; nearest: `things`");
    let child = |more: &str| {
        table(&format!(
            "[[table]]\nname = \"c\"\nsummary = \"\"\nparent = \"t\"\n{more}"
        ))
    };
    insta::assert_snapshot!(child("rows = [\"partz\"]"), @"`api.json`: table `t`: rows: the rows of `t` have no `partz`; nearest: `parts`");
    insta::assert_snapshot!(child("rows = [\"parts\"]\ninherit = [\"idd\"]"), @"`api.json`: table `t`: table `c`: `t` has no column `idd` to inherit; nearest: `id`, `name`, `_extra`");
    insta::assert_snapshot!(
        tables("[[service]]\nbase = \"/v1\"\nreads = [\"things/lst\"]"),
        @"`tables.toml`: reads of `/v1`: no description has the endpoint `things/lst`; nearest: `things/list`"
    );
    insta::assert_snapshot!(
        tables("[[service]]\nbase = \"/v1\"\nwrites = [\"things/lst\"]"),
        @"`tables.toml`: writes of `/v1`: no description has the endpoint `things/lst`; nearest: `things/list`"
    );
    insta::assert_snapshot!(table("given = { age = { kind = \"number\", doc = \"\" } }"), @r#"
    cannot read `tables.toml`: TOML parse error at line 6, column 26
      |
    6 | given = { age = { kind = "number", doc = "" } }
      |                          ^^^^^^^^
    unknown variant `number`, expected one of `text`, `int`, `id`, `float`, `bool`, `timestamp`, `instant`, `json`
    "#);
}

/// Names that would become invalid names in Rust, or the same name twice.
#[test]
fn names_that_the_file_makes_up() {
    let table = |name: &str, more: &str| {
        tables(&format!(
            "[[table]]\nname = {name:?}\nsummary = \"\"\nendpoint = \"things/list\"\n\
             rows = [\"box.things\"]\n{more}"
        ))
    };
    insta::assert_snapshot!(table("A B-C", ""), @"cannot read `tables.toml`: table `A B-C`: not a name for a table; use small letters, digits and `_`, and begin with a letter");
    insta::assert_snapshot!(table("2things", ""), @"cannot read `tables.toml`: table `2things`: not a name for a table; use small letters, digits and `_`, and begin with a letter");
    insta::assert_snapshot!(table("things_list_layout", ""), @"`tables.toml`: table `things_list_layout`: the generated code has this name for the layout of `things/list`");
    let rows = "[[table]]\nname = \"t_rows\"\nsummary = \"\"\nparent = \"t\"\nrows = [\"parts\"]";
    insta::assert_snapshot!(table("t", rows), @"cannot read `tables.toml`: table `t_rows`: the generated code has this name for the rows of `t`");
    insta::assert_snapshot!(table("t", "rename = { name = \"a\\nb\" }"), @r"
    cannot read `tables.toml`: table `t`: rename: `a
    b` is not a name for a column; use small letters, digits and `_`, and begin with a letter
    ");
    let ty = |name: &str| {
        tables(&format!(
            "[types.{name:?}]\nat = \"things/list answer.box.things\""
        ))
    };
    insta::assert_snapshot!(ty("A B"), @"`tables.toml`: type `A B`: not a name for a type; write it like `ProductsListRequest`, and not like a type of Rust's standard library");
    insta::assert_snapshot!(ty("String"), @"`tables.toml`: type `String`: not a name for a type; write it like `ProductsListRequest`, and not like a type of Rust's standard library");
    insta::assert_snapshot!(ty("ThingsList"), @"`tables.toml`: type `ThingsList`: an operation, or its request or response, has this name already; choose another one");
    assert_eq!(ty("Thing"), "accepted");
    insta::assert_snapshot!(tables("[words]\n\"\" = \"a\""), @"cannot read `tables.toml`: words: an empty word is part of every name");
    insta::assert_snapshot!(tables("[[tabel]]\nname = \"t\""), @"cannot read `tables.toml`: line 1: unknown section `tabel`; nearest: `table`, `types`, `system`");
}
