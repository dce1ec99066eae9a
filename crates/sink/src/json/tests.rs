//! Every column type of our tables, and text that must be escaped.

use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Float32Array, Float64Array, Int8Array, Int16Array,
    Int32Array, Int64Array, LargeStringArray, StringArray, StringViewArray,
    TimestampMicrosecondArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use arrow_schema::{Field, Schema};
use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn records(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let fields = columns
        .iter()
        .map(|(name, column)| Field::new(*name, column.data_type().clone(), true));
    let schema = Schema::new(fields.collect::<Vec<_>>());
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    RecordBatch::try_new(Arc::new(schema), columns).unwrap()
}

fn text(records: &RecordBatch) -> String {
    String::from_utf8(lines(records).unwrap()).unwrap()
}

fn times(values: &[i64]) -> TimestampMicrosecondArray {
    TimestampMicrosecondArray::from(values.to_vec())
}

fn every_type() -> RecordBatch {
    let times = TimestampMicrosecondArray::from(vec![Some(1_700_000_000_120_000), None, Some(0)]);
    records(vec![
        (
            "id",
            Arc::new(Int64Array::from(vec![i64::MIN, 0, i64::MAX])),
        ),
        (
            "text",
            Arc::new(StringArray::from(vec![Some("ü 漢"), None, Some("")])),
        ),
        (
            "share",
            Arc::new(Float64Array::from(vec![Some(-0.1), None, Some(1e300)])),
        ),
        (
            "is",
            Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])),
        ),
        ("wall", Arc::new(times.clone())),
        ("utc", Arc::new(times.with_timezone("UTC"))),
        (
            "index",
            Arc::new(Int32Array::from(vec![Some(i32::MIN), None, Some(7)])),
        ),
        (
            "count",
            Arc::new(UInt64Array::from(vec![Some(0), None, Some(u64::MAX)])),
        ),
        (
            "_extra",
            Arc::new(StringArray::from(vec![
                Some(r#"{"a":1}"#),
                None,
                Some("{}"),
            ])),
        ),
    ])
}

#[test]
fn every_type_has_its_form() {
    let records = every_type();
    assert_eq!(
        text(&records),
        concat!(
            r#"{"id":-9223372036854775808,"text":"ü 漢","share":-0.1,"is":true,"#,
            r#""wall":"2023-11-14T22:13:20.120000","utc":"2023-11-14T22:13:20.120000Z","#,
            r#""index":-2147483648,"count":0,"_extra":"{\"a\":1}"}"#,
            "\n",
            r#"{"id":0,"text":null,"share":null,"is":null,"wall":null,"utc":null,"#,
            r#""index":null,"count":null,"_extra":null}"#,
            "\n",
            r#"{"id":9223372036854775807,"text":"","share":1e+300,"is":false,"#,
            r#""wall":"1970-01-01T00:00:00","utc":"1970-01-01T00:00:00Z","#,
            r#""index":7,"count":18446744073709551615,"_extra":"{}"}"#,
            "\n",
        )
    );
    assert_eq!(lines(&records).unwrap(), lines(&records).unwrap());
}

#[test]
fn an_array_holds_the_same_objects() {
    let records = every_type();
    let whole: Value = serde_json::from_slice(&array(&records).unwrap()).unwrap();
    let text = text(&records);
    let rows = text.lines().map(|line| serde_json::from_str(line).unwrap());
    assert_eq!(whole, Value::Array(rows.collect()));
}

#[test]
fn no_rows_are_no_lines_and_an_empty_array() {
    let none = every_type().slice(0, 0);
    assert_eq!(text(&none), "");
    assert_eq!(array(&none).unwrap(), b"[]");
}

#[test]
fn rows_of_a_slice_are_those_of_the_slice() {
    let records = every_type();
    let middle = text(&records.slice(1, 1));
    assert_eq!(
        middle,
        format!("{}\n", text(&records).lines().nth(1).unwrap())
    );
}

#[test]
fn hostile_text_stays_in_its_line_and_comes_back() {
    let every: String = (0..0x300).filter_map(char::from_u32).collect();
    let values = [
        "\"},{\"a\":\"",
        "\\",
        "a\r\nb\u{2028}c\0",
        "=1+1",
        "\u{202e}abc\u{feff}",
        &every,
    ];
    let records = records(vec![(
        "a\"\n",
        Arc::new(StringArray::from(values.to_vec())),
    )]);
    let text = text(&records);
    let rows: Vec<_> = text.split_terminator('\n').collect();
    assert_eq!(rows.len(), values.len());
    for (row, value) in rows.into_iter().zip(values) {
        let row: Value = serde_json::from_str(row).unwrap();
        assert_eq!(row["a\"\n"], value);
    }
}

#[test]
fn timestamps_reach_from_year_0_to_9999_and_no_further() {
    let edges = times(&[*TIMES.start(), -1, *TIMES.end()]);
    assert_eq!(
        text(&records(vec![("at", Arc::new(edges))])),
        "{\"at\":\"0000-01-01T00:00:00\"}\n\
         {\"at\":\"1969-12-31T23:59:59.999999\"}\n\
         {\"at\":\"9999-12-31T23:59:59.999999\"}\n"
    );
    for beyond in [TIMES.start() - 1, TIMES.end() + 1, i64::MAX] {
        let error = lines(&records(vec![("at", Arc::new(times(&[beyond])))])).unwrap_err();
        assert_eq!(error.kind(), Kind::Rejected);
        assert_eq!(
            error.to_string(),
            "a timestamp in column `at` is outside the years 0000 to 9999"
        );
    }
}

