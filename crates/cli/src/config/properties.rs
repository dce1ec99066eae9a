//! Properties of reading a configuration or the specification of a sink, whatever is in it.

use fortilake_sink::{Options, Spec, registry};
use proptest::{prelude::*, sample::select};

use super::{are_apart, file, label};
use crate::{connect, exit::render};

/// A configuration with one of everything.
const WHOLE: &str = r#"
keep = 5
[crawl]
max_idle = "12h"
[guard]
max_shrink = 0.2
[[source]]
name = "acme"
type = "forticloud"
username = { env = "USERNAME" }
password = { command = ["pass", "show", "fortinet"] }
models = ["FortiGate*"]
include = ["product_details"]
[source.quota]
share = 0.5
calls = [{ max = 100, per = "1m" }]
[[sink]]
type = "csv"
path = "out"
columns = { products = ["serial_number"] }
"#;

/// Words that a configuration can have in places where they do not belong.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("[[source]]\n".to_owned()),
        Just("[source]\n".to_owned()),
        Just("{ env = \"X\", file = \"Y\" }".to_owned()),
        Just("= 1e999".to_owned()),
        Just("\"9999999999d\"".to_owned()),
        "\\PC{0,12}",
        "[\\[\\]{}=\"'\\n,.#]{1,4}",
    ]
}

/// The specification of one of our sinks. Some of its options exist.
fn specification() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        "\\PC{0,12}",
        select(vec![
            "true",
            "0",
            "1",
            "-1",
            "9e9",
            "latest",
            "snapshots",
            "publish",
            "30s",
            "%zz",
            "a,b",
            "{}"
        ])
        .prop_map(str::to_owned),
    ]
    .boxed();
    let sinks = registry::all().expect("names differ");
    let one = select(sinks).prop_flat_map(move |sink| {
        let schema = (sink.options)();
        let options = schema.as_value()["properties"].as_object();
        let mut names: Vec<String> = options
            .into_iter()
            .flatten()
            .map(|(name, _)| name.clone())
            .collect();
        names.extend(["layot", "x_env", "", "secrets_env"].map(str::to_owned));
        let option =
            (select(names), value.clone()).prop_map(|(name, value)| format!("{name}={value}"));
        let target = prop_oneof![
            Just("out".to_owned()),
            Just("https://u:p@h/x".to_owned()),
            Just("s3://bucket/prefix".to_owned()),
            "\\PC{0,20}",
        ];
        (Just(sink.name), target, prop::collection::vec(option, 0..4))
    });
    one.prop_map(|(name, target, options)| match options.len() {
        0 => format!("{name}:{target}"),
        _ => format!("{name}:{target}?{}", options.join("&")),
    })
}

proptest! {
    #[test]
    fn any_text_is_a_configuration_or_an_error(text in "(\\PC|\\n){0,200}") {
        if let Err(error) = file::parse(&text) {
            prop_assert!(render(&error).starts_with("error: "));
        }
    }

    #[test]
    fn any_change_of_a_configuration_is_read_or_an_error(at in 0..WHOLE.len(), gone in 0..20_usize, word in word()) {
        let end = (at + gone).min(WHOLE.len());
        let text = format!("{}{word}{}", &WHOLE[..at], &WHOLE[end..]);
        match file::parse(&text) {
            Ok(config) => {
                for source in &config.sources {
                    // Values that were accepted are settings. Only users and addresses may be missing.
                    prop_assert!(source.settings(&[]).is_ok() && source.call_limits().is_ok());
                    let _ = connect::check_offline(source);
                }
                let _ = are_apart(&config.sinks);
            }
            Err(error) => prop_assert!(render(&error).starts_with("error: ")),
        }
    }

    #[test]
    fn any_specification_of_our_sinks_is_a_sink_or_an_error(text in specification()) {
        prop_assert!(!label(&text).contains('?'));
        match Spec::parse(&text) {
            Ok(spec) => {
                let descriptor = registry::find(&spec.sink).expect("it was parsed");
                // Secrets are still references here, which no sink accepts, so this may be an error.
                let _ = (descriptor.delivery)(&Options(spec.options.clone()));
                prop_assert!(spec.shown_options().is_ok() && spec.written_options().is_ok());
                prop_assert!(spec.check().is_ok(), "{}", text);
            }
            Err(error) => prop_assert!(!error.to_string().contains('\n'), "{error}"),
        }
    }
}
