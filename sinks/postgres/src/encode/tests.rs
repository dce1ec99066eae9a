//! Tests of the encoder: values are read back by a decoder of their own, which follows the manual.
//!
//! That the server reads the same is tested by the conformance suite, with the extremes of every type.

use std::sync::Arc;

use arrow_array::{Array as _, ArrayRef};
use fortilake_sink::{DataType, Field, Schema, TimeUnit};
use proptest::prelude::*;

use super::*;

/// A row as an API may deliver it, with a column of each type.
type Row = (
    Option<bool>,
    Option<i32>,
    Option<i64>,
    Option<u64>,
    Option<f64>,
    Option<String>,
    Option<i64>,
);

const TYPES: [Type; 7] = [
    Type::Boolean,
    Type::Integer,
    Type::BigInt,
    Type::Numeric,
    Type::Double,
    Type::Text,
    Type::Timestamp,
];

fn records(rows: &[Row]) -> RecordBatch {
    let times = DataType::Timestamp(TimeUnit::Microsecond, None);
    let columns: [(DataType, ArrayRef); 7] = [
        (
            DataType::Boolean,
            Arc::new(rows.iter().map(|row| row.0).collect::<BooleanArray>()),
        ),
        (
            DataType::Int32,
            Arc::new(rows.iter().map(|row| row.1).collect::<Int32Array>()),
        ),
        (
            DataType::Int64,
            Arc::new(rows.iter().map(|row| row.2).collect::<Int64Array>()),
        ),
        (
            DataType::UInt64,
            Arc::new(rows.iter().map(|row| row.3).collect::<UInt64Array>()),
        ),
        (
            DataType::Float64,
            Arc::new(rows.iter().map(|row| row.4).collect::<Float64Array>()),
        ),
        (
            DataType::Utf8,
            Arc::new(
                rows.iter()
                    .map(|row| row.5.as_deref())
                    .collect::<StringArray>(),
            ),
        ),
        (
            times,
            Arc::new(
                rows.iter()
                    .map(|row| row.6)
                    .collect::<TimestampMicrosecondArray>(),
            ),
        ),
    ];
    let fields = columns
        .iter()
        .enumerate()
        .map(|(number, (data_type, _))| Field::new(format!("c{number}"), data_type.clone(), true));
    let schema = Schema::new(fields.collect::<Vec<_>>());
    let columns = columns.into_iter().map(|(_, values)| values).collect();
    RecordBatch::try_new(Arc::new(schema), columns).unwrap()
}

/// Reads rows back.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (taken, rest) = self.0.split_first_chunk().unwrap();
        self.0 = rest;
        *taken
    }

    /// The bytes of the next value; `None` for null.
    fn value(&mut self) -> Option<Vec<u8>> {
        let length = i32::from_be_bytes(self.take());
        if length == -1 {
            return None;
        }
        let (taken, rest) = self.0.split_at(usize::try_from(length).unwrap());
        self.0 = rest;
        Some(taken.to_vec())
    }

    fn fixed<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.value().map(|bytes| bytes.try_into().unwrap())
    }

    fn text(&mut self) -> Option<String> {
        self.value().map(|bytes| String::from_utf8(bytes).unwrap())
    }

    fn numeric(&mut self) -> Option<u64> {
        let bytes = self.value()?;
        let mut reader = Reader(&bytes);
        let count = i16::from_be_bytes(reader.take());
        let weight = i16::from_be_bytes(reader.take());
        let (sign, decimals) = (reader.take(), reader.take());
        assert_eq!((sign, decimals), ([0, 0], [0, 0]));
        // All groups are written, so the last one has the weight 0.
        assert_eq!(weight, (count - 1).max(0));
        let groups = (0..count).map(|_| u64::from(u16::from_be_bytes(reader.take())));
        Some(groups.fold(0, |sum, group| sum * 10_000 + group))
    }

    fn row(&mut self) -> (Row, Option<String>) {
        assert_eq!(i16::from_be_bytes(self.take()), 8);
        let row = (
            self.fixed::<1>().map(|[byte]| byte == 1),
            self.fixed().map(i32::from_be_bytes),
            self.fixed().map(i64::from_be_bytes),
            self.numeric(),
            self.fixed().map(f64::from_be_bytes),
            self.text(),
            self.fixed().map(|bytes| i64::from_be_bytes(bytes) + EPOCH),
        );
        (row, self.text())
    }
}

