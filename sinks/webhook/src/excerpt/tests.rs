//! Tests that excerpts are short, printable and free of secrets.

use super::*;

#[test]
fn control_and_bidirectional_characters_are_removed() {
    let excerpts = Excerpts::default();
    let body = b"bad\x1b[31m request\r\n\0\t  for \xe2\x80\xae you\xff";
    let text = excerpts.of(body).unwrap();
    assert_eq!(text, "bad [31m request for you\u{fffd}");
    assert_eq!(excerpts.of(b""), None);
    assert_eq!(excerpts.of(b" \r\n\x07"), None);
}

#[test]
fn a_long_answer_is_cut() {
    let body = "ü".repeat(10_000);
    let text = Excerpts::default().of(body.as_bytes()).unwrap();
    assert_eq!(text.chars().count(), LONGEST);
}

#[test]
fn secrets_of_the_request_are_replaced() {
    let excerpts = Excerpts::without(["Bearer abcd1234", "abcd", "no"]);
    let text = excerpts
        .of(b"no such key: abcd1234 (authorization: Bearer abcd1234), abcd")
        .unwrap();
    assert!(!text.contains("abcd"), "{text}");
    assert!(text.starts_with("no such key: [secret]"), "{text}");
}

#[test]
fn a_secret_at_the_end_of_an_excerpt_is_replaced_too() {
    let excerpts = Excerpts::without(["0123456789abcdef"]);
    let body = "x".repeat(LONGEST - 4) + "0123456789abcdef";
    let text = excerpts.of(body.as_bytes()).unwrap();
    assert!(!text.contains("0123"), "{text}");
}
