//! Tests of responses that report success in the HTTP status.

use super::*;
use crate::class::{Class, classify};

fn envelope(http: u16, text: &str) -> Option<Envelope> {
    super::envelope(Dialect::Http, http, text, &["EXAMPLEtoken"])
}

fn check(http: u16, text: &str, expected: Class) {
    let envelope = envelope(http, text);
    assert_eq!(classify(http, envelope.as_ref()), expected, "{http} {text}");
}

#[test]
fn the_containers_of_fortiportal_are_successes() {
    for text in [
        r#"{"data":{"results":[{"id":4}],"totalResultsCount":1},"status":{"code":0,"message":"success"}}"#,
        r#"{"data":{"results":[],"totalResultsCount":0},"status":{"code":0,"message":"success"}}"#,
        r#"{"data":null,"status":{"code":200}}"#,
        r#"{"name":"Kestrel Clinics","email":"x@y.example"}"#,
        r#"{"results":[],"size":10,"start":0,"totalResultsCount":0}"#,
        "[]",
        " [{\"id\":4}]\n",
    ] {
        check(200, text, Class::Success);
    }
}

#[test]
fn what_fortiauthenticator_did_not_do_is_no_success() {
    for text in [
        r#"{"license":"EFTM","messages":{"error":"License EFTM has already been activated"}}"#,
        r#"{"messages":{"error":["License EFTM has already been activated"]}}"#,
    ] {
        check(200, text, Class::BadRequest);
        let message = envelope(200, text).unwrap().message;
        assert_eq!(
            message.as_deref(),
            Some("License EFTM has already been activated")
        );
    }
    for text in [
        r#"{"messages":{"success":"Successfully imported 10 FortiTokens"}}"#,
        r#"{"messages":{"error":"","success":"done"}}"#,
        r#"{"messages":{"error":null}}"#,
        r#"{"messages":[]}"#,
    ] {
        check(200, text, Class::Success);
    }
}

#[test]
fn complaints_about_arguments_are_the_message() {
    let text =
        r#"{"number":["Too long.","Not a number."],"license":["The value is invalid."],"id":[]}"#;
    check(400, text, Class::BadRequest);
    let message = envelope(400, text).unwrap().message;
    assert_eq!(
        message.as_deref(),
        Some("license: The value is invalid; number: Too long, Not a number")
    );
    assert_eq!(envelope(200, text).unwrap().message, None);
}

#[test]
fn data_is_not_mistaken_for_an_envelope() {
    for text in [
        r#"{"total_ftm":200,"used_ftm":82,"available_ftm":118}"#,
        r#"{"meta":{"next":null},"objects":[]}"#,
        r#"{"serial":"FTKMOB2900AA0011","status":"assigned"}"#,
        r#"{"serial":"FTKMOB2900AA0011","status":-11,"error":"none"}"#,
        r#"{"id":1,"error":{"errorCode":202}}"#,
    ] {
        check(200, text, Class::Success);
        assert_eq!(envelope(200, text).unwrap().message, None);
    }
}

#[test]
fn an_answer_without_a_body_is_a_success_where_the_status_says_so() {
    for http in [201, 202, 204] {
        check(http, "", Class::Success);
        check(http, " \n", Class::Success);
    }
    // With this status, a missing body means a truncated response.
    check(200, "", Class::Transient);
    check(200, "{}", Class::Transient);
    check(200, r#"{"data":{"results":[{"#, Class::Transient);
    check(200, "<html>", Class::Transient);
    check(204, "<html>", Class::Transient);
    check(200, "null", Class::Transient);
    check(302, "", Class::Unexpected);
}

#[test]
fn a_failure_needs_no_body() {
    for (http, class) in [
        (400, Class::BadRequest),
        (401, Class::Token),
        (403, Class::Access),
        (404, Class::BadRequest),
        (405, Class::BadRequest),
        (413, Class::BadRequest),
        (424, Class::BadRequest),
        (429, Class::Throttled),
        (500, Class::Transient),
        (503, Class::Transient),
    ] {
        for text in ["", "<html>", "null", "[]", r#"{"detail":"no"}"#] {
            check(http, text, class);
        }
    }
}

#[test]
fn a_number_of_fortiportal_that_is_no_success_is_none() {
    let text = r#"{"data":null,"status":{"code":-3,"message":"EXAMPLEtoken is no site."}}"#;
    check(200, text, Class::Unexpected);
    check(403, text, Class::Access);
    let envelope = envelope(200, text).unwrap();
    assert_eq!(envelope.status, Status::Code(-3));
    assert_eq!(envelope.message.as_deref(), Some("[redacted] is no site"));
}

#[test]
fn the_text_of_a_failure_is_found() {
    for (text, message) in [
        (r#"{"detail":"a"}"#, Some("a")),
        (r#"{"message":"a"}"#, Some("a")),
        (r#"{"error":"a"}"#, Some("a")),
        (r#"{"error_message":"a","traceback":"b"}"#, Some("a")),
        (r#"{"error":{"message":"a"}}"#, Some("a")),
        (r#"{"status":{"message":"a"},"message":"b"}"#, Some("a")),
        (r#"{"license":["a"]}"#, Some("license: a")),
        (r#"{"license":[1]}"#, None),
        ("<html>", None),
    ] {
        let envelope = envelope(400, text).unwrap();
        assert_eq!(envelope.message.as_deref(), message, "{text}");
    }
}

#[test]
fn depth_is_no_matter() {
    let (open, close) = ("[".repeat(1_000_000), "]".repeat(1_000_000));
    check(200, &format!("{open}{close}"), Class::Success);
    check(
        200,
        &format!(r#"{{"status":{open}{close}}}"#),
        Class::Success,
    );
}
