//! Tests of interpreting statuses and `Retry-After`.

use reqwest::header::HeaderValue;

use super::*;

const NOW: &str = "2026-08-01T12:00:00Z";

fn answer(status: u16, headers: &[(&'static str, &str)]) -> Disposition {
    let headers = headers
        .iter()
        .map(|(name, value)| {
            let value = HeaderValue::from_str(value).unwrap();
            (header::HeaderName::from_static(name), value)
        })
        .collect();
    meaning(
        StatusCode::from_u16(status).unwrap(),
        &headers,
        NOW.parse().unwrap(),
    )
}

#[test]
fn the_status_decides() {
    for status in [200, 201, 202, 204, 299, 409] {
        assert_eq!(answer(status, &[]), Disposition::Delivered, "{status}");
    }
    for status in [408, 429, 500, 502, 503, 504, 599] {
        let meaning = answer(status, &[]);
        assert!(
            matches!(meaning, Disposition::Retry { wait: None, .. }),
            "{status}"
        );
    }
    for status in [301, 302, 307, 308, 400, 401, 403, 404, 413, 415, 422] {
        assert!(
            matches!(answer(status, &[]), Disposition::Refused { .. }),
            "{status}"
        );
    }
    assert_eq!(answer(410, &[("retry-after", "1")]), Disposition::Gone);
}

#[test]
fn the_cause_is_the_status() {
    let cause = |status| match answer(status, &[]) {
        Disposition::Refused { cause } | Disposition::Retry { cause, .. } => cause,
        other => panic!("{other:?}"),
    };
    assert_eq!(cause(404), "the receiver returned 404 Not Found");
    assert_eq!(cause(599), "the receiver returned 599");
    assert_eq!(
        cause(302),
        "the receiver returned 302 Found, and redirects are not followed"
    );
}

#[test]
fn retry_after_is_read_in_both_forms() {
    let check = |headers: &[(&'static str, &str)], seconds: Option<u64>| {
        let wanted = seconds.map(Duration::from_secs);
        for status in [429, 503] {
            match answer(status, headers) {
                Disposition::Retry { wait, .. } => assert_eq!(wait, wanted, "{headers:?}"),
                other => panic!("{other:?}"),
            }
        }
    };
    check(&[("retry-after", "7")], Some(7));
    check(&[("retry-after", " 0 ")], Some(0));
    check(&[("retry-after", "18446744073709551615")], Some(86_400));
    check(&[("retry-after", "18446744073709551616")], None);
    check(&[("retry-after", "-1")], None);
    check(&[("retry-after", "soon")], None);
    check(
        &[("retry-after", "Sat, 01 Aug 2026 12:01:30 GMT")],
        Some(90),
    );
    check(&[("retry-after", "Sat, 01 Aug 2026 11:00:00 GMT")], Some(0));
    let theirs = ("date", "Thu, 01 Jan 2015 00:00:00 GMT");
    check(
        &[("retry-after", "Thu, 01 Jan 2015 00:00:30 GMT"), theirs],
        Some(30),
    );
}
