//! Tests of what is repaired and what is left unchanged.

use super::*;

#[test]
fn legal_text_is_left_as_it_is() {
    let text = "{\"a\": \"\\u00fc \\ud83d\\ude00 \\n \\\\ud83d \\\" ü\",\n\t\"b\": [1, null]}";
    for text in [text, &text.replace(['\n', '\t'], " ")] {
        assert!(matches!(legal_json(text), Cow::Borrowed(_)));
        assert!(matches!(json_text(text.as_bytes()), Cow::Borrowed(_)));
    }
}

#[test]
fn raw_control_characters_are_escaped() {
    let text = "{\"a\":\n\"x\ty\r\n\u{1}\"}";
    let legal = legal_json(text);
    assert_eq!(legal, "{\"a\":\n\"x\\u0009y\\u000d\\u000a\\u0001\"}");
    let value: serde_json::Value = serde_json::from_str(&legal).unwrap();
    assert_eq!(value["a"], "x\ty\r\n\u{1}");
}

#[test]
fn what_no_reader_takes_becomes_the_replacement_character() {
    for half in [r"\ud83d", r"\uDE00"] {
        for blank in ["", "\n"] {
            let text = format!("[\"\\\"a{half}b\"{blank}]");
            let legal = format!("[\"\\\"a\u{fffd}b\"{blank}]");
            assert_eq!(legal_json(&text), legal, "{half}");
        }
    }
    for nul in [r"\u0000", "\0"] {
        let text = format!("[\"a{nul}b\"]");
        assert_eq!(legal_json(&text), r#"["a\u0000b"]"#);
        assert_eq!(storable_json(&text), "[\"a\u{fffd}b\"]");
    }
    assert_eq!(
        legal_json(r#"["\ud83d\ud83d\ude00"]"#),
        "[\"\u{fffd}\\ud83d\\ude00\"]"
    );
    assert_eq!(json_text(b"[\"Z\xfcrich\"]"), "[\"Z\u{fffd}rich\"]");
    assert_eq!(
        json_text(b"\xef\xbb\xbf[\"\xed\xa0\xbd\"]"),
        "[\"\u{fffd}\u{fffd}\u{fffd}\"]"
    );
}

#[test]
fn utf16_is_read() {
    let text = "{\"a\": \"Zürich 😀\"}";
    let units: Vec<u16> = text.encode_utf16().collect();
    let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
    for bytes in [
        [b"\xff\xfe", &little[..]].concat(),
        [b"\xfe\xff", &big[..]].concat(),
        little,
        big,
    ] {
        assert_eq!(json_text(&bytes), text);
    }
}

#[test]
fn nonsense_is_no_danger() {
    for text in [
        "",
        "\"",
        "\"\\",
        "\"\\u",
        "\"\\ud83",
        "\\",
        "\"\\ud83d\\",
        "\"\\ud83d\\u12",
        "\"\\é\"",
        "\"\\😀",
        "\"\\ué",
    ] {
        legal_json(text);
        legal_json(&format!("{text}\n"));
    }
    for bytes in [&b"\xff"[..], b"\xff\xfe", b"\xff\xfe\0", b"{", b"\0"] {
        json_text(bytes);
    }
}
