//! Tests that names without a match are errors with suggestions, in patches and in `tables.toml`.

use std::fs;

use xtask::codegen::Output;

use crate::errors::{THINGS, answers, refused, tables};

/// Returns the error for this patch of [`THINGS`].
fn patch(changes: &str) -> String {
    let patch = format!(r#"{{"reason": "It is so.", "changes": {changes}}}"#);
    refused(&[("api.json", &answers(THINGS)), ("api.patch.json", &patch)])
}

#[test]
fn patches_are_read_strictly() {
    let read = |text: &str| refused(&[("api.json", &answers("{}")), ("api.patch.json", text)]);
    insta::assert_snapshot!(read("[]"), @"`api.patch.json`: expected an object, found a list");
    insta::assert_snapshot!(read(r#"{"changes": []}"#), @"`api.patch.json`: no `reason`; explain in a sentence why the patch is needed");
    insta::assert_snapshot!(read(r#"{"reason": " ", "changes": []}"#), @"`api.patch.json`: no `reason`; explain in a sentence why the patch is needed");
    insta::assert_snapshot!(read(r#"{"reason": "It is so.", "patch": {}}"#), @"`api.patch.json`: unknown member `patch`; a patch consists of `reason` and `changes`");
    insta::assert_snapshot!(patch("[]"), @"`api.patch.json`: no `changes`; add a list of objects with `at` and an action");
    insta::assert_snapshot!(patch("[7]"), @"`api.patch.json`: change 1: expected an object, found a number");
    insta::assert_snapshot!(patch(r#"[{"at": "things/list answer.box"}]"#), @"`api.patch.json`: change 1: no action; use one of `merge`, `replace`, `add`, `remove`");
    insta::assert_snapshot!(patch(r#"[{"at": "things/list answer.box", "addd": {}}]"#), @"`api.patch.json`: change 1: unknown action `addd`; nearest: `add`, `merge`, `remove`");
    insta::assert_snapshot!(patch(r#"[{"at": "things/list answer.box", "add": 1}]"#), @"`api.patch.json`: change 1: `add` must be an object, not a number");
    insta::assert_snapshot!(patch(r#"[{"at": "things/list answr.box", "add": {}}]"#), @"`api.patch.json`: change 1: `things/list answr.box` has `answr` where `request` or `answer` is expected; nearest: `answer`, `request`; a place is written like `products/list answer.assets.serialNumber`");
    insta::assert_snapshot!(patch(r#"[{"at": "things/list", "replace": {}}]"#), @"`api.patch.json`: change 1: an operation as a whole can only be changed with `merge`");
}

#[test]
fn a_patch_that_touches_nothing_is_an_error() {
    insta::assert_snapshot!(patch(r#"[{"at": "things/lisst answer.box", "merge": {}}]"#), @"`api.patch.json`: `things/lisst answer.box`: there is no operation `things/lisst`; nearest: `things/list`");
    insta::assert_snapshot!(patch(r#"[{"at": "things/list answer.bax", "merge": {}}]"#), @"`api.patch.json`: the response of `things/list` has no `bax`; nearest: `box`");
    insta::assert_snapshot!(patch(r#"[{"at": "things/list answer.box.things.nam", "remove": true}]"#), @"`api.patch.json`: the response of `things/list` has no `nam` under `box.things`; nearest: `name`, `id`, `parts`");
    insta::assert_snapshot!(patch(r#"[{"at": "* answer.bax", "replace": {}}]"#), @"`api.patch.json`: `* answer.bax`: no operation has this place: the response of `things/list` has no `bax`; nearest: `box`");
    insta::assert_snapshot!(patch(r#"[{"at": "things/list request.page", "add": {}}]"#), @"`api.patch.json`: the request of `things/list` has no body; there are none");
    insta::assert_snapshot!(patch(r#"[{"at": "things/list answer.box.things.id", "merge": {"type": "integer"}}]"#), @"`api.patch.json`: `things/list answer.box.things.id`: the change has no effect; if this edition no longer needs it, delete the change");
    insta::assert_snapshot!(patch(r#"[{"merge": {"openapi": "3.0.3"}}]"#), @"`api.patch.json`: a change of the whole description has no effect; if this edition no longer needs it, delete the change");
}

#[test]
fn an_addition_that_is_there_already_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let patch = r#"{"reason": "It is so.", "changes": [
        {"at": "things/list answer.box.things.name", "add": {"type": "integer"}}]}"#;
    fs::write(folder.path().join("api.json"), answers(THINGS)).unwrap();
    fs::write(folder.path().join("api.patch.json"), patch).unwrap();
    let output = Output::generate(folder.path()).unwrap();
    let report = output.file("generated/REPORT.md").unwrap();
    let line = "- `things/list answer.box.things.name`: the patch adds what this edition has \
                already, and can go.";
    assert!(report.contains(line), "{report}");
}

#[test]
fn services_and_lists_of_names() {
    insta::assert_snapshot!(tables("[[service]]\nbase = \"/v2\""), @"`tables.toml`: no endpoint is under the base `/v2`; nearest: `/v1`, `/v1/things`");
    insta::assert_snapshot!(tables("[[service]]\nbase = \"/v1/things/lisst\""), @"`tables.toml`: no endpoint is under the base `/v1/things/lisst`; nearest: `/v1/things`, `/v1`");
    insta::assert_snapshot!(tables("clients = [\"a\"]\n[[service]]\nbase = \"/v1\"\nclient_id = \"b\""), @"`tables.toml`: the service `/v1`: unknown client `b`; nearest: `a`");
    insta::assert_snapshot!(tables("clients = [\"a\", \"b\"]\n[[service]]\nbase = \"/v1\"\nclient_id = \"b\""), @"`tables.toml`: nothing uses the client `a`");
    insta::assert_snapshot!(tables("[[system]]\nname = \"a\"\ndialect = \"http\"\n[[service]]\nbase = \"/v1\"\nsystem = \"b\""), @"`tables.toml`: the service `/v1`: unknown system `b`; nearest: `a`");
    insta::assert_snapshot!(tables("[[system]]\nname = \"a\"\ndialect = \"http\"\n[[service]]\nbase = \"/v1\""), @"`tables.toml`: nothing uses the system `a`");
    insta::assert_snapshot!(tables("secrets = [\"nam\"]"), @"`tables.toml`: secrets: no description has the field `nam`; nearest: `name`, `box`, `id`");
    insta::assert_snapshot!(tables("integers = [\"idd\"]"), @"`tables.toml`: integers: no description has the field `idd`; nearest: `id`, `box`, `size`");
    insta::assert_snapshot!(tables("[words]\nEoR = \"eor\""), @"`tables.toml`: words: no field name contains `EoR`; there are none");
}

#[test]
fn an_endpoint_outside_every_base_is_an_error() {
    let two = answers(THINGS).replace(
        r#"{"/v1/things/list""#,
        r#"{"/v2/others": {"get": {}}, "/v1/things/list""#,
    );
    let tables = "[[service]]\nbase = \"/V1\"\n";
    insta::assert_snapshot!(refused(&[("api.json", &two), ("tables.toml", tables)]), @"`api.json`: `/v2/others` is under no `base` of a `[[service]]` in `tables.toml`; nearest: `/V1`");
}

#[test]
fn fields_and_columns() {
    let table = |more: &str| {
        tables(&format!(
            "[[table]]\nname = \"t\"\nsummary = \"\"\nendpoint = \"things/list\"\n\
             rows = [\"box.things\"]\n{more}"
        ))
    };
    insta::assert_snapshot!(table("rename = { nam = \"called\" }"), @"`api.json`: table `t`: rename: the rows have no field `nam`; nearest: `name`, `id`, `parts`");
    insta::assert_snapshot!(table("ids = [\"idd\"]"), @"`api.json`: table `t`: ids: the rows have no field `idd`; nearest: `id`, `name`, `parts`");
    insta::assert_snapshot!(table("timestamps = [\"named\"]"), @"`api.json`: table `t`: timestamps: the rows have no field `named`; nearest: `name`, `id`, `parts`");
    insta::assert_snapshot!(table("ignore = [\"parts.size\"]"), @"`api.json`: table `t`: ignore: the rows have no field `parts.size`; nearest: `parts`, `name`, `id`");
    insta::assert_snapshot!(table("scalar = \"nam\""), @"`api.json`: table `t`: scalar: there is no column `nam`; nearest: `name`, `id`, `parts`");
    insta::assert_snapshot!(table("asked = { owner = \"ownerId\" }"), @"`tables.toml`: table `t`: asked: no endpoint takes the argument `ownerId`; there are none");
    insta::assert_snapshot!(table("aliases = { nam = \"id\" }"), @"`api.json`: table `t`: aliases: the rows have no field `nam`; nearest: `name`");
    insta::assert_snapshot!(table("columns = [\"idd: int\"]"), @"`api.json`: table `t`: no field provides the published column `idd`; nearest: `id`, `name`, `parts`");
    insta::assert_snapshot!(table("columns = [\"parts: int\"]"), @"`api.json`: table `t`: the column `parts` is published as int, but the description makes it json");
    insta::assert_snapshot!(table("columns = [\"id: number\"]"), @r#"
    cannot read `tables.toml`: TOML parse error at line 6, column 11
      |
    6 | columns = ["id: number"]
      |           ^^^^^^^^^^^^^^
    column `id`: unknown kind `number`; nearest: `bool`, `float`, `id`
    "#);
    insta::assert_snapshot!(table("columns = [\"id\"]"), @r#"
    cannot read `tables.toml`: TOML parse error at line 6, column 11
      |
    6 | columns = ["id"]
      |           ^^^^^^
    `id` is not a column definition; write it like `serial_number: text`
    "#);
}

#[test]
fn types() {
    insta::assert_snapshot!(tables("[types.Thing]\nat = \"things/list answer.box.thingz\""), @"`tables.toml`: type `Thing`: the response of `things/list` has no `thingz` under `box`; nearest: `things`");
    insta::assert_snapshot!(tables("[types.Thing]\nat = \"things/list answer.box.things.id\""), @"`tables.toml`: type `Thing`: `things/list answer.box.things.id` is neither an object nor a list of values but integer");
    insta::assert_snapshot!(tables("[types.Thing]\nat = \"things/list answer.box.things\"\nfields = [\"nam\"]"), @"`tables.toml`: type `Thing`: hand-written code needs the field `nam`; nearest: `name`, `id`, `parts`");
    insta::assert_snapshot!(tables("[types.Thing]\nat = \"* answer.box.thingz\""), @"`tables.toml`: type `Thing`: `* answer.box.thingz`: no operation has this place: the response of `things/list` has no `thingz` under `box`; nearest: `things`");
}

/// Returns a description whose only endpoint has this path, and a patch of `things/list`.
fn in_capitals(path: &str) -> (String, &'static str) {
    let changes = r#"{"reason": "It is so.", "changes": [
        {"at": "things/list answer.box.things.name", "merge": {"type": "integer"}}]}"#;
    (answers(THINGS).replace("/v1/things/list", path), changes)
}

const LISTED: &str = "[[service]]\nbase = \"/v1\"\nreads = [\"things/list\"]\n\
    [[table]]\nname = \"t\"\nsummary = \"\"\nendpoint = \"things/list\"\nrows = [\"box.things\"]\n\
    key = [\"id\"]\n[types.Thing]\nat = \"things/list answer.box.things\"\n";

/// An endpoint that is not recognized would be a write and have no tables.
#[test]
fn an_endpoint_in_other_capitals_is_the_same_endpoint() {
    let (api, changes) = in_capitals("/V1/Things/LIST");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("api.json"), api).unwrap();
    fs::write(folder.path().join("api.patch.json"), changes).unwrap();
    fs::write(folder.path().join("tables.toml"), LISTED).unwrap();
    let output = Output::generate(folder.path()).unwrap_or_else(|error| panic!("{error:#}"));
    let catalogue = output.file("generated/catalogue.json").unwrap();
    let catalogue: serde_json::Value = serde_json::from_str(catalogue).unwrap();
    let endpoint = &catalogue["endpoints"][0];
    assert_eq!(endpoint["id"], "things/list");
    assert_eq!(endpoint["path"], "/v1/Things/LIST");
    assert_eq!(endpoint["access"], "read");
    let name = &catalogue["tables"][0]["columns"][1];
    assert_eq!(
        (&name["name"], &name["kind"]),
        (&"name".into(), &"int".into())
    );
}

#[test]
fn endpoints_that_differ_only_in_capitals_are_told_apart() {
    let (api, _) = in_capitals("/v1/things/List");
    let two = api.replace(
        r#"{"/v1/things/List""#,
        r#"{"/v1/things/LIST": {"get": {}}, "/v1/things/List""#,
    );
    let files = |tables| [("api.json", two.as_str()), ("tables.toml", tables)];
    insta::assert_snapshot!(refused(&files(LISTED)), @"`tables.toml`: reads of `/v1`: no description has the endpoint `things/list`; nearest: `things/List`, `things/LIST`");
    let exact = LISTED.replace("things/list", "things/List");
    assert_eq!(refused(&files(&exact)), "accepted");
}
