//! Tests of removing secrets.

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::envelope::Scan;

fn is_secret(name: &str) -> bool {
    ["token", "licenseFile"]
        .iter()
        .any(|secret| secret.eq_ignore_ascii_case(name))
}

fn check(text: &str, expected: &str) {
    serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(remove(text, is_secret), expected, "{text}");
    serde_json::from_str::<Value>(expected).unwrap();
}

#[test]
fn members_go_wherever_they_stand() {
    check(r#"{"token":"t"}"#, "{}");
    check(r#"{"token":"t","a":1}"#, r#"{"a":1}"#);
    check(r#"{"a":1,"token":"t"}"#, r#"{"a":1}"#);
    check(r#"{"a":1,"token":"t","b":2}"#, r#"{"a":1,"b":2}"#);
    check(r#"{"a":1,"token":1,"licenseFile":2}"#, r#"{"a":1}"#);
    check(r#"{"token":1,"licenseFile":2}"#, "{}");
    check(r#"{"token":1,"a":2,"licenseFile":3}"#, r#"{"a":2}"#);
    check(
        r#"{"a":[{"b":{"token":{"c":[1,"]}"]}}},[{"token":null}]]}"#,
        r#"{"a":[{"b":{}},[{}]]}"#,
    );
}

#[test]
fn blanks_around_what_stays_stay() {
    check(
        "{\n  \"a\" : 1 ,\n  \"token\" : true ,\n  \"b\": 2\n}",
        "{\n  \"a\" : 1 ,\n  \n  \"b\": 2\n}",
    );
    check(
        "{\n  \"a\": 1,\n  \"token\": -1.5e3\n}\n",
        "{\n  \"a\": 1\n}\n",
    );
    check("{ \"token\" : [ ] }", "{ }");
}

#[test]
fn only_names_are_looked_at() {
    for same in [
        r#"{"a":"token","b":["token","licenseFile"]}"#,
        r#"{"tokens":1,"my token":2,"":3}"#,
        r#"{"a":"\"token\":\"x\""}"#,
        r#"{"a":"\\","b":"\\\"token\\\":1"}"#,
    ] {
        check(same, same);
    }
}

#[test]
fn spelling_and_escapes_hide_nothing() {
    check(r#"{"TOKEN":1,"LicenseFile":2,"licensefile":3}"#, "{}");
    check(r#"{"\u0074oken":1,"t\u006Fken":2}"#, "{}");
    check(r#"{"\u0074okens":1}"#, r#"{"\u0074okens":1}"#);
}

#[test]
fn half_a_surrogate_pair_is_no_crash() {
    let text = r#"{"token":"\ud800","a\ud800":1,"b":2}"#;
    assert_eq!(remove(text, is_secret), r#"{"a\ud800":1,"b":2}"#);
}

#[test]
fn depth_is_no_matter() {
    let (open, close) = ("{\"a\":[".repeat(300_000), "]}".repeat(300_000));
    let text = format!(r#"{open}{{"token":{open}{close},"b":1}}{close}"#);
    assert_eq!(
        remove(&text, is_secret),
        format!(r#"{open}{{"b":1}}{close}"#)
    );
}

#[test]
fn what_is_no_json_is_no_crash() {
    for text in [
        "",
        "\"",
        "{\"token\"",
        "{\"token\":",
        "{\"token\":\"",
        "{\"token\":[",
        "{\"token\":\"\\",
        "\"token\":",
    ] {
        remove(text, is_secret);
        redact(text.to_owned(), "\"token\"\"");
    }
}

#[test]
fn tokens_are_redacted_in_strings_alone() {
    let redact = |text: &str, token: &str| redact(text.to_owned(), token);
    assert_eq!(
        redact(r#"{"a":"x12345678y","b":["12345678"]}"#, "12345678"),
        r#"{"a":"x[redacted]y","b":["[redacted]"]}"#
    );
    assert_eq!(
        redact(r#"{"12345678":"12345678","n":12345678}"#, "12345678"),
        r#"{"[redacted]":"[redacted]","n":12345678}"#
    );
    assert_eq!(
        redact(r#"{"a":"abcd\/efgh"}"#, "abcd/efgh"),
        r#"{"a":"[redacted]"}"#
    );
    assert_eq!(redact(r#"{"a":"token"}"#, "token"), r#"{"a":"token"}"#);
    assert_eq!(redact(r#"{"a":"b"}"#, ""), r#"{"a":"b"}"#);
}

/// Any JSON value, with many secret names.
fn json() -> impl Strategy<Value = Value> {
    let text = "(?s).{0,8}|token|\"|\\\\|[,:{}\\[\\]]";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        let name = prop_oneof![
            Just("token".to_owned()),
            Just("LICENSEFILE".to_owned()),
            text
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn remove_members(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(remove_members),
        Value::Object(members) => {
            members.retain(|name, _| !is_secret(name));
            members.values_mut().for_each(remove_members);
        }
        _ => {}
    }
}

#[test]
fn names_are_secret_in_any_case_and_nothing_else_is() {
    let names = [
        "startDate",
        "serialNumber",
        "description",
        "level",
        "term",
        "TOKENS",
        "",
        "\u{e4}",
    ];
    for endpoint in fortilake_models::generated::ENDPOINTS {
        let secrets = SecretNames::of(endpoint);
        for name in SECRETS.iter().chain(endpoint.secrets) {
            for name in [
                (*name).to_owned(),
                name.to_ascii_uppercase(),
                name.to_ascii_lowercase(),
            ] {
                assert!(secrets.contains(&name), "{name} in {}", endpoint.id);
            }
        }
        for name in names {
            assert_eq!(
                secrets.contains(name),
                endpoint.is_secret(name),
                "{name} in {}",
                endpoint.id
            );
        }
    }
}

proptest! {
    #[test]
    fn removing_from_the_text_is_removing_from_the_value(mut value in json(), pretty: bool) {
        let text = if pretty { format!("{value:#}") } else { value.to_string() };
        // Compare with the value as it reads back, because not every float survives being written.
        value = serde_json::from_str(&text).unwrap();
        remove_members(&mut value);
        let scrubbed = remove(&text, is_secret);
        if let Some(scan) = Scan::of(&text, is_secret) {
            prop_assert_eq!(cut(&text, &scan.secrets), &*scrubbed);
        }
        prop_assert_eq!(serde_json::from_str::<Value>(&scrubbed).unwrap(), value);
    }

    #[test]
    fn nothing_else_changes(value in json(), pretty: bool) {
        let text = if pretty { format!("{value:#}") } else { value.to_string() };
        prop_assert_eq!(remove(&text, |_| false), text);
    }

    #[test]
    fn any_text_at_all_is_no_crash(text in "(?s)[\"\\\\{}\\[\\],: token\u{e9}\u{1f600}]{0,40}") {
        remove(&text, is_secret);
        redact(text, "token tok");
    }
}
