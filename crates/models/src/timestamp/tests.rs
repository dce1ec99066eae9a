//! Tests that compare dates with jiff, and of the forms that were seen in real responses.

use jiff::civil::DateTime;
use proptest::prelude::*;

use super::{Stamp, parse_timestamp};

fn at(text: &str) -> Option<(String, Option<&str>)> {
    match parse_timestamp(text)? {
        Stamp::Absent => Some((String::new(), None)),
        Stamp::At { micros, offset } => {
            let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
            let span = jiff::SignedDuration::from_micros(micros);
            Some((epoch.checked_add(span).unwrap().to_string(), offset))
        }
    }
}

#[track_caller]
fn check(text: &str, wall_clock: &str, offset: Option<&str>) {
    assert_eq!(at(text), Some((wall_clock.to_owned(), offset)), "{text}");
}

#[test]
fn forms_of_the_field() {
    check("2023-01-09T00:37:25", "2023-01-09T00:37:25", None);
    check("2023-01-09 00:37:25", "2023-01-09T00:37:25", None);
    check("2023-01-09T00:37:25Z", "2023-01-09T00:37:25", Some("Z"));
    check(
        "2026-01-01T10:11:12-8:00",
        "2026-01-01T10:11:12",
        Some("-8:00"),
    );
    check(
        "2026-01-01T10:11:12-08:00",
        "2026-01-01T10:11:12",
        Some("-08:00"),
    );
    check(
        "2026-01-01 10:11:12-0800",
        "2026-01-01T10:11:12",
        Some("-0800"),
    );
    check(
        "2040-01-01T00:00:00+0:00",
        "2040-01-01T00:00:00",
        Some("+0:00"),
    );
    check(
        "2025-10-06T06:46:59.828879Z",
        "2025-10-06T06:46:59.828879",
        Some("Z"),
    );
    check(
        "2025-10-06T06:46:59.1234567",
        "2025-10-06T06:46:59.123456",
        None,
    );
    check("2099-12-31", "2099-12-31T00:00:00", None);
    check("1969-12-31T23:59:59.5", "1969-12-31T23:59:59.5", None);
}

#[test]
fn no_date() {
    check("0001-01-01T00:00:00", "", None);
    check("0001-01-01T00:00:00Z", "", None);
    check("   ", "", None);
}

#[test]
fn not_dates() {
    for text in [
        "soon",
        "2023-02-29",
        "2023-13-01",
        "2023-01-00",
        "2023-01-01T24:00:00",
        "2023-01-01T10:00:00-99:00",
        "2023-01-01T10:00:00 PST",
        "2023-01-01T10:00:00.",
        "2023-1-1",
        "0000-01-01",
        "12023-01-01",
        "٢٠٢٣-01-01",
        "2023-01-01T10:00:00-",
        "2023-01-01T10:00:00+8:0",
    ] {
        assert_eq!(parse_timestamp(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn agrees_with_jiff(
        year in 1_i16..=9999, month in 1_i8..=12, day in 1_i8..=31,
        hour in 0_i8..24, minute in 0_i8..60, second in 0_i8..60, micros in 0_i32..1_000_000,
    ) {
        let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}");
        let expected = DateTime::new(year, month, day, hour, minute, second, micros * 1000);
        match expected {
            Ok(expected) if year > 1 => prop_assert_eq!(at(&text), Some((expected.to_string(), None))),
            Ok(_) => prop_assert!(at(&text).is_some()),
            Err(_) => prop_assert_eq!(at(&text), None),
        }
    }

    #[test]
    fn never_panics(text in "\\PC{0,40}") {
        let _ = parse_timestamp(&text);
    }
}

proptest! {
    #[test]
    fn the_usual_form_is_no_exception(
        (year, month, day) in (0..10_000, 0..14, 0..33),
        (hour, minute, second) in (0..25, 0..61, 0..61),
    ) {
        let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
        let other_form = format!("{text}.0");
        prop_assert_eq!(parse_timestamp(&text), parse_timestamp(&other_form));
    }
}
