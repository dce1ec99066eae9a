//! Tests of describing unexpected responses.

use super::*;

#[test]
fn every_kind_of_answer_has_a_name() {
    for (body, expected) in [
        (&b""[..], "empty"),
        (b" \n", "empty"),
        (b"<html><body>no</body></html>", "an HTML page"),
        (
            b"<!DOCTYPE html>\n<HTML><head><TITLE lang=de>\nZugriff verweigert \xe4 </TITLE>",
            "an HTML page titled \"Zugriff verweigert \u{e4}\"",
        ),
        (b"<?xml version=\"1.0\"?><error/>", "XML"),
        (b"{\"a\":[1,", "JSON that ends too early, after 8 bytes"),
        (b"{\"a\":[1,\n}", "invalid JSON at line 2 column 1"),
        (b"[1]", "JSON of an unexpected form"),
        (
            b"Bad\x1b[31m Gateway hunter2.",
            "the text \"Bad [31m Gateway [redacted]\"",
        ),
        (b"\x1f\x8b\x00\x01", "binary data"),
    ] {
        assert_eq!(describe_body(body, &["hunter2"]), expected);
    }
}

#[test]
fn only_the_beginning_is_quoted() {
    let text = describe_body("\u{e9}".repeat(5000).as_bytes(), &[]);
    assert_eq!(
        text,
        format!("the text \"{}\u{2026}\"", "\u{e9}".repeat(60))
    );
}
