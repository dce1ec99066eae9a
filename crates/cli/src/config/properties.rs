//! Properties of reading a configuration, whatever is in it.

use proptest::prelude::*;

use super::file;
use crate::exit::render;

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
                    // Whatever the values are, they are settings or errors.
                    let _ = (source.settings(&[]), source.call_limits(), source.call_timeout());
                }
            }
            Err(error) => prop_assert!(render(&error).starts_with("error: ")),
        }
    }
}