#[test]
fn a_float_that_is_not_finite_is_null() {
    let floats = Float64Array::from(vec![f64::NAN, f64::INFINITY, 0.5]);
    assert_eq!(
        text(&records(vec![("x", Arc::new(floats))])),
        "{\"x\":null}\n{\"x\":null}\n{\"x\":0.5}\n"
    );
}

#[test]
fn a_type_without_a_form_is_an_error() {
    let berlin = times(&[0]).with_timezone("Europe/Berlin");
    let error = lines(&records(vec![("at", Arc::new(berlin))])).unwrap_err();
    assert_eq!(error.kind(), Kind::Internal);
    let text = error.to_string();
    assert!(text.starts_with("column `at` has the type "), "{text}");
}

#[test]
fn rows_without_columns_are_empty_objects() {
    let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(2));
    let schema = Arc::new(Schema::empty());
    let records = RecordBatch::try_new_with_options(schema, Vec::new(), &options).unwrap();
    assert_eq!(text(&records), "{}\n{}\n");
    assert_eq!(array(&records).unwrap(), b"[{},{}]");
}

#[test]
fn dates_and_lists_have_a_form() {
    let dates = Date32Array::from(vec![Some(20_697), None, Some(-719_528)]);
    let mut lists = ListBuilder::new(StringBuilder::new());
    lists.append_value([Some("a"), None, Some("\"")]);
    lists.append_null();
    lists.append_value([None::<&str>; 0]);
    let records = records(vec![
        ("on", Arc::new(dates)),
        ("names", Arc::new(lists.finish())),
    ]);
    let wanted = [
        "{\"on\":\"2026-09-01\",\"names\":[\"a\",null,\"\\\"\"]}\n",
        "{\"on\":null,\"names\":null}\n",
        "{\"on\":\"0000-01-01\",\"names\":[]}\n",
    ];
    assert_eq!(text(&records), wanted.concat());
    assert_eq!(text(&records.slice(2, 1)), wanted[2]);
}

#[test]
fn dates_reach_from_year_0_to_9999_and_no_further() {
    for (day, wanted) in [
        (-719_528, Some("0000-01-01")),
        (2_932_896, Some("9999-12-31")),
        (-719_529, None),
        (2_932_897, None),
        (i32::MIN, None),
    ] {
        let found = lines(&records(vec![(
            "on",
            Arc::new(Date32Array::from(vec![day])),
        )]));
        match wanted {
            Some(wanted) => {
                let wanted = format!("{{\"on\":\"{wanted}\"}}\n");
                assert_eq!(found.unwrap(), wanted.as_bytes());
            }
            None => assert_eq!(
                found.unwrap_err().to_string(),
                "a date in column `on` is outside the years 0000 to 9999"
            ),
        }
    }
}

#[test]
fn other_types_of_texts_and_numbers_have_the_same_form() {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("large", Arc::new(LargeStringArray::from(vec!["a"]))),
        ("view", Arc::new(StringViewArray::from(vec!["b"]))),
        ("i8", Arc::new(Int8Array::from(vec![-8]))),
        ("i16", Arc::new(Int16Array::from(vec![-16]))),
        ("u8", Arc::new(UInt8Array::from(vec![8]))),
        ("u16", Arc::new(UInt16Array::from(vec![16]))),
        ("u32", Arc::new(UInt32Array::from(vec![32]))),
        ("f32", Arc::new(Float32Array::from(vec![0.1]))),
    ];
    assert_eq!(
        text(&records(columns)),
        "{\"large\":\"a\",\"view\":\"b\",\"i8\":-8,\"i16\":-16,\"u8\":8,\"u16\":16,\"u32\":32,\"f32\":0.1}\n"
    );
}

/// The same rows by `arrow-json`, with times that have three, six or no decimals.
fn by_arrow(records: &RecordBatch) -> Vec<Value> {
    let mut writer = arrow_json::writer::WriterBuilder::new()
        .with_explicit_nulls(true)
        .build::<_, arrow_json::writer::LineDelimited>(Vec::new());
    writer.write(records).unwrap();
    writer.finish().unwrap();
    let text = String::from_utf8(writer.into_inner()).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

proptest! {
    #[test]
    fn rows_are_those_of_arrow(
        rows in prop::collection::vec(
            (
                any::<Option<i64>>(),
                any::<Option<String>>(),
                any::<Option<f64>>(),
                any::<Option<bool>>(),
                // Few days, so that a day follows itself, and times with three decimals.
                prop::option::of(prop_oneof![
                    TIMES,
                    (0..3_i64, 0..DAY / 1000).prop_map(|(day, time)| day * DAY + time * 1000),
                ]),
            ),
            0..20,
        )
    ) {
        let whole: TimestampMicrosecondArray = rows.iter().map(|row| row.4).collect();
        let records = records(vec![
            ("id", Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>())),
            ("te\"xt", Arc::new(rows.iter().map(|row| row.1.as_deref()).collect::<StringArray>())),
            ("share", Arc::new(rows.iter().map(|row| row.2).collect::<Float64Array>())),
            ("is", Arc::new(rows.iter().map(|row| row.3).collect::<BooleanArray>())),
            ("at", Arc::new(whole)),
        ]);
        let ours = text(&records);
        let ours: Vec<Value> = ours.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let mut theirs = by_arrow(&records);
        for row in &mut theirs {
            let Some(time) = row["at"].as_str() else { continue };
            let decimals = time.split_once('.').map_or(6, |(_, decimals)| decimals.len());
            row["at"] = format!("{time}{}", "0".repeat(6 - decimals)).into();
        }
        prop_assert_eq!(ours, theirs);
    }
}
