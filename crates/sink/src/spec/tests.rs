//! Parsing a sink's specification into its name and typed options.

use proptest::prelude::*;
use schemars::{JsonSchema, schema_for};
use serde_json::json;

use super::*;
use crate::{Delivery, Descriptor, inventory, testing};

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only the schema is asked for")]
struct Config {
    path: String,
    level: Option<u32>,
    checked: Option<bool>,
}

inventory::submit! {
    Descriptor {
        name: "probe",
        summary: "A sink that only exists for these tests.",
        target: "path",
        delivery: |_| Ok(Delivery::Atomic),
        options: || schema_for!(Config),
        open: |_, options| Box::pin(async move {
            let text = format!("there is nothing behind {}", options.0["path"]);
            Err(Error::new(Kind::Unavailable, text))
        }),
        probe: |_| Box::pin(async { Ok(()) }),
        recover: None,
        redeliver: None,
    }
}

fn context() -> Context {
    Context::new(testing::crawl("c1", "20260901T120000Z"), Vec::new())
}

#[test]
fn a_line_becomes_a_sink_with_typed_options() {
    for (text, options) in [
        ("probe:out", json!({"path": "out"})),
        ("probe?path=out", json!({"path": "out"})),
        (r"probe:C:\out", json!({"path": r"C:\out"})),
        (
            "probe:a%20b%3F+c?level=7&checked=false",
            json!({"path": "a b?+c", "level": 7, "checked": false}),
        ),
        ("probe:42", json!({"path": "42"})),
    ] {
        let spec = Spec::parse(text).unwrap();
        assert_eq!(spec.sink, "probe", "{text}");
        assert_eq!(Value::Object(spec.options), options, "{text}");
    }
}

#[test]
fn a_wrong_line_is_explained() {
    for (text, wanted) in [
        (
            "probe:out?level",
            "an option of `probe` does not have the form `option=value`",
        ),
        (
            "probe:out?",
            "an option of `probe` does not have the form `option=value`",
        ),
        (
            "probe:out?path=in",
            "option `path` of `probe` is given twice",
        ),
        (
            "probe:100%",
            "`100%` is not valid percent-encoding; write `%25` for a percent sign",
        ),
        (
            "probe:%FF",
            "`%FF` is not valid percent-encoding; write `%25` for a percent sign",
        ),
        (
            "probe",
            "cannot configure sink `probe`: `probe` needs a target; write `probe:PATH`",
        ),
        (
            "probe:",
            "cannot configure sink `probe`: `probe` needs a target; write `probe:PATH`",
        ),
        (
            "probe:out?level=high",
            "cannot configure sink `probe`: option `level` must be an integer of at least 0, not text",
        ),
    ] {
        let error = text.parse::<Spec>().unwrap_err();
        assert_eq!(error.kind(), Kind::Config, "{text}");
        assert_eq!(chain(&error), wanted);
    }
}

#[test]
fn an_unknown_sink_is_answered_with_those_there_are() {
    let error = Spec::parse("prob:out").unwrap_err();
    assert_eq!(error.kind(), Kind::Config);
    let text = error.to_string();
    // The list also contains the sinks of the conformance tests if these are compiled.
    assert!(text.starts_with("unknown sink `prob`; the sinks are `"));
    assert!(text.ends_with("`probe`; did you mean `probe`?"), "{text}");
}

#[tokio::test]
async fn a_sink_that_does_not_open_is_named() {
    let spec = Spec::parse("probe:out").unwrap();
    let options = spec.resolve(&|_| unreachable!("it has no secret")).unwrap();
    let opened = spec.open(context(), options).await;
    let Err(error) = opened else {
        panic!("the probe never opens");
    };
    assert_eq!(error.kind(), Kind::Unavailable);
    assert_eq!(
        chain(&error),
        "cannot open sink `probe`: there is nothing behind \"out\""
    );
}

fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// Percent-encodes every character that has a meaning in a specification.
fn encoded(text: &str) -> String {
    let encode = |char: char| match char {
        '%' | '?' | '&' | '=' => format!("%{:02X}", u32::from(char)),
        char => char.to_string(),
    };
    text.chars().map(encode).collect()
}

proptest! {
    #[test]
    fn any_text_is_a_sink_or_an_error_on_one_line(text in "(probe)?[:?]?\\PC{0,20}(\\?(level|path|checked|x)=\\PC{0,9}&?){0,3}") {
        match Spec::parse(&text) {
            Ok(spec) => prop_assert_eq!(spec.sink, "probe"),
            Err(error) => prop_assert!(!error.to_string().contains('\n')),
        }
    }

    #[test]
    fn any_target_and_options_are_read_as_they_were_encoded(path in "\\PC{1,20}", level: u32, checked: bool) {
        let text = format!("probe:{}?level={level}&checked={checked}", encoded(&path));
        let spec = Spec::parse(&text).unwrap();
        let options = json!({ "path": path, "level": level, "checked": checked });
        prop_assert_eq!(Value::Object(spec.options), options);
    }
}
