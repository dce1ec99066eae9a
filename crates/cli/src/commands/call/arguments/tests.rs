//! Tests of parsing and checking arguments.

use fortilake_models as models;
use serde_json::{Value, json};

use super::read;
use crate::commands::shown::shown;

/// Compares the parsed arguments, or the error and its hint, with what is expected.
#[track_caller]
fn check(endpoint: &str, data: Option<&str>, pairs: &[&str], expected: &Value) {
    let endpoint = models::endpoint(endpoint).expect("it is described");
    let pairs: Vec<String> = pairs.iter().map(|&pair| pair.to_owned()).collect();
    let found = match read(endpoint, data, &pairs) {
        Ok(arguments) => Value::Object(arguments),
        Err(failure) => json!([failure.error.to_string(), failure.hint.unwrap_or_default()]),
    };
    assert_eq!(found, *expected);
}

#[test]
fn values_take_the_type_of_the_description() {
    check(
        "products/list",
        None,
        &["accountId=710112", "serialNumber=%", "status=Registered"],
        &json!({ "accountId": 710_112, "serialNumber": "%", "status": "Registered" }),
    );
    // Digits stay text where the description says so.
    check(
        "products/list",
        None,
        &["serialNumber=007"],
        &json!({ "serialNumber": "007" }),
    );
    check(
        "products/list",
        Some(r#"{"accountId": 1, "serialNumber": "F"}"#),
        &["accountId=2"],
        &json!({ "accountId": 2, "serialNumber": "F" }),
    );
}

#[test]
fn arguments_that_do_not_fit_are_refused() {
    let see = "`fortilake call products/list --help` lists its arguments";
    for (data, pairs, expected) in [
        (
            None,
            vec!["accountid=1"],
            json!([
                "`products/list` has no argument `accountid`",
                "did you mean `accountId`?"
            ]),
        ),
        (
            None,
            vec!["accountId=x"],
            json!(["`accountId` of `products/list` must be a whole number", see]),
        ),
        (
            Some(r#"{"accountId": "1"}"#),
            vec![],
            json!(["`accountId` of `products/list` must be a whole number", see]),
        ),
        (
            Some("[1]"),
            vec![],
            json!(["the arguments are JSON, but not a JSON object", ""]),
        ),
        (Some("{"), vec![], json!(["the arguments are not JSON", ""])),
        (
            None,
            vec!["accountId=1", "accountId=2"],
            json!(["`accountId` is given twice, but it is not a list", ""]),
        ),
        (
            None,
            vec!["nonsense"],
            json!([
                "an argument is not of the form `name=value`",
                "use `--data` to pass a JSON object"
            ]),
        ),
    ] {
        check("products/list", data, &pairs, &expected);
    }
    check(
        "products/description",
        None,
        &["description=x"],
        &json!([
            "`products/description` requires the argument `serialNumber`",
            "`fortilake call products/description --help` lists its arguments"
        ]),
    );
}

#[test]
fn secrets_are_neither_taken_from_the_command_line_nor_shown() {
    check(
        "licenses/register",
        None,
        &["licenseRegistrationCode=ABCDE-FGHIJ"],
        &json!([
            "`licenseRegistrationCode` is a secret, and other users can see command lines",
            "put it into a JSON file and pass `--data @FILE`"
        ]),
    );
    let arguments = json!({
        "accountId": 1,
        "registrationUnits": [{ "serialNumber": "FGT", "cloudKey": "EXAMPLE-SECRET" }],
    });
    let endpoint = models::endpoint("products/register").expect("an endpoint");
    let shown = Value::Object(shown(endpoint, arguments.as_object().expect("an object")));
    assert_eq!(
        shown,
        json!({
            "accountId": 1,
            "registrationUnits": [{ "serialNumber": "FGT", "cloudKey": "[hidden]" }],
        })
    );
}
