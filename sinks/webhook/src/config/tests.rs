//! Tests of parsing options, and of the errors for wrong ones.

use fortilake_sink::Options;
use serde_json::{Value, json};

use super::*;

fn parse(options: Value) -> Result<Config, Error> {
    match options {
        Value::Object(map) => Options(map).parse(),
        other => panic!("options are a map, not {other}"),
    }
}

#[test]
fn everything_but_the_url_has_a_default() {
    let config = parse(json!({ "url": "https://example.com" })).unwrap();
    assert_eq!(config.compression, Compression::None);
    assert_eq!(config.order, Order::Table);
    assert_eq!(config.envelope, Envelope::Plain);
    assert_eq!(config.events, Events::Rows);
    assert_eq!((config.batch_rows, config.batch_bytes), (500, 524_288));
    assert_eq!((config.concurrency, config.attempts), (4, 8));
    assert_eq!(
        config.timeout.read("timeout").unwrap(),
        Duration::from_secs(30)
    );
    assert_eq!(
        config.total_time.read("total_time").unwrap(),
        Duration::from_mins(10)
    );
    assert_eq!(config.dead_letters, PathBuf::from("dead-letters"));
    assert!(!config.unsigned && !config.allow_http && !config.resend);
}

#[test]
fn every_form_of_an_option_is_read() {
    let options = json!({
        "url": { "file": "url.txt" },
        "secrets": [{ "env": "A" }, { "file": "b" }, { "command": ["pass", "c"] }],
        "headers": { "a": "text", "b": { "env": "B" } },
        "envelope": "cloudevents",
        "events": "summary",
        "order": "parallel",
        "compression": "zstd",
        "timeout": "1m 30s",
    });
    let options = Options(options.as_object().unwrap().clone());
    let resolved = options.resolve(&schemars::schema_for!(Config), &|reference| {
        Ok(format!("{reference:?}"))
    });
    let config: Config = resolved.unwrap().parse().unwrap();
    assert!(config.url.is_secret());
    let secrets: Vec<_> = config.secrets.iter().map(Secret::expose).collect();
    let wanted = ["Env(\"A\")", "File(\"b\")", "Command([\"pass\", \"c\"])"];
    assert_eq!(secrets, wanted);
    assert!(!config.headers["a"].is_secret() && config.headers["b"].is_secret());
    assert_eq!(config.envelope, Envelope::CloudEvents);
    assert_eq!(
        config.timeout.read("timeout").unwrap(),
        Duration::from_secs(90)
    );
}

#[test]
fn wrong_options_are_refused_by_name() {
    let refused = |options: Value, wanted: &str| {
        let error = parse(options).err().expect("the options do not fit");
        let source = std::error::Error::source(&error).map(ToString::to_string);
        let text = format!("{error}: {}", source.unwrap_or_default());
        assert!(text.contains(wanted), "{text}");
        text
    };
    refused(json!({}), "option `url` is missing");
    refused(
        json!({ "url": "x", "secret": [] }),
        "unknown option `secret`",
    );
    refused(
        json!({ "url": "x", "order": "any" }),
        "`order` is `any`, but must be one of",
    );
    refused(
        json!({ "url": "x", "batch_bytes": 1 }),
        "`batch_bytes` must be",
    );
    refused(
        json!({ "url": "x", "concurrency": 0 }),
        "`concurrency` must be",
    );
    for timeout in ["soon", "0s", "-1s"] {
        let config = parse(json!({ "url": "x", "timeout": timeout })).unwrap();
        let error = config.timeout.read("timeout").unwrap_err().to_string();
        assert!(error.starts_with("option `timeout` must be"), "{error}");
        assert!(error.ends_with(&format!("not `{timeout}`")), "{error}");
    }
    refused(json!({ "url": { "var": "x" } }), "do not fit");
}

#[test]
fn the_schema_contains_the_defaults() {
    let schema = schemars::schema_for!(Config);
    let default = |option: &str| &schema.as_value()["properties"][option]["default"];
    assert_eq!(default("timeout"), "30s");
    assert_eq!(default("total_time"), "10m");
    assert_eq!(default("compression"), "none");
    assert_eq!(default("batch_rows"), 500);
}
