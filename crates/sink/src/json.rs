//! Rows as JSON, encoded in the same way for every sink.
//!
//! | value | JSON |
//! | --- | --- |
//! | null | `null`; the member is always present |
//! | text | a string, even if it contains JSON as in `_extra` |
//! | true, 7, 0.5 | `true`, `7`, `0.5` |
//! | wall-clock timestamp | `"2026-09-01T12:00:00"`, with six decimals if it has a fraction |
//! | timestamp in UTC | `"2026-09-01T12:00:00Z"` |
//! | date | `"2026-09-01"` |
//! | list | an array of these values |
//!
//! Members are in the order of the columns, and the same rows always produce the same bytes.
//! Integers are written with all digits; a reader that parses numbers as floats loses precision above 2^53.
//! NaN and infinity do not exist in JSON and become `null`.
//!
//! `arrow-json` is not used here: with it, decoding products into lines took one and a half times as many instructions,
//! not counting the digests of files, and it takes long to build. The tests compare the results with it.

use std::io::Write;

use arrow_array::cast::AsArray;
use arrow_array::temporal_conversions::date32_to_datetime;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, Field, TimeUnit};
use serde::Serialize;

use crate::{Error, Kind, Result};

#[cfg(test)]
mod tests;

/// The supported timestamps, in microseconds of Unix time: the years 0000 to 9999, which have four digits. Dates have
/// the same years.
const TIMES: std::ops::RangeInclusive<i64> = -62_167_219_200_000_000..=253_402_300_799_999_999;

/// Encodes one object per row, each on its own line; empty for no rows.
///
/// Line breaks in text are escaped, so the result can be split into rows at its line feeds.
///
/// # Errors
///
/// [`Kind::Rejected`] for a time or date outside the years 0000 to 9999,
/// and [`Kind::Internal`] for a column type that has no form here.
pub fn lines(records: &RecordBatch) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut columns = columns(records)?;
    for row in 0..records.num_rows() {
        object(&mut columns, row, &mut out);
        out.push(b'\n');
    }
    Ok(out)
}

/// Encodes one array with an object per row; `[]` for no rows.
///
/// # Errors
///
/// As [`lines`].
pub fn array(records: &RecordBatch) -> Result<Vec<u8>> {
    let mut out = vec![b'['];
    let mut columns = columns(records)?;
    for row in 0..records.num_rows() {
        if row > 0 {
            out.push(b',');
        }
        object(&mut columns, row, &mut out);
    }
    out.push(b']');
    Ok(out)
}

/// A column, with what is written before each of its values.
struct Column<'a> {
    /// The comma or brace before the member, its name and the colon.
    start: Vec<u8>,
    values: Values<'a>,
}

/// The values of a column, or of the lists in it.
struct Values<'a> {
    array: &'a dyn Array,
    encode: Encode<'a>,
}

/// Appends a value, which is not null.
type Encode<'a> = Box<dyn FnMut(usize, &mut Vec<u8>) + 'a>;

impl Values<'_> {
    fn push(&mut self, position: usize, out: &mut Vec<u8>) {
        // Nulls are written. Without them output would be smaller, but a program that infers columns from the first
        // rows would miss a column that is null in all of them.
        if self.array.is_null(position) {
            out.extend_from_slice(b"null");
        } else {
            (self.encode)(position, out);
        }
    }
}

fn object(columns: &mut [Column<'_>], row: usize, out: &mut Vec<u8>) {
    if columns.is_empty() {
        out.push(b'{');
    }
    for column in columns {
        out.extend_from_slice(&column.start);
        column.values.push(row, out);
    }
    out.push(b'}');
}

fn columns(records: &RecordBatch) -> Result<Vec<Column<'_>>> {
    let fields = records.schema_ref().fields().iter();
    let columns = fields.zip(records.columns()).enumerate();
    let columns = columns.map(|(position, (field, array))| {
        let mut start = vec![if position == 0 { b'{' } else { b',' }];
        push(field.name(), &mut start);
        start.push(b':');
        let values = values(field, array.as_ref())?;
        Ok(Column { start, values })
    });
    columns.collect()
}

/// `field` is the column, also for the values of its lists.
fn values<'a>(field: &Field, array: &'a dyn Array) -> Result<Values<'a>> {
    let encode = encode(field, array)?;
    Ok(Values { array, encode })
}

