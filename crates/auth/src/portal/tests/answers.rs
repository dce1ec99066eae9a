//! Tests of reading FortiPortal's responses to a sign-in.

use fortilake_transport::http::HeaderMap;

use super::{super::response::read, *};

const ASKED: Duration = Duration::from_mins(30);

/// 2026-11-22T08:00:00Z.
const NOW: i64 = 1_795_334_400_000_000;

fn response(http: u16, body: &str) -> Response {
    Response {
        status: StatusCode::from_u16(http).unwrap(),
        headers: HeaderMap::new(),
        body: body.as_bytes().to_vec().into(),
    }
}

/// How many seconds a token lasts if the response has this expiry and this date.
fn life(expiry: &str, date: Option<&str>) -> u64 {
    let mut answer = response(200, &format!(r#"{{"token":"t","expiry":{expiry}}}"#));
    if let Some(date) = date {
        let headers = &mut answer.headers;
        headers.insert(header::DATE, date.parse().unwrap());
    }
    read(&answer, ASKED, NOW).unwrap().life.as_secs()
}

#[test]
fn a_life_is_what_was_asked_for_unless_the_server_says_less() {
    assert_eq!(life("null", None), 1800);
    assert_eq!(life("\"soon\"", None), 1800);
    assert_eq!(life("\"2026-11-22T08:10:00.000000Z\"", None), 600);
    assert_eq!(life("\"2026-11-22T09:10:00+01:00\"", None), 600);
    // An expiry that contradicts the clock is ignored.
    assert_eq!(life("\"2026-11-22T07:59:00Z\"", None), 1800);
    assert_eq!(life("\"2026-11-22T10:00:00Z\"", None), 1800);
    let date = Some("Sun, 22 Nov 2026 09:55:00 GMT");
    assert_eq!(life("\"2026-11-22T10:00:00Z\"", date), 300);
}

#[test]
fn every_other_answer_is_a_denial() {
    const HTML: &str = "<html>Sorry</html>";
    for (http, body, kind, text) in [
        (
            200,
            "{}",
            Kind::Unexpected,
            "the response contains no token",
        ),
        (
            200,
            r#"{"token":null}"#,
            Kind::Unexpected,
            "the response contains no token",
        ),
        (
            200,
            HTML,
            Kind::Transient,
            "the response is not a JSON object",
        ),
        (
            302,
            HTML,
            Kind::Unexpected,
            "the response is not a JSON object",
        ),
        (400, r#"{"message":"no"}"#, Kind::Credentials, "no"),
        (401, r#"{"detail":"Invalid"}"#, Kind::Credentials, "Invalid"),
        (
            403,
            r#"{"status":{"code":3,"message":"exists"}}"#,
            Kind::Taken,
            "exists",
        ),
        (
            403,
            r#"{"token":"t"}"#,
            Kind::Taken,
            "the response contains no token",
        ),
        (404, HTML, Kind::Config, "the response is not a JSON object"),
        (
            429,
            HTML,
            Kind::Limited,
            "the response is not a JSON object",
        ),
        (
            500,
            HTML,
            Kind::Transient,
            "the response is not a JSON object",
        ),
    ] {
        let denial = read(&response(http, body), ASKED, NOW).unwrap_err();
        assert_eq!(
            (denial.kind, denial.text.as_str()),
            (kind, text),
            "{http} {body}"
        );
    }
}
