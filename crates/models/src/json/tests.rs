//! Tests that compare the reader with `serde_json`.

use proptest::prelude::*;
use serde_json::value::RawValue;

use super::*;

/// What `serde_json` takes for the text of one value.
fn peer(text: &str) -> Option<&str> {
    serde_json::from_str::<&RawValue>(text)
        .ok()
        .map(RawValue::get)
}

fn skipped(text: &str) -> Option<&str> {
    let mut reader = Reader::new(text);
    let value = reader.skip().ok()?;
    reader.end().ok()?;
    Some(value)
}

#[test]
fn a_text_is_json_exactly_if_it_is_for_serde() {
    for text in [
        "",
        " ",
        "null",
        " null ",
        "nul",
        "nulls",
        "true",
        "false",
        "0",
        "-0",
        "00",
        "01",
        "-",
        "1.",
        ".5",
        "1.5",
        "1e",
        "1e5",
        "1E+5",
        "1e-",
        "+1",
        "1 2",
        "\"\"",
        "\"a",
        "\"\\u00e4\"",
        "\"\\u00e\"",
        "\"\\ud83d\"",
        "\"\\x\"",
        "\"\\\"",
        "\"\n\"",
        "\"\t1234567\"",
        "[]",
        "[ ]",
        "[1]",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1,2",
        "{}",
        "{ }",
        "{\"a\":1}",
        "{\"a\" : 1 , \"b\":[]}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{1:1}",
        "{\"a\":1]",
        "[}",
        "[[[]]]",
        "[[]]]",
        "\u{feff}1",
        "\"Z\u{fc}rich \u{1f642}\"",
        "\u{a0}1",
        "1\u{b}",
    ] {
        assert_eq!(skipped(text), peer(text), "{text:?}");
    }
}

#[test]
fn depth_costs_no_stack() {
    let deep = "[".repeat(200_000) + &"]".repeat(200_000);
    assert_eq!(skipped(&deep), Some(&*deep));
}

#[test]
fn names_are_found_at_any_depth() {
    let text = r#"{"a": [{"b\n": {}}, 1], "c": {"d": "e"}}"#;
    let mut names = Vec::new();
    let mut reader = Reader::new(text);
    let value = reader.skip_with(|name| names.push((name.value().unwrap(), name.start())));
    assert_eq!(value, Ok(text));
    let found: Vec<_> = names.iter().map(|(name, at)| (&**name, *at)).collect();
    assert_eq!(found, [("a", 1), ("b\n", 8), ("c", 24), ("d", 30)]);
}

#[test]
fn strings_end_at_their_quote_wherever_it_is() {
    for length in 0..40 {
        let value = "x".repeat(length);
        let text = format!("\"{value}\", \"next\"");
        let mut reader = Reader::new(&text);
        assert_eq!(reader.string().unwrap().plain(), Some(&*value));
        assert_eq!(reader.position(), length + 2);
    }
}

/// Pieces from which something like JSON is made.
fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        " ",
        "\n",
        "\"",
        "\"a\"",
        "\"b\":",
        "\\",
        "\\u00",
        "\\n",
        "0",
        "12",
        "-",
        ".",
        "e",
        "null",
        "true",
        "false",
        "\u{e4}",
        "\u{1}",
        "[]",
        "{}",
        "\"a\":1",
        ",\"b\":[]",
    ])
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let text = || "[a-z\"\\\\{}\\[\\],:\u{e4}\n]{0,12}";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((text(), inner), 0..4)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_pieces_are_json_exactly_if_they_are_for_serde(pieces in prop::collection::vec(piece(), 0..12)) {
        let text = pieces.concat();
        prop_assert_eq!(skipped(&text), peer(&text));
        // Of other texts it may read anything, but it may not panic.
        let found = Reader::new(&text).skip_validated();
        if let Some(value) = peer(&text) {
            prop_assert_eq!(found, Ok(value));
        }
    }

    #[test]
    fn a_value_ends_at_the_same_place_with_and_without_validation(
        value in value(),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut text = format!(" {value} ,");
        if let Some(cut) = cut {
            let starts: Vec<_> = text.char_indices().map(|(at, _)| at).collect();
            text.truncate(starts[cut.index(starts.len())]);
        }
        let mut reader = Reader::new(&text);
        let found = reader.skip();
        let mut other = Reader::new(&text);
        prop_assert_eq!(other.skip_validated(), found);
        if found.is_ok() {
            prop_assert_eq!(other.position(), reader.position());
        }
    }

    #[test]
    fn any_string_has_the_value_that_it_has_for_serde(value in any::<String>()) {
        let text = serde_json::Value::from(value.as_str()).to_string();
        let mut reader = Reader::new(&text);
        prop_assert_eq!(reader.string().unwrap().value().unwrap(), value);
    }
}
