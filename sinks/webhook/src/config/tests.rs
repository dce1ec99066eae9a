//! Tests of parsing options, and of the errors for wrong ones.

use fortilake_sink::{Error, Options};
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
    assert_eq!(config.compression, Compression::Gzip);
    assert_eq!(config.order, Order::Table);
    assert_eq!(config.envelope, Envelope::Plain);
    assert_eq!(config.events, Events::Rows);
    assert_eq!((config.batch_rows, config.batch_bytes), (500, 524_288));
    assert_eq!((config.concurrency, config.attempts), (4, 8));
    assert_eq!(config.timeout.0, Duration::from_secs(30));
    assert_eq!(config.total_time.0, Duration::from_mins(10));
    assert_eq!(config.dead_letters, PathBuf::from("dead-letters"));
    assert!(!config.unsigned && !config.allow_http && !config.resend);
}

#[test]
fn every_form_of_an_option_is_read() {
    let config = parse(json!({
        "url": { "file": "url.txt" },
        "secrets": [{ "env": "A" }, { "file": "b" }, { "command": ["pass", "c"] }],
        "headers": { "a": "text", "b": { "env": "B" } },
        "envelope": "cloudevents",
        "events": "summary",
        "order": "parallel",
        "compression": "zstd",
        "timeout": "1m 30s",
    }))
    .unwrap();
    assert!(!config.url.is_plain());
    assert!(matches!(
        config.secrets[..],
        [
            Secret::Env { .. },
            Secret::File { .. },
            Secret::Command { .. }
        ]
    ));
    assert!(config.headers["a"].is_plain());
    assert_eq!(config.envelope, Envelope::CloudEvents);
    assert_eq!(config.timeout.0, Duration::from_secs(90));
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
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
        "`order` wants one of",
    );
    refused(
        json!({ "url": "x", "batch_bytes": 1 }),
        "`batch_bytes` wants",
    );
    refused(
        json!({ "url": "x", "concurrency": 0 }),
        "`concurrency` wants",
    );
    refused(json!({ "url": "x", "timeout": "soon" }), "such as `30s`");
    refused(json!({ "url": "x", "timeout": "0s" }), "such as `30s`");
    refused(json!({ "url": { "var": "x" } }), "expected text, { env");
    let text = refused(
        json!({ "url": "x", "secrets": ["whsec_c2VjcmV0"] }),
        "expected { env",
    );
    assert!(
        !text.contains("c2VjcmV0"),
        "a secret in the wrong place stays unsaid: {text}"
    );
}

#[test]
fn the_schema_tells_defaults_as_they_are_written() {
    let schema = schemars::schema_for!(Config);
    let default = |option: &str| &schema.as_value()["properties"][option]["default"];
    assert_eq!(default("timeout"), "30s");
    assert_eq!(default("total_time"), "10m");
    assert_eq!(default("compression"), "gzip");
    assert_eq!(default("batch_rows"), 500);
}
