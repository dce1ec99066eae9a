//! The `csv` crate reads back any rows, and nulls differ from empty texts.

use std::sync::Arc;

use arrow_array::{Int64Array, StringArray};
use fortilake_sink::{Field, KeyIn, Schema};
use proptest::prelude::*;

use super::*;
use crate::dialect::{Delimiter, Formulas};

fn table(fields: Vec<Field>) -> TableSpec {
    TableSpec {
        name: "rows".to_owned(),
        summary: String::new(),
        key: Vec::new(),
        key_in: KeyIn::Scope,
        schema: Arc::new(Schema::new(fields)),
    }
}

fn encode(table: &TableSpec, columns: Vec<ArrayRef>, formulas: Formulas) -> Result<Vec<u8>> {
    let records = RecordBatch::try_new(Arc::clone(&table.schema), columns).unwrap();
    let dialect = Dialect {
        formulas,
        ..Dialect::default()
    };
    let lines = Lines::new(table, dialect)?;
    let mut text = Vec::new();
    lines.header(table, &mut text);
    for row in 0..records.num_rows() {
        lines.append(&records, row, &mut text)?;
    }
    Ok(text)
}

fn decode(text: &[u8]) -> Vec<Vec<String>> {
    let records = csv::ReaderBuilder::new()
        .from_reader(text)
        .into_records()
        .collect::<Vec<_>>();
    let rows = records.into_iter().map(|record| record.unwrap());
    rows.map(|row| row.iter().map(str::to_owned).collect())
        .collect()
}

/// Random text with many characters that are special in CSV and spreadsheets.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\"".to_owned()),
        Just(",".to_owned()),
        Just("\r\n".to_owned()),
        Just("\n".to_owned()),
        Just("\r".to_owned()),
        Just("\0".to_owned()),
        Just("=".to_owned()),
        Just("'".to_owned()),
        any::<String>(),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text_comes_back(
        rows in prop::collection::vec((prop::option::of(hostile()), hostile(), any::<i64>()), 0..20),
    ) {
        let table = table(vec![
            Field::new("maybe", DataType::Utf8, true),
            Field::new("text", DataType::Utf8, false),
            Field::new("number", DataType::Int64, false),
        ]);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(rows.iter().map(|row| row.0.as_deref()).collect::<StringArray>()),
            Arc::new(rows.iter().map(|row| Some(row.1.as_str())).collect::<StringArray>()),
            Arc::new(rows.iter().map(|row| row.2).collect::<Int64Array>()),
        ];
        let text = encode(&table, columns.clone(), Formulas::Keep).unwrap();
        let wanted: Vec<_> = rows
            .iter()
            .map(|row| vec![row.0.clone().unwrap_or_default(), row.1.clone(), row.2.to_string()])
            .collect();
        prop_assert_eq!(decode(&text), wanted);

        let safe = encode(&table, columns, Formulas::Prefix).unwrap();
        for (cells, row) in decode(&safe).into_iter().zip(&rows) {
            prop_assert!(!cells[1].starts_with(['=', '+', '-', '@', '\t', '\r', '\n']));
            let plain = cells[1] == row.1;
            prop_assert!(plain || cells[1] == cell::disarm(&row.1, Delimiter::Comma));
            prop_assert_eq!(&cells[2], &row.2.to_string());
        }
    }
}

#[test]
fn null_is_nothing_and_empty_is_quoted() {
    let table = table(vec![
        Field::new("a", DataType::Utf8, true),
        Field::new("b", DataType::Utf8, true),
    ]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec![None, Some(""), None])),
        Arc::new(StringArray::from(vec![Some(""), None, None])),
    ];
    let text = encode(&table, columns, Formulas::Prefix).unwrap();
    assert_eq!(
        String::from_utf8(text).unwrap(),
        "a,b\r\n,\"\"\r\n\"\",\r\n,\r\n"
    );
}

#[test]
fn a_row_of_one_null_is_not_an_empty_line() {
    let table = table(vec![Field::new("a", DataType::Int64, true)]);
    let columns: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(vec![None, Some(1)]))];
    let text = encode(&table, columns, Formulas::Prefix).unwrap();
    assert_eq!(decode(&text), [[""], ["1"]]);
}

#[test]
fn a_timestamp_out_of_range_is_refused_by_name() {
    let naive = DataType::Timestamp(TimeUnit::Microsecond, None);
    let table = table(vec![Field::new("at", naive, true)]);
    let times = arrow_array::TimestampMicrosecondArray::from(vec![i64::MAX]);
    let error = encode(&table, vec![Arc::new(times)], Formulas::Keep).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a timestamp in column `at` of table `rows` is outside the years 0000 to 9999"
    );
    assert_eq!(error.kind(), Kind::Rejected);
}
