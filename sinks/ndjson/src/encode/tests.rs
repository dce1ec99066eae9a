//! Rows encoded as lines.

use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray, TimestampMicrosecondArray};
use fortilake_sink::{Kind, RecordBatch};
use serde_json::Value;

use super::tagged_lines;

fn records(column: &str, values: ArrayRef) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable([(column, values, true)]).unwrap()
}

#[test]
fn the_table_comes_before_the_columns() {
    let values: ArrayRef = Arc::new(StringArray::from(vec![
        Some("}\n{\"a\":1}\r\n{"),
        None,
        Some(""),
    ]));
    let lines = tagged_lines("products", &records("name", values)).unwrap();
    assert_eq!(
        String::from_utf8(lines).unwrap(),
        "{\"_table\":\"products\",\"name\":\"}\\n{\\\"a\\\":1}\\r\\n{\"}\n\
         {\"_table\":\"products\",\"name\":null}\n\
         {\"_table\":\"products\",\"name\":\"\"}\n"
    );
}

#[test]
fn no_rows_are_no_lines() {
    let values: ArrayRef = Arc::new(StringArray::from(Vec::<String>::new()));
    assert_eq!(
        tagged_lines("products", &records("name", values)).unwrap(),
        b""
    );
}

#[test]
fn hostile_text_stays_within_its_line() {
    let texts = [
        "\u{2028}\u{85}",
        "\0\u{1b}[2J",
        "\u{202e}<script>",
        "\\\"",
        "漢 ü 🦀",
    ];
    let values: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
    let lines = tagged_lines("t", &records("text", values)).unwrap();
    let lines = lines
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    let read = lines.map(|line| serde_json::from_slice::<Value>(line).unwrap()["text"].clone());
    assert!(read.eq(texts), "a text was changed");
}

#[test]
fn a_value_without_a_form_names_its_table() {
    let values: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![i64::MAX]));
    let error = tagged_lines("products", &records("at", values)).unwrap_err();
    assert_eq!(error.kind(), Kind::Rejected);
    assert_eq!(
        error.to_string(),
        "cannot write the rows of table `products`"
    );
}
