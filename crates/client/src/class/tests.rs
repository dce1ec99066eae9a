//! Tests of classification, row by row in the order of the facts about the API.

use super::*;

fn check(http: u16, body: &str, expected: Class) {
    let envelope = Envelope::read(body, &[]);
    assert_eq!(classify(http, envelope.as_ref()), expected, "{http} {body}");
}

/// A body with the given `status`, `error` and payload.
fn body(status: &str, error: &str, payload: &str) -> String {
    format!(
        r#"{{"build":"1.0.0","error":{error},"message":"m","status":{status},"token":"t","version":"3.0",{payload}}}"#
    )
}

fn error(code: i64, message: &str) -> String {
    format!(r#"{{"errorCode":{code},"message":"{message}"}}"#)
}

#[test]
fn by_status() {
    for (status, http, class) in [
        (0, 200, Class::Success),
        (-1, 400, Class::BadRequest),
        (-1, 200, Class::BadRequest),
        (-2, 400, Class::NotPossible),
        (2, 400, Class::NotPossible),
        (2, 200, Class::NotPossible),
        (1008, 200, Class::Empty),
        (1008, 400, Class::Empty),
        (-10, 200, Class::Throttled),
        (-10, 400, Class::Throttled),
        (-10, 429, Class::Throttled),
        (-11, 200, Class::HourlyLimit),
        (-11, 429, Class::HourlyLimit),
        (-12, 400, Class::Throttled),
        (-30, 400, Class::ErrorLimit),
        (-30, 429, Class::ErrorLimit),
        (-3, 200, Class::Unexpected),
        (7, 200, Class::Unexpected),
    ] {
        check(
            http,
            &body(&status.to_string(), "null", r#""assets":null"#),
            class,
        );
        check(
            http,
            &body(&format!("\"{status}\""), "null", r#""assets":null"#),
            class,
        );
    }
}

#[test]
fn by_error_code() {
    for (code, message, http, status, class) in [
        (
            101,
            "Both serialNumber and expireBefore cannot be empty at the same time.",
            400,
            -1,
            Class::BadRequest,
        ),
        (
            101,
            "Request should include a positive number for accountId",
            400,
            -1,
            Class::BadRequest,
        ),
        (
            101,
            "parentId or accountId is required",
            403,
            -1,
            Class::BadRequest,
        ),
        (
            102,
            "Invalid cloud key provided for registration units[0]. ",
            400,
            -1,
            Class::BadRequest,
        ),
        (201, "Invalid security token.", 400, -1, Class::Token),
        (201, "Invalid security token.", 401, -1, Class::Token),
        (201, "Invalid security token.", 403, -1, Class::Token),
        (
            202,
            "Access denied. No permission to access the requested action or resource.",
            400,
            -1,
            Class::Access,
        ),
        (202, "Access denied.", 401, -1, Class::Access),
        (202, "Access denied.", 200, -1, Class::Access),
        (301, "No product found", 200, 0, Class::Empty),
        (301, "No product found", 404, 0, Class::Empty),
        (301, "No product found", 404, -1, Class::Empty),
        (301, "Failed", 400, 2, Class::NotPossible),
        (
            301,
            "The license download function for given product category is not supported.",
            400,
            -2,
            Class::NotPossible,
        ),
        (555, "new in some later version", 400, -1, Class::BadRequest),
        (555, "a success that is none", 200, 0, Class::Unexpected),
        (555, "on the server's side", 500, -1, Class::Transient),
        (201, "Invalid security token.", 500, -1, Class::Token),
        (202, "Access denied.", 503, -1, Class::Access),
    ] {
        check(
            http,
            &body(
                &status.to_string(),
                &error(code, message),
                r#""assets":null"#,
            ),
            class,
        );
    }
}

#[test]
fn by_text() {
    let missing = "\"Please provide token in request.\"";
    for status in ["-1", "null", "401"] {
        check(
            400,
            &body(status, missing, r#""assets":null"#),
            Class::Token,
        );
    }
    check(
        200,
        &body("0", "\"No product found\"", r#""assets":null"#),
        Class::Empty,
    );
    check(
        400,
        &body("-1", "\"Invalid\"", r#""assets":null"#),
        Class::BadRequest,
    );
    check(
        400,
        r#"{"error":"Exceeded the allowed number of requests per minute","status":-10}"#,
        Class::Throttled,
    );
}

#[test]
fn only_a_message_that_says_so_means_that_nothing_was_found() {
    let empty = r#""assets":null"#;
    for text in [
        "No product found",
        "Nothing found.",
        "Organization not found",
        "no records",
    ] {
        check(200, &body("0", &error(301, text), empty), Class::Empty);
        check(200, &body("0", &format!("\"{text}\""), empty), Class::Empty);
        check(404, &body("0", &format!("\"{text}\""), empty), Class::Empty);
    }
    for text in [
        "Database timeout",
        "The account is suspended",
        "No connection",
    ] {
        check(200, &body("0", &error(301, text), empty), Class::Unexpected);
        check(
            200,
            &body("0", &format!("\"{text}\""), empty),
            Class::Unexpected,
        );
    }
}

#[test]
fn by_http_code() {
    const HTML: &str = "<html><body>Sorry</body></html>";
    for (http, html, object) in [
        (200, Class::Transient, Class::Success),
        (204, Class::Transient, Class::Success),
        (304, Class::Unexpected, Class::Unexpected),
        (400, Class::Transient, Class::BadRequest),
        (401, Class::Token, Class::Token),
        (403, Class::Unexpected, Class::Access),
        (404, Class::Unexpected, Class::BadRequest),
        (405, Class::Unexpected, Class::BadRequest),
        (429, Class::Throttled, Class::Throttled),
        (500, Class::Transient, Class::Transient),
        (502, Class::Transient, Class::Transient),
        (503, Class::Transient, Class::Transient),
        (599, Class::Transient, Class::Transient),
    ] {
        check(http, HTML, html);
        check(http, "", html);
        check(http, r#"{"members":[]}"#, object);
    }
}

#[test]
fn success_needs_http_to_agree() {
    let success = body("0", "null", r#""assets":[{}]"#);
    check(200, &success, Class::Success);
    check(400, &success, Class::BadRequest);
    check(401, &success, Class::Token);
    check(403, &success, Class::Access);
    check(404, &body("0", "null", r#""assets":null"#), Class::Empty);
    for partial in [202, 206, 207, 208, 226] {
        check(partial, &success, Class::Transient);
    }
    check(203, &success, Class::Success);
    check(503, &success, Class::Transient);
}

#[test]
fn answers_of_other_shapes() {
    check(
        200,
        r#"{"status":0,"message":"ok","organizationUnits":{"orgId":1}}"#,
        Class::Success,
    );
    check(
        200,
        r#"{"status":"success","access_token":"t"}"#,
        Class::Success,
    );
    check(200, r#"{"status":"failure"}"#, Class::Unexpected);
    check(200, r#"{"status":{"code":200},"data":[]}"#, Class::Success);
    check(200, r#"{"total":5,"used":3}"#, Class::Success);
    check(200, r#"{"assets":[{"serialNumber":"F"#, Class::Transient);
    // An empty response proves nothing.
    check(200, "{}", Class::Transient);
    check(200, "null", Class::Transient);
    check(200, r#"{"error":{"errorCode":999}}"#, Class::Unexpected);
}

/// What the API may count as one of its ten errors an hour, row by row of the facts about it.
#[test]
fn errors_that_count() {
    use CallOutcome::{Error, Good};
    let denied = error(202, "Access denied.");
    for (http, status, fault, outcome) in [
        // By `status`.
        (200, "0", "null", Good),
        (400, "-1", "null", Error),
        (400, "-2", "null", Error),
        (400, "2", "null", Error),
        (200, "1008", "null", Good),
        (200, "-10", "null", Error),
        (200, "-11", "null", Error),
        (200, "-12", "null", Error),
        (200, "-30", "null", Error),
        // By error code.
        (
            400,
            "-1",
            &*error(101, "Both serialNumber and expireBefore"),
            Error,
        ),
        (400, "-1", &*error(102, "Invalid cloud key"), Error),
        (400, "-1", &*error(201, "Invalid security token."), Error),
        (400, "-1", &*denied, Error),
        (200, "-1", &*denied, Error),
        (400, "-1", "\"Please provide token in request.\"", Error),
        (200, "0", &*error(301, "No product found"), Good),
        (400, "2", &*error(301, "Failed"), Error),
        (400, "-2", &*error(301, "not supported"), Error),
        // By HTTP status.
        (401, "0", "null", Error),
        (403, "0", "null", Error),
        (404, "0", "null", Error),
        (429, "0", "null", Error),
        (500, "0", "null", Error),
        (502, "0", "null", Error),
        // Nothing was found, but the HTTP status is an error, so the API may count it as one.
        (404, "-1", &*error(301, "No product found"), Error),
        (400, "1008", "null", Error),
    ] {
        let text = body(status, fault, r#""assets":null"#);
        let class = classify(http, Envelope::read(&text, &[]).as_ref());
        assert_eq!(class.outcome(Some(http)), outcome, "{http} {text}");
    }
    for (http, text) in [
        (200, "<html>"),
        (200, ""),
        (200, r#"{"assets":[{"#),
        (503, "<html>"),
    ] {
        let class = classify(http, Envelope::read(text, &[]).as_ref());
        assert_eq!(class.outcome(Some(http)), Error, "{http} {text}");
    }
}

/// Whatever may have reached the API counts as an error. A call that never left the machine does
/// not count, and neither does a kept connection that broke.
#[test]
fn calls_without_an_answer_that_count() {
    use transport::Kind as K;
    for (kind, class, outcome) in [
        (K::Connect, Class::Unreached, CallOutcome::Unsent),
        (K::Proxy, Class::Config, CallOutcome::Unsent),
        (K::Stale, Class::Stale, CallOutcome::Good),
        (K::Timeout, Class::Transient, CallOutcome::Error),
        (K::Interrupted, Class::Transient, CallOutcome::Error),
        (K::TooLarge, Class::Unexpected, CallOutcome::Error),
        (K::Redirect, Class::Unexpected, CallOutcome::Error),
        (K::Insecure, Class::Config, CallOutcome::Unsent),
        (K::Tls, Class::Config, CallOutcome::Unsent),
        (K::Config, Class::Config, CallOutcome::Unsent),
        (K::Paused, Class::Suspended, CallOutcome::Unsent),
    ] {
        assert_eq!(unanswered(kind), class, "{kind:?}");
        assert_eq!(class.outcome(None), outcome, "{kind:?}");
    }
}

#[test]
fn a_refused_token_is_known_by_its_code_alone() {
    for status in ["0", "-1", "null"] {
        let body = body(status, r#"{"errorCode":201}"#, r#""assets":null"#);
        check(400, &body, Class::Token);
    }
}
