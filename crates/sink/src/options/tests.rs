//! Errors about wrong options name the option and the values that it accepts.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::json;

use super::*;

/// How to arrange files.
#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Layout {
    /// One folder each.
    Snapshots,
    /// One file.
    Latest,
}

/// What to keep.
#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Keep {
    #[schemars(range(min = 1))]
    last: Option<u32>,
    unit: Layout,
}

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
struct Config {
    path: PathBuf,
    layout: Option<Layout>,
    #[serde(default)]
    formula_prefix: bool,
    #[schemars(range(min = 1, max = 9))]
    level: Option<u32>,
    #[serde(default)]
    headers: Vec<String>,
    keep: Option<Keep>,
}

fn parse(options: &Value) -> Result<Config> {
    Options(options.as_object().cloned().unwrap_or_default()).parse()
}

#[test]
fn options_that_fit_are_read() {
    let config = parse(&json!({"path": "out", "layout": "latest", "level": 9})).unwrap();
    assert_eq!(
        config,
        Config {
            path: "out".into(),
            layout: Some(Layout::Latest),
            formula_prefix: false,
            level: Some(9),
            headers: Vec::new(),
            keep: None,
        }
    );
}

#[test]
fn options_that_do_not_fit_are_explained() {
    for (options, wanted) in [
        (
            json!({"path": "out", "layot": "latest"}),
            "unknown option `layot`; the options are `formula_prefix`, `headers`, `keep`, `layout`, `level`, `path`; \
             did you mean `layout`?",
        ),
        (json!({}), "option `path` is missing"),
        (
            json!({"path": 3}),
            "option `path` must be text, not an integer",
        ),
        (
            json!({"path": "out", "layout": "lates"}),
            "option `layout` is `lates`, but must be one of `snapshots`, `latest`; did you mean `latest`?",
        ),
        (
            json!({"path": "out", "layout": true}),
            "option `layout` must be one of `snapshots`, `latest`, not true or false",
        ),
        (
            json!({"path": "out", "formula_prefix": "maybe"}),
            "option `formula_prefix` must be true or false, not text",
        ),
        (
            json!({"path": "out", "level": 10}),
            "option `level` must be an integer from 1 to 9, not 10",
        ),
        (
            json!({"path": "out", "level": 1.5}),
            "option `level` must be an integer from 1 to 9, not a number",
        ),
        (
            json!({"path": "out", "headers": "x"}),
            "option `headers` must be a list, not text",
        ),
        (
            json!({"path": "out", "keep": {"lst": 3}}),
            "option `keep` has the unknown key `lst`; the keys are `last`, `unit`; did you mean `last`?",
        ),
        (
            json!({"path": "out", "keep": {"last": 0, "unit": "latest"}}),
            "option `keep` cannot be used: `last` must be an integer of at least 1, not 0",
        ),
        (
            json!({"path": "out", "keep": {"last": 1}}),
            "option `keep` needs the key `unit`",
        ),
    ] {
        let error = parse(&options).unwrap_err();
        assert_eq!(error.to_string(), wanted);
        assert_eq!(error.kind(), Kind::Config);
    }
}

#[test]
fn what_the_schema_cannot_say_is_still_an_error() {
    let error = parse(&json!({"path": "out", "headers": [1]})).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the options do not fit the sink's schema"
    );
    // Serde's error may quote a value, and the value may be a secret.
    assert!(std::error::Error::source(&error).is_none());
}

#[test]
fn text_becomes_what_the_option_wants() {
    let schema = schema_for!(Config);
    let value = |name, text: &str| from_text(schema.as_value(), name, text.to_owned());
    assert_eq!(value("path", "7"), json!("7"));
    assert_eq!(value("layout", "latest"), json!("latest"));
    assert_eq!(value("formula_prefix", "false"), json!(false));
    assert_eq!(value("level", "7"), json!(7));
    assert_eq!(value("level", "true"), json!("true"));
    assert_eq!(value("level", "seven"), json!("seven"));
    assert_eq!(value("unheard_of", "7"), json!("7"));
}
