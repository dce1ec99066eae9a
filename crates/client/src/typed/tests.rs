//! Tests of typed responses.

use std::error::Error as _;

use fortilake_models::Access;
use serde::Deserialize;

use super::*;

static DOWNLOAD: Endpoint = Endpoint::new(
    "licenses/download",
    "Licenses",
    "POST",
    "/download",
    None,
    Access::Read,
    "",
    &[],
    None,
);

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only what does not fit is looked at")]
struct Download {
    #[serde(rename = "licenseKeys", default)]
    keys: Vec<u32>,
    #[serde(default)]
    terms: Vec<Term>,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only what does not fit is looked at")]
struct Term {
    #[serde(rename = "endDate")]
    end: Option<u32>,
}

/// Returns the message and its cause.
fn complaint(answer: &str) -> (String, Option<String>) {
    let error = read::<Download>(&DOWNLOAD, "`licenses/download`", answer).unwrap_err();
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    (error.to_string(), error.source().map(ToString::to_string))
}

#[test]
fn an_error_says_where_and_quotes_no_text() {
    let (message, cause) = complaint(r#"{"terms":[{},{"endDate":"hunter2 \" \" hunter2"}]}"#);
    assert_eq!(
        message,
        "`licenses/download` got a response that does not match the API description at `terms[1].endDate`"
    );
    assert_eq!(
        cause.as_deref(),
        Some("invalid type: string \"…\", expected u32 at line 1 column 47")
    );
}

#[test]
fn an_error_of_a_secret_says_no_more_than_where() {
    for (keys, path) in [
        (r#"["hunter2"]"#, "licenseKeys[0]"),
        (r#"{"a":"hunter2"}"#, "licenseKeys"),
        ("4711", "licenseKeys"),
    ] {
        let (message, cause) = complaint(&format!(r#"{{"licenseKeys":{keys}}}"#));
        assert_eq!(
            message,
            format!(
                "`licenses/download` got a response that does not match the API description at `{path}`"
            )
        );
        assert_eq!(cause, None);
    }
}

#[test]
fn an_error_of_the_whole_answer_has_no_path() {
    let (message, cause) = complaint("\"hunter2\"");
    assert_eq!(
        message,
        "`licenses/download` got a response that does not match the API description"
    );
    assert!(
        cause
            .unwrap()
            .starts_with("invalid type: string \"…\", expected struct")
    );
}
