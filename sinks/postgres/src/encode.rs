//! Rows in the binary format of `COPY`.
//!
//! The format is documented under `COPY` in PostgreSQL's manual, and that of single values by the server's `*_recv`
//! functions. It is smaller and faster to read than text, and nothing has to be escaped.

use std::borrow::Cow;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType, UInt64Type};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, UInt64Array,
};
use fortilake_sink::issues::Cell;
use fortilake_sink::{Error, Kind, Result};

use crate::types::Type;

#[cfg(test)]
mod tests;

/// What every file begins with: the signature, no flags, and an empty extension.
pub(crate) const HEADER: [u8; 19] = *b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// What every file ends with.
pub(crate) const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();

/// The length of a value that is null.
const NULL: [u8; 4] = (-1_i32).to_be_bytes();

/// 2000-01-01, from which PostgreSQL counts, in microseconds of Unix time.
const EPOCH: i64 = 946_684_800_000_000;

/// The timestamps that PostgreSQL can store, in microseconds of its own time: from 4714-11-24 BC to the end of 294276.
const TIMES: std::ops::Range<i64> = -211_813_488_000_000_000..9_223_371_331_200_000_000;

/// U+0000, which PostgreSQL cannot store, is replaced by this character.
const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;

/// The text as it is stored.
pub(crate) fn storable(text: &str) -> String {
    text.replace('\0', &REPLACEMENT.to_string())
}

/// The values of a column, so that the type is looked up once per batch and not per value.
enum Values<'a> {
    Boolean(&'a BooleanArray),
    Integer(&'a Int32Array),
    BigInt(&'a Int64Array),
    Numeric(&'a UInt64Array),
    Double(&'a Float64Array),
    Text(&'a StringArray),
    Timestamp(&'a TimestampMicrosecondArray),
}

impl<'a> Values<'a> {
    fn of(array: &'a ArrayRef, wanted: Type) -> Option<Self> {
        Some(match wanted {
            Type::Boolean => Self::Boolean(array.as_boolean_opt()?),
            Type::Integer => Self::Integer(array.as_primitive_opt::<Int32Type>()?),
            Type::BigInt => Self::BigInt(array.as_primitive_opt::<Int64Type>()?),
            Type::Numeric => Self::Numeric(array.as_primitive_opt::<UInt64Type>()?),
            Type::Double => Self::Double(array.as_primitive_opt::<Float64Type>()?),
            Type::Text => Self::Text(array.as_string_opt::<i32>()?),
            Type::Timestamp | Type::TimestampTz => {
                Self::Timestamp(array.as_primitive_opt::<TimestampMicrosecondType>()?)
            }
        })
    }
}

/// Appends the rows of `records`, each with `scope` as its last column, and returns the texts that were changed.
///
/// # Errors
///
/// [`Kind::Rejected`] for a timestamp that PostgreSQL cannot store, and for a text of more than 2 GiB.
pub(crate) fn rows(
    records: &RecordBatch,
    types: &[Type],
    scope: &str,
    out: &mut Vec<u8>,
) -> Result<Vec<Cell>> {
    let columns: Option<Vec<_>> = records
        .columns()
        .iter()
        .zip(types)
        .map(|(array, wanted)| Some((array, Values::of(array, *wanted)?)))
        .collect();
    let count = i16::try_from(types.len() + 1).ok();
    let (Some(columns), Some(count)) = (columns, count) else {
        let text = "a batch does not have the columns of its table";
        return Err(Error::new(Kind::Internal, text));
    };
    let mut replaced = Vec::new();
    for row in 0..records.num_rows() {
        out.extend(count.to_be_bytes());
        for (column, (array, values)) in columns.iter().enumerate() {
            if array.is_null(row) {
                out.extend(NULL);
                continue;
            }
            let written = value(values, row, out).map_err(|problem| {
                let name = records.schema_ref().field(column).name();
                Error::new(Kind::Rejected, format!("column `{name}` has {problem}"))
            })?;
            if written == Written::Replaced {
                replaced.push(Cell { row, column });
            }
        }
        // A scope's text contains only ASCII letters and a few other characters, so it is neither long nor changed.
        text(scope, out).map_err(|problem| Error::new(Kind::Internal, problem))?;
    }
    Ok(replaced)
}

/// Whether a value was written as it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    Unchanged,
    Replaced,
}

fn value(values: &Values<'_>, row: usize, out: &mut Vec<u8>) -> Result<Written, &'static str> {
    match values {
        Values::Boolean(array) => bytes([u8::from(array.value(row))], out),
        Values::Integer(array) => bytes(array.value(row).to_be_bytes(), out),
        Values::BigInt(array) => bytes(array.value(row).to_be_bytes(), out),
        Values::Numeric(array) => numeric(array.value(row), out),
        Values::Double(array) => bytes(array.value(row).to_be_bytes(), out),
        Values::Text(array) => return text(array.value(row), out),
        Values::Timestamp(array) => {
            let time = array.value(row).checked_sub(EPOCH);
            let time = time.filter(|time| TIMES.contains(time));
            let time = time.ok_or("a timestamp that PostgreSQL cannot store")?;
            bytes(time.to_be_bytes(), out);
        }
    }
    Ok(Written::Unchanged)
}

/// A value of fixed size, after its length.
fn bytes<const N: usize>(value: [u8; N], out: &mut Vec<u8>) {
    // No value has more than eight bytes, so only the last byte of the length is not 0.
    out.extend(&(N as u64).to_be_bytes()[4..]);
    out.extend(value);
}

fn text(value: &str, out: &mut Vec<u8>) -> Result<Written, &'static str> {
    let (value, written) = if value.contains('\0') {
        (Cow::Owned(storable(value)), Written::Replaced)
    } else {
        (Cow::Borrowed(value), Written::Unchanged)
    };
    let length = i32::try_from(value.len()).map_err(|_| "a text of more than 2 GiB")?;
    out.extend(length.to_be_bytes());
    out.extend(value.as_bytes());
    Ok(written)
}

/// A number in groups of four decimal digits: how many groups, the weight of the first one, the sign, and the number of
/// decimals.
fn numeric(value: u64, out: &mut Vec<u8>) {
    let mut groups = [0_u16; 5];
    let mut count = 0_u8;
    let mut rest = value;
    while rest > 0 {
        count += 1;
        groups[5 - usize::from(count)] = (rest % 10_000) as u16;
        rest /= 10_000;
    }
    out.extend([0, 0, 0, 8 + 2 * count]);
    out.extend([0, count]);
    out.extend([0, count.saturating_sub(1)]);
    out.extend([0, 0, 0, 0]);
    for group in &groups[5 - usize::from(count)..] {
        out.extend(group.to_be_bytes());
    }
}
