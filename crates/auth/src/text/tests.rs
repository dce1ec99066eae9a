//! Tests of quoting.

use super::*;

#[test]
fn one_line_without_a_full_stop() {
    assert_eq!(
        quotable(" Access\r\n denied.\u{1b}[31m No\tpermission. ", &[]),
        "Access denied. [31m No permission"
    );
    assert_eq!(quotable("a\u{202e}b", &[]), "a b");
    assert_eq!(quotable(" \n ", &[]), "");
}

#[test]
fn secrets_go_wherever_they_stand() {
    let text = "user `u-1` with password hunter2hunter2 is wrong";
    let expected = "user `[redacted]` with password [redacted][redacted] is wrong";
    assert_eq!(quotable(text, &["hunter2", "u-1", ""]), expected);
    let cut = quotable(
        &format!("{}hunter2", "x".repeat(MAX_CHARS - 3)),
        &["hunter2"],
    );
    assert!(!cut.contains("hun"), "{cut}");
}

#[test]
fn two_hundred_characters_are_enough() {
    let line = quotable(&"ü".repeat(300), &[]);
    assert_eq!(line.chars().count(), MAX_CHARS + 1);
    assert!(line.ends_with("ü…"));
    assert_eq!(quotable(&"ü".repeat(200), &[]), "ü".repeat(200));
}
