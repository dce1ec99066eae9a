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
fn nothing_steers_a_terminal() {
    let text = "a\u{9b}2Jb\u{2028}c\u{202e}d\u{ad}e\u{e0041}f";
    assert_eq!(printable(text), "a 2Jb c d e f");
    assert_eq!(quotable(text, &[]), "a 2Jb c d e f");
    let json = "{\"a\": \"\u{1b}[31m\u{202e}\u{7f}\u{e0041}\u{e9}\"}\n";
    let escaped = "{\"a\": \"\\u001b[31m\\u202e\\u007f\\udb40\\udc41\u{e9}\"}\n";
    assert_eq!(printable_json(json), escaped);
}

#[test]
fn secrets_in_a_form_go_as_well() {
    let text = "got grant_type=password&password=p%40ss+w%2Frd1";
    let expected = "got grant_type=password&password=[redacted]";
    assert_eq!(quotable(text, &["p@ss w/rd1"]), expected);
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
