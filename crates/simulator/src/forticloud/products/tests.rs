//! Tests of the product search.

use super::{like, moment, starts_with};

#[test]
fn patterns_match_as_in_sql() {
    for (pattern, text, expected) in [
        ("%", "", true),
        ("%", "FGT60F", true),
        ("FGT%", "FGT60F", true),
        ("%60F", "FGT60F", true),
        ("%60%", "FGT60F", true),
        ("F%0F", "FGT60F", true),
        ("f%", "FGT60F", true),
        ("FGT60F", "FGT60F", true),
        ("FGT", "FGT60F", false),
        ("%61%", "FGT60F", false),
        ("F%T%T%F", "FGT60F", false),
        ("FGT60F%FGT60F", "FGT60F", false),
    ] {
        assert_eq!(like(pattern, text), expected, "{pattern} in {text}");
    }
}

#[test]
fn a_bare_pattern_is_a_prefix() {
    assert!(starts_with("S1", "S148FF"));
    assert!(!starts_with("148", "S148FF"));
    assert!(!starts_with("%", "S148FF"));
}

#[test]
fn dates_are_read_in_every_form_that_clients_send() {
    for text in [
        "2026-01-01T10:11:12-8:00",
        "2026-01-01T10:11:12+0:00",
        "2026-01-01T10:11:12",
        "2026-01-01T10:11:12.000001",
    ] {
        let read = moment(text).map(|moment| moment.to_string());
        assert_eq!(read.as_deref(), Some("2026-01-01T10:11:12"), "{text}");
    }
    let date = moment("2099-12-31").map(|moment| moment.to_string());
    assert_eq!(date.as_deref(), Some("2099-12-31T00:00:00"));
    assert_eq!(moment("soon"), None);
}
