//! Tests of reading envelopes.

use super::*;

fn read(text: &str) -> Envelope {
    Envelope::read(text, &["EXAMPLEtoken"]).unwrap()
}

#[test]
fn a_failure_of_the_api() {
    let envelope = read(
        r#"{"build":"1.0.0","error":{"errorCode":201,"message":"Invalid security token."},
            "message":"Invalid incoming request.","status":-1,"token":"EXAMPLEtoken",
            "version":"3.0","assets":null}"#,
    );
    assert_eq!(envelope.status, Status::Number(-1));
    assert_eq!(envelope.error, EnvelopeError::Code(201));
    assert_eq!(envelope.message.as_deref(), Some("Invalid security token"));
    assert_eq!(envelope.version.as_deref(), Some("3.0"));
    assert_eq!(envelope.content, Content::Blank);
}

#[test]
fn a_status_is_many_things() {
    for (text, status) in [
        ("0", Status::Number(0)),
        ("\"0\"", Status::Number(0)),
        ("-12", Status::Number(-12)),
        ("null", Status::Absent),
        ("\"\"", Status::Other),
        ("\"success\"", Status::Word("success".to_owned())),
        ("{\"code\":200}", Status::Other),
        ("true", Status::Other),
        ("1e400", Status::Other),
    ] {
        assert_eq!(
            read(&format!(r#"{{"status":{text}}}"#)).status,
            status,
            "{text}"
        );
    }
    assert_eq!(read("{}").status, Status::Absent);
}

#[test]
fn an_error_is_many_things() {
    for (text, fault, message) in [
        ("null", EnvelopeError::None, None),
        ("\" \"", EnvelopeError::None, None),
        ("{}", EnvelopeError::None, None),
        ("[1]", EnvelopeError::None, None),
        (r#"{"errorCode":0,"message":""}"#, EnvelopeError::None, None),
        (
            "\"No product found\"",
            EnvelopeError::Text,
            Some("No product found"),
        ),
        (
            r#"{"message":"no number"}"#,
            EnvelopeError::Text,
            Some("no number"),
        ),
        (
            r#"{"errorCode":301,"message":null}"#,
            EnvelopeError::Code(301),
            None,
        ),
        (
            r#"{"errorCode":"301","x":[[1]]}"#,
            EnvelopeError::Code(301),
            None,
        ),
    ] {
        let envelope = read(&format!(r#"{{"error":{text}}}"#));
        assert_eq!(
            (envelope.error, envelope.message.as_deref()),
            (fault, message),
            "{text}"
        );
    }
}

#[test]
fn the_errors_text_comes_first() {
    let text = r#"{"message":"general","error":{"errorCode":101,"message":"special"}}"#;
    assert_eq!(read(text).message.as_deref(), Some("special"));
    let text = r#"{"message":"general","error":{"errorCode":101}}"#;
    assert_eq!(read(text).message.as_deref(), Some("general"));
}

#[test]
fn the_token_is_in_no_text() {
    let text = r#"{"message":"EXAMPLEtoken is bad","status":"EXAMPLEtoken"}"#;
    assert!(!format!("{:?}", read(text)).contains("EXAMPLEtoken"));
}

#[test]
fn content_is_what_has_something_in_it() {
    for (text, content) in [
        ("{}", Content::None),
        (r#"{"status":0,"error":{"errorCode":1}}"#, Content::None),
        (r#"{"assets":null,"pageNumber":1}"#, Content::Blank),
        (r#"{"assets":[ ],"other":{}}"#, Content::Blank),
        (r#"{"assets":[{}],"other":null}"#, Content::Some),
        (r#"{"organizationUnits":{"orgId":1}}"#, Content::Some),
    ] {
        assert_eq!(read(text).content, content, "{text}");
    }
}

#[test]
fn only_one_object_is_an_envelope() {
    for text in [
        "",
        "null",
        "[]",
        "3",
        "\"x\"",
        "{",
        "{}{}",
        "{} x",
        "<html>",
        r#"{"a":1"#,
        r#"{"a":}"#,
        "{'a':1}",
    ] {
        assert_eq!(Envelope::read(text, &[]), None, "{text}");
    }
    assert!(Envelope::read(" {} \n", &[]).is_some());
}

#[test]
fn depth_is_no_matter() {
    let brackets = "[".repeat(1_000_000);
    assert_eq!(
        Envelope::read(&format!(r#"{{"error":{brackets}"#), &[]),
        None
    );
    for name in ["a", "status", "error", "message"] {
        let text = format!(r#"{{"{name}":{brackets}{}}}"#, "]".repeat(1_000_000));
        assert!(Envelope::read(&text, &[]).is_some(), "{name}");
    }
}
