//! Tests of parsing the options.

use std::time::Duration;

use fortilake_sink::{Options, Result};
use serde_json::{Value, json};

use super::{Config, Format};

fn parse(options: &Value) -> Result<Config> {
    Options(options.as_object().unwrap().clone()).parse()
}

#[test]
fn a_text_is_one_word_and_a_list_is_many() {
    let config = parse(&json!({ "command": "./load it.py", "args": "a b" })).unwrap();
    assert_eq!(config.command.into_list(), ["./load it.py"]);
    assert_eq!(config.args.into_list(), ["a b"]);

    let config = parse(&json!({ "command": ["sh", "-c"], "args": ["a", "b"] })).unwrap();
    assert_eq!(config.command.into_list(), ["sh", "-c"]);
    assert_eq!(config.args.into_list(), ["a", "b"]);
}

#[test]
fn missing_options_have_defaults() {
    let config = parse(&json!({ "command": "x" })).unwrap();
    assert_eq!(config.args.into_list(), [""; 0]);
    let config = parse(&json!({ "command": "x" })).unwrap();
    assert_eq!(config.format, Format::Arrow);
    assert_eq!(config.concurrency, 1);
    assert_eq!(config.timeout().unwrap(), Duration::from_hours(1));
}

#[test]
fn a_bad_timeout_is_explained() {
    let timeout = |text| {
        parse(&json!({ "command": "x", "timeout": text }))
            .unwrap()
            .timeout()
    };
    assert_eq!(timeout("1m 30s").unwrap(), Duration::from_secs(90));
    for text in ["soon", "", "10", "-1s", "0s"] {
        assert_eq!(
            timeout(text).unwrap_err().to_string(),
            format!("option `timeout` must be a duration such as `10m`, not `{text}`")
        );
    }
}

#[test]
fn wrong_options_are_explained() {
    for (options, wanted) in [
        (
            json!({ "command": 7 }),
            "option `command` must be text or a list, not an integer",
        ),
        (
            json!({ "command": "x", "concurrency": 0 }),
            "option `concurrency` must be an integer from 1 to 64, not 0",
        ),
        (
            json!({ "command": "x", "format": "arow" }),
            "option `format` is `arow`, but must be one of `arrow`, `ndjson`; did you mean `arrow`?",
        ),
        (
            json!({ "command": "x", "env": "A=1" }),
            "option `env` must be a table of values, not text",
        ),
        (
            json!({ "command": "x", "enviroment": {} }),
            "unknown option `enviroment`; the options are `args`, `command`, `concurrency`, `directory`, \
             `env`, `format`, `resend`, `spool`, `timeout`",
        ),
    ] {
        assert_eq!(parse(&options).unwrap_err().to_string(), wanted);
    }
}