fn encode<'a>(field: &Field, array: &'a dyn Array) -> Result<Encode<'a>> {
    Ok(match array.data_type() {
        DataType::Utf8 => {
            let texts = array.as_string::<i32>();
            Box::new(|row, out| push(texts.value(row), out))
        }
        DataType::LargeUtf8 => {
            let texts = array.as_string::<i64>();
            Box::new(|row, out| push(texts.value(row), out))
        }
        DataType::Utf8View => {
            let texts = array.as_string_view();
            Box::new(|row, out| push(texts.value(row), out))
        }
        DataType::Boolean => {
            let values = array.as_boolean();
            Box::new(|row, out| push(&values.value(row), out))
        }
        DataType::Int8 => numbers::<Int8Type>(array),
        DataType::Int16 => numbers::<Int16Type>(array),
        DataType::Int32 => numbers::<Int32Type>(array),
        DataType::Int64 => numbers::<Int64Type>(array),
        DataType::UInt8 => numbers::<UInt8Type>(array),
        DataType::UInt16 => numbers::<UInt16Type>(array),
        DataType::UInt32 => numbers::<UInt32Type>(array),
        DataType::UInt64 => numbers::<UInt64Type>(array),
        DataType::Float32 => numbers::<Float32Type>(array),
        DataType::Float64 => numbers::<Float64Type>(array),
        DataType::Timestamp(TimeUnit::Microsecond, None) => times(field, array, "\"")?,
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if is_utc(zone) => {
            times(field, array, "Z\"")?
        }
        DataType::Date32 => dates(field, array)?,
        DataType::List(_) => lists(field, array)?,
        other => {
            let text = format!(
                "column `{}` has the type `{other}`, which has no form in JSON",
                field.name()
            );
            return Err(Error::new(Kind::Internal, text));
        }
    })
}

fn numbers<T: ArrowPrimitiveType<Native: Serialize>>(array: &dyn Array) -> Encode<'_> {
    let numbers = array.as_primitive::<T>();
    Box::new(|row, out| push(&numbers.value(row), out))
}

fn times<'a>(field: &Field, array: &'a dyn Array, end: &'static str) -> Result<Encode<'a>> {
    let times = array.as_primitive::<TimestampMicrosecondType>();
    if times.iter().flatten().any(|time| !TIMES.contains(&time)) {
        return Err(too_far("timestamp", field));
    }
    // Many times are on the day of the one before, so its date is kept.
    let mut last = (i64::MIN, [0; 10]);
    Ok(Box::new(move |row, out| {
        let time = times.value(row);
        let day = time.div_euclid(DAY);
        if last.0 != day {
            last = (day, date(day));
        }
        out.push(b'"');
        out.extend_from_slice(&last.1);
        push_time_of_day(time.rem_euclid(DAY), out);
        out.extend_from_slice(end.as_bytes());
    }))
}

fn dates<'a>(field: &Field, array: &'a dyn Array) -> Result<Encode<'a>> {
    let dates = array.as_primitive::<Date32Type>();
    let days = TIMES.start() / DAY..=TIMES.end() / DAY;
    if dates
        .iter()
        .flatten()
        .any(|date| !days.contains(&date.into()))
    {
        return Err(too_far("date", field));
    }
    Ok(Box::new(|row, out| {
        out.push(b'"');
        out.extend_from_slice(&date(dates.value(row).into()));
        out.push(b'"');
    }))
}

fn lists<'a>(field: &Field, array: &'a dyn Array) -> Result<Encode<'a>> {
    let lists = array.as_list::<i32>();
    let mut values = values(field, lists.values().as_ref())?;
    Ok(Box::new(move |row, out| {
        let ends = lists.value_offsets();
        let [start, end] = [ends[row], ends[row + 1]].map(|end| usize::try_from(end).unwrap_or(0));
        out.push(b'[');
        for position in start..end {
            if position > start {
                out.push(b',');
            }
            values.push(position, out);
        }
        out.push(b']');
    }))
}

fn too_far(what: &str, field: &Field) -> Error {
    let name = field.name();
    let text = format!("a {what} in column `{name}` is outside the years 0000 to 9999");
    Error::new(Kind::Rejected, text)
}

/// A day in microseconds.
const DAY: i64 = 86_400_000_000;

/// The date that is this many days after 1970-01-01, in the form `2026-09-01`. The year has four digits, as checked
/// before.
fn date(day: i64) -> [u8; 10] {
    let mut text = *b"0000-00-00";
    let date = i32::try_from(day).ok().and_then(date32_to_datetime);
    if let Some(date) = date {
        // `Debug` has this form too, and is several times as fast as a format string.
        let _ = write!(&mut text[..], "{:?}", date.date());
    }
    text
}

/// Appends `T12:00:00`, with six decimals if the time has a fraction.
fn push_time_of_day(time: i64, out: &mut Vec<u8>) {
    let (seconds, fraction) = (time / 1_000_000, time % 1_000_000);
    let mut text = *b"T00:00:00";
    put_digits(seconds / 3600, &mut text[1..3]);
    put_digits(seconds / 60 % 60, &mut text[4..6]);
    put_digits(seconds % 60, &mut text[7..]);
    out.extend_from_slice(&text);
    if fraction > 0 {
        let mut text = *b".000000";
        put_digits(fraction, &mut text[1..]);
        out.extend_from_slice(&text);
    }
}

/// Writes the last digits of a number that is not negative.
fn put_digits(mut number: i64, text: &mut [u8]) {
    for digit in text.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
}

/// Appends a value as JSON.
fn push<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    // Texts, numbers and Booleans can all be written, and a vector takes all bytes.
    let written = serde_json::to_writer(out, value);
    debug_assert!(written.is_ok(), "{written:?}");
}

fn is_utc(zone: &str) -> bool {
    matches!(zone, "UTC" | "Z" | "+00:00")
}