fn any_row() -> impl Strategy<Value = Row> {
    let times = TIMES.start + EPOCH..TIMES.end;
    (
        any::<Option<bool>>(),
        any::<Option<i32>>(),
        any::<Option<i64>>(),
        any::<Option<u64>>(),
        prop::option::of(prop::num::f64::NORMAL | prop::num::f64::INFINITE),
        any::<Option<String>>(),
        prop::option::of(times),
    )
}

proptest! {
    #[test]
    fn rows_are_read_back(rows in prop::collection::vec(any_row(), 0..20)) {
        let mut out = Vec::new();
        let replaced = super::rows(&records(&rows), &TYPES, "acme/x/", &mut out).unwrap();
        let mut reader = Reader(&out);
        for (number, row) in rows.iter().enumerate() {
            let (read, scope) = reader.row();
            prop_assert_eq!(scope.as_deref(), Some("acme/x/"));
            let mut wanted = row.clone();
            let has_nul = wanted.5.as_ref().is_some_and(|text| text.contains('\0'));
            wanted.5 = wanted.5.map(|text| text.replace('\0', "\u{fffd}"));
            prop_assert_eq!(read, wanted);
            let place = Cell { row: number, column: 5 };
            prop_assert_eq!(replaced.contains(&place), has_nul);
        }
        prop_assert!(reader.0.is_empty());
    }
}

#[test]
fn extremes_are_read_back() {
    let max = TIMES.end - 1;
    // The largest time of PostgreSQL does not fit Arrow's type, which counts from 1970.
    let max = max.checked_add(EPOCH).unwrap_or(i64::MAX);
    let extremes = [
        (
            Some(true),
            Some(i32::MIN),
            Some(i64::MIN),
            Some(0),
            Some(-0.0),
            Some(String::new()),
            Some(TIMES.start + EPOCH),
        ),
        (
            Some(false),
            Some(i32::MAX),
            Some(i64::MAX),
            Some(u64::MAX),
            Some(f64::INFINITY),
            Some("\0".to_owned()),
            Some(max),
        ),
        (None, None, None, None, None, None, None),
        (
            None,
            Some(0),
            Some(0),
            Some(10_000),
            Some(f64::MIN_POSITIVE),
            None,
            Some(EPOCH),
        ),
    ];
    let mut out = Vec::new();
    let result = rows(&records(&extremes), &TYPES, "s", &mut out);
    let replaced = result.unwrap();
    assert_eq!(replaced, [Cell { row: 1, column: 5 }]);
    let mut reader = Reader(&out);
    for row in extremes {
        let wanted = row.5.map(|text| text.replace('\0', "\u{fffd}"));
        let (read, _) = reader.row();
        assert_eq!(
            (read.0, read.1, read.2, read.3),
            (row.0, row.1, row.2, row.3)
        );
        assert_eq!((read.4, read.5, read.6), (row.4, wanted, row.6));
    }
}

#[test]
fn a_time_that_postgresql_cannot_store_is_an_error_with_its_column() {
    for time in [i64::MIN, TIMES.start + EPOCH - 1] {
        let row = (None, None, None, None, None, None, Some(time));
        let error = rows(&records(&[row]), &TYPES, "s", &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), Kind::Rejected);
        assert!(error.to_string().contains("`c6`"), "{error}");
    }
}

#[test]
fn a_column_of_another_type_is_an_error() {
    let records = records(&[]).project(&[5]).unwrap();
    assert!(rows(&records, &[Type::BigInt], "s", &mut Vec::new()).is_err());
    assert!(rows(&records, &[Type::Text], "s", &mut Vec::new()).is_ok());
    assert_eq!(records.column(0).len(), 0);
}
