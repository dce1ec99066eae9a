//! Tests of waiting times.

use super::*;

const NOW: &str = "2026-08-01T12:00:00Z";

fn check(class: Class, headers: &[(&'static str, &str)], seconds: u64) {
    let headers = headers
        .iter()
        .map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap()));
    let headers = headers.collect::<HeaderMap>();
    assert_eq!(
        wait(class, &headers, NOW.parse().unwrap()).as_secs(),
        seconds,
        "{headers:?}"
    );
}

#[test]
fn seconds() {
    check(Class::Throttled, &[("retry-after", "7")], 7);
    check(Class::Throttled, &[("retry-after", " 7 ")], 7);
    check(Class::HourlyLimit, &[("retry-after", "7")], 7);
    check(Class::Throttled, &[("retry-after", "0")], 1);
    check(
        Class::Throttled,
        &[("retry-after", "18446744073709551615")],
        3600,
    );
}

#[test]
fn dates() {
    check(
        Class::Throttled,
        &[("retry-after", "Sat, 01 Aug 2026 12:01:30 GMT")],
        90,
    );
    check(
        Class::Throttled,
        &[("retry-after", "Mon, 01 Aug 2026 12:01:30 GMT")],
        90,
    );
    check(
        Class::Throttled,
        &[("retry-after", "Sat, 01 Aug 2026 11:00:00 GMT")],
        1,
    );
    let headers = [
        ("retry-after", "Thu, 01 Jan 2015 00:00:30 GMT"),
        ("date", "Thu, 01 Jan 2015 00:00:00 GMT"),
    ];
    check(Class::Throttled, &headers, 30);
}

#[test]
fn nothing_readable() {
    for headers in [
        &[][..],
        &[("retry-after", "soon")],
        &[("retry-after", "-5")],
        &[("retry-after", "1.5")],
    ] {
        check(Class::Throttled, headers, 60);
        check(Class::HourlyLimit, headers, 3600);
        check(Class::ErrorLimit, headers, 3600);
    }
}
