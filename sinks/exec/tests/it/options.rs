//! Unusable options are reported when the sink is opened.

use fortilake_sink::{Delivery, Kind, Options, Spec, registry};
use serde_json::{Value, json};

use crate::{context, open, plain, told};

/// Opens the sink with `options`, which must fail, and returns the reason.
async fn refused(options: Value) -> String {
    let opened = open(options, context(vec![plain("a")])).await;
    let error = opened.err().unwrap();
    assert_eq!(error.kind(), Kind::Config);
    let (text, reason) = told(&error);
    assert_eq!(text, "cannot open sink `exec`");
    reason
}

#[tokio::test]
async fn unusable_options_are_reported_at_open() {
    for (options, wanted) in [
        (json!({ "command": "" }), "option `command` is empty"),
        (json!({ "command": [] }), "option `command` is empty"),
        (
            json!({ "command": "no-such-program" }),
            "there is no program `no-such-program` in `PATH`",
        ),
        (
            json!({ "command": "no-such-program", "env": { "PATH": "" } }),
            "there is no program `no-such-program` in `PATH`",
        ),
        (
            json!({ "command": "./Cargo.toml" }),
            "the program `./Cargo.toml` is not marked as executable",
        ),
        (
            json!({ "command": "sh", "timeout": "soon" }),
            "option `timeout` must be a duration such as `10m`, not `soon`",
        ),
        (
            json!({ "command": "sh", "directory": "Cargo.toml" }),
            "cannot start a program in `Cargo.toml`",
        ),
        (
            json!({ "command": "sh", "directory": "nowhere" }),
            "cannot start a program in `nowhere`",
        ),
        (
            json!({ "command": "sh", "spool": "nowhere" }),
            "cannot write table `a` to a temporary file in `nowhere`",
        ),
        (
            json!({ "command": "sh", "env": { "FORTILAKE_TABLE": "b" } }),
            "option `env` cannot set `FORTILAKE_TABLE`, because the sink sets variables that begin with `FORTILAKE_`",
        ),
        (
            json!({ "command": "sh", "env": { "A=B": "" } }),
            "option `env` contains `A=B`, which is not a valid variable name",
        ),
    ] {
        assert_eq!(refused(options).await, wanted);
    }
}

#[test]
fn the_command_line_names_a_program_and_options() {
    let spec = Spec::parse("exec:./my loader.py?args=--fast&format=ndjson&concurrency=2").unwrap();
    assert_eq!(
        Value::Object(spec.options),
        json!({
            "command": "./my loader.py", "args": "--fast", "format": "ndjson", "concurrency": 2,
        })
    );
    let error = Spec::parse("exec").unwrap_err();
    assert_eq!(
        told(&error).1,
        "`exec` needs a target; write `exec:COMMAND`"
    );
}

#[tokio::test]
async fn a_command_with_arguments_is_explained() {
    let reason = refused(json!({ "command": "python3 x.py" })).await;
    assert!(reason.contains("`exec:python3?args=x.py`"), "{reason}");
}

#[tokio::test]
async fn a_probe_finds_errors_and_starts_nothing() {
    let descriptor = registry::find("exec").unwrap();
    let probe = async |options: Value| {
        let options = Options(options.as_object().unwrap().clone());
        (descriptor.probe)(options).await
    };
    probe(json!({ "command": "sh" })).await.unwrap();
    for options in [
        json!({ "command": "no-such-program" }),
        json!({ "command": "sh", "spool": "nowhere" }),
    ] {
        assert_eq!(probe(options).await.unwrap_err().kind(), Kind::Config);
    }
    let delivery = (descriptor.delivery)(&Options::default()).unwrap();
    assert_eq!(delivery, Delivery::AtLeastOnce);
}
