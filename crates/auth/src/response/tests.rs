//! Tests of reading the token server's responses.

use fortilake_transport::http::HeaderMap;

use super::*;

fn answer(http: u16, body: &str) -> Result<TokenResponse, SignInRefusal> {
    let status = StatusCode::from_u16(http).unwrap();
    let body = body.as_bytes().to_vec().into();
    read(&Response {
        status,
        headers: HeaderMap::new(),
        body,
    })
}

fn life_of(expires_in: &str) -> u64 {
    let body = format!(r#"{{"access_token":"t"{expires_in}}}"#);
    answer(200, &body).unwrap().life.as_secs()
}

#[test]
fn life_is_what_the_answer_says() {
    assert_eq!(life_of(r#","expires_in":3660"#), 3660);
    assert_eq!(life_of(r#","expires_in":14400"#), 14400);
    assert_eq!(life_of(r#","expires_in":"3660""#), 3660);
    assert_eq!(life_of(r#","expires_in":12.0"#), 12);
    for absent in [
        "",
        r#","expires_in":null"#,
        r#","expires_in":0"#,
        r#","expires_in":-5"#,
        r#","expires_in":"soon""#,
    ] {
        assert_eq!(life_of(absent), 3600, "{absent}");
    }
    assert_eq!(life_of(r#","expires_in":1e300"#), LONGEST_LIFE.as_secs());
}

const HTML: &str = "<html>Service unavailable</html>";

/// HTTP status, body, expected kind and expected message.
const DENIALS: &[(u16, &str, Kind, &str)] = &[
    (
        400,
        r#"{"error":"invalid_grant","error_description":"Invalid credentials given."}"#,
        Kind::Credentials,
        "Invalid credentials given.",
    ),
    (
        401,
        r#"{"error":"Unexpected error has happened","status":"failure"}"#,
        Kind::Credentials,
        "Unexpected error has happened",
    ),
    (403, r#"{"message":"locked"}"#, Kind::Credentials, "locked"),
    (
        200,
        r#"{"error":"invalid_grant"}"#,
        Kind::Credentials,
        "invalid_grant",
    ),
    (
        400,
        r#"{"error":"invalid_client"}"#,
        Kind::ClientId,
        "invalid_client",
    ),
    (
        401,
        r#"{"error":"unauthorized_client","oauth":{"message":"no portal"}}"#,
        Kind::ClientId,
        "no portal",
    ),
    (400, r#"{"oauth.message":"no"}"#, Kind::Unexpected, "no"),
    (
        400,
        r#"{"message":"unknown user"}"#,
        Kind::Credentials,
        "unknown user",
    ),
    (
        400,
        r#"{"error":"temporarily_unavailable"}"#,
        Kind::Transient,
        "temporarily_unavailable",
    ),
    (
        400,
        r#"{"status":-1,"message":"Invalid incoming request."}"#,
        Kind::Unexpected,
        "Invalid incoming request.",
    ),
    (
        400,
        r#"{"error_message":"a","error_description":"b","message":"c","error":"d"}"#,
        Kind::Unexpected,
        "a",
    ),
    (
        400,
        r#"{"error":{"errorCode":5,"message":"inside"}}"#,
        Kind::Unexpected,
        "inside",
    ),
    (
        200,
        "{}",
        Kind::Unexpected,
        "the response contains no token",
    ),
    (
        200,
        r#"{"access_token":null,"message":"successfully authenticated"}"#,
        Kind::Unexpected,
        "successfully authenticated",
    ),
    (
        200,
        r#"{"access_token":""}"#,
        Kind::Unexpected,
        "the response contains no token",
    ),
    (
        200,
        r#"{"access_token":5}"#,
        Kind::Unexpected,
        "the response contains no token",
    ),
    (
        401,
        r#"{"access_token":"t"}"#,
        Kind::Credentials,
        "the response contains no token",
    ),
    (
        500,
        r#"{"access_token":"t"}"#,
        Kind::Transient,
        "the response contains no token",
    ),
    (503, r#"{"error":"busy"}"#, Kind::Transient, "busy"),
    (
        429,
        r#"{"message":"slow down"}"#,
        Kind::Limited,
        "slow down",
    ),
    (
        400,
        r#"{"status":-10,"message":"per minute"}"#,
        Kind::Limited,
        "per minute",
    ),
    (
        200,
        r#"{"status":-30,"message":"errors"}"#,
        Kind::Limited,
        "errors",
    ),
    (
        404,
        r#"{"message":"nothing here"}"#,
        Kind::Config,
        "nothing here",
    ),
    (200, HTML, Kind::Config, "an HTML page"),
    (403, HTML, Kind::Config, "an HTML page"),
    (503, HTML, Kind::Transient, "an HTML page"),
    (429, HTML, Kind::Limited, "an HTML page"),
    (401, "", Kind::Config, "empty"),
    (404, HTML, Kind::Config, "an HTML page"),
    (200, "[]", Kind::Transient, "JSON of an unexpected form"),
    (
        200,
        r#"{"access_token":"t"#,
        Kind::Transient,
        "JSON that ends too early, after 18 bytes",
    ),
    (
        400,
        r#"{"error":"invalid_request","error_description":"Request is not valid JSON"}"#,
        Kind::Config,
        "Request is not valid JSON",
    ),
    (
        400,
        "Request is not valid JSON",
        Kind::Config,
        "the text \"Request is not valid JSON\"",
    ),
    (
        400,
        r#"{"error":"unsupported_grant_type"}"#,
        Kind::Unexpected,
        "unsupported_grant_type",
    ),
];

#[test]
fn every_other_answer_is_a_denial() {
    for &(http, body, kind, text) in DENIALS {
        let denial = answer(http, body).unwrap_err();
        assert_eq!(
            (denial.kind, denial.text.as_str()),
            (kind, text),
            "{http} {body}"
        );
    }
}

#[test]
fn a_byte_order_mark_is_no_obstacle() {
    assert_eq!(
        answer(200, "\u{feff}{\"access_token\":\"t\"}")
            .unwrap()
            .token,
        "t".into()
    );
}

#[test]
fn deep_nesting_is_no_crash() {
    let deep = format!(r#"{{"a":{}"#, "[".repeat(1_000_000));
    assert_eq!(answer(200, &deep).unwrap_err().kind, Kind::Transient);
}
