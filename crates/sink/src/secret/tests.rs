//! Secrets are looked up at every depth of a schema, and never printed.

use std::collections::BTreeMap;

use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{MaybeSecret, Reference, Secret};
use crate::{Error, Kind, Options, Result};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    password: Secret,
    #[serde(default)]
    token: Option<Secret>,
    #[serde(default)]
    keys: Vec<Secret>,
    #[serde(default)]
    headers: BTreeMap<String, MaybeSecret>,
}

fn read(options: &Value) -> Result<Config> {
    let options = Options(options.as_object().cloned().unwrap_or_default());
    let schema = schema_for!(Config);
    let resolved = options.resolve(&schema, &|reference| match reference {
        Reference::Env(name) if name == "UNSET" => {
            Err(Error::new(Kind::Config, "the variable `UNSET` is not set"))
        }
        Reference::Env(name) => Ok(format!("value of {name}\n")),
        Reference::File(path) => Ok(format!("content of {}", path.display())),
        Reference::Command(words) => Ok(words.join("+")),
    });
    resolved?.parse()
}

#[test]
fn references_are_replaced_at_every_depth() {
    let config = read(&json!({
        "password": { "env": "PASSWORD" },
        "token": { "command": ["pass", "token"] },
        "keys": [{ "file": "a" }, { "file": "b" }],
        "headers": { "authorization": { "env": "AUTH" }, "accept": "text/plain" },
    }))
    .unwrap();
    assert_eq!(config.password.expose(), "value of PASSWORD");
    assert_eq!(config.token.unwrap().expose(), "pass+token");
    let keys: Vec<_> = config.keys.iter().map(Secret::expose).collect();
    assert_eq!(keys, ["content of a", "content of b"]);
    assert_eq!(config.headers["authorization"].expose(), "value of AUTH");
    assert!(config.headers["authorization"].is_secret());
    assert_eq!(config.headers["accept"].expose(), "text/plain");
    assert!(!config.headers["accept"].is_secret());
}

#[test]
fn a_secret_in_plain_text_is_refused_and_not_repeated() {
    for options in [
        json!({ "password": "hunter2" }),
        json!({ "password": { "env": "A" }, "keys": ["hunter2"] }),
        json!({ "password": { "env": "A", "file": "hunter2" } }),
        json!({ "password": { "env": "UNSET" }, "token": "hunter2" }),
        json!({ "password": { "env": "A" }, "headers": { "a": { "secret": "hunter2" } } }),
    ] {
        let error = read(&options).unwrap_err();
        assert_eq!(error.kind(), Kind::Config);
        let text = format!("{error} {error:?}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn a_value_that_is_not_there_is_an_error_that_names_the_option() {
    let error = read(&json!({ "password": { "env": "UNSET" } })).unwrap_err();
    assert_eq!(error.to_string(), "cannot read option `password`");
}

#[test]
fn no_form_of_printing_shows_a_secret() {
    let config = read(&json!({ "password": { "env": "PASSWORD" } })).unwrap();
    assert!(format!("{config:?}").contains("password: [secret]"));
    let options = Options::from_iter([("password", json!("hunter2"))]);
    assert_eq!(format!("{options:?}"), "Options { password, .. }");
}

#[test]
fn a_shown_option_says_only_where_a_secret_is() {
    let options = json!({
        "password": { "command": ["vault", "--token=hunter2"] },
        "token": "hunter2",
        "keys": [{ "file": "a" }, "hunter2"],
        "headers": { "authorization": "Bearer hunter2", "accept": { "env": "ACCEPT" } },
    });
    let schema = schema_for!(Config);
    let shown = super::hide_all(schema.as_value(), options.as_object().unwrap());
    let expected = json!({
        "password": { "command": ["vault", "…"] },
        "token": "…",
        "keys": [{ "file": "a" }, "…"],
        "headers": { "authorization": "…", "accept": { "env": "ACCEPT" } },
    });
    assert_eq!(Value::Object(shown), expected);
}

#[test]
fn of_the_words_of_a_program_only_the_first_are_shown() {
    let schema = json!({ "properties": {
        "command": { "$ref": "#/$defs/words", "x-shown-words": 1 },
        "args": { "x-shown-words": 0 },
        "other": {},
    } });
    let shown =
        |options: Value| Value::Object(super::hide_all(&schema, options.as_object().unwrap()));
    assert_eq!(
        shown(
            json!({ "command": ["upload", "--token=x", "y"], "args": ["a", "b"], "other": ["c"] })
        ),
        json!({ "command": ["upload", "…"], "args": ["…"], "other": ["c"] })
    );
    assert_eq!(
        shown(json!({ "command": "upload", "args": "--token=x" })),
        json!({ "command": "upload", "args": "…" })
    );
    assert_eq!(
        shown(json!({ "command": [], "args": [] })),
        json!({ "command": [], "args": [] })
    );
}
