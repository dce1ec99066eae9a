//! Rows as JSON, encoded in the same way for every sink.
//!
//! | value | JSON |
//! | --- | --- |
//! | null | `null`; the member is always present |
//! | text | a string, even if it contains JSON as in `_extra` |
//! | true, 7, 0.5 | `true`, `7`, `0.5` |
//! | wall-clock timestamp | `"2026-09-01T12:00:00"`, with six decimals if it has a fraction |
//! | timestamp in UTC | `"2026-09-01T12:00:00Z"` |
//!
//! Members are in the order of the columns, and the same rows always produce the same bytes.
//! Integers are written with all digits; a reader that parses numbers as floats loses precision above 2^53.
//! NaN and infinity do not exist in JSON and become `null`.

use std::io::Write;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, RecordBatch, TimestampMicrosecondArray, temporal_conversions};
use arrow_json::writer::{JsonArray, JsonFormat, LineDelimited, WriterBuilder};
use arrow_json::{Encoder, EncoderFactory, EncoderOptions, writer::NullableEncoder};
use arrow_schema::{ArrowError, DataType, FieldRef, TimeUnit};

use crate::{Error, Kind, Result};

#[cfg(test)]
mod tests;

/// The supported timestamps, in microseconds of Unix time: the years 0000 to 9999, which have four digits.
const TIMES: std::ops::RangeInclusive<i64> = -62_167_219_200_000_000..=253_402_300_799_999_999;

/// Encodes one object per row, each on its own line; empty for no rows.
///
/// Line breaks in text are escaped, so the result can be split into rows at its line feeds.
///
/// # Errors
///
/// [`Kind::Rejected`] for a timestamp outside the years 0000 to 9999,
/// and [`Kind::Internal`] for a column type that JSON cannot represent.
pub fn lines(records: &RecordBatch) -> Result<Vec<u8>> {
    encode::<LineDelimited>(records)
}

/// Encodes one array with an object per row; `[]` for no rows.
///
/// # Errors
///
/// As [`lines`].
pub fn array(records: &RecordBatch) -> Result<Vec<u8>> {
    encode::<JsonArray>(records)
}

fn encode<F: JsonFormat>(records: &RecordBatch) -> Result<Vec<u8>> {
    check_times(records)?;
    // Write nulls explicitly. Without them output would be smaller, but a program that infers columns from the first
    // rows would miss a column that is null in all of them.
    let mut writer = WriterBuilder::new()
        .with_explicit_nulls(true)
        .with_encoder_factory(Arc::new(Times))
        .build::<_, F>(Vec::new());
    let written = writer.write(records).and_then(|()| writer.finish());
    written.map_err(|error| {
        Error::new(Kind::Internal, "cannot write the rows as JSON").with_source(error)
    })?;
    Ok(writer.into_inner())
}

/// Refuses timestamps out of range before encoding, because [`TimeEncoder`] cannot return an error.
fn check_times(records: &RecordBatch) -> Result<()> {
    let schema = records.schema_ref();
    for (field, column) in schema.fields().iter().zip(records.columns()) {
        let Some(times) = column.as_primitive_opt::<TimestampMicrosecondType>() else {
            continue;
        };
        if times.iter().flatten().any(|time| !TIMES.contains(&time)) {
            let text = format!(
                "a timestamp in column `{}` is outside the years 0000 to 9999",
                field.name()
            );
            return Err(Error::new(Kind::Rejected, text));
        }
    }
    Ok(())
}

/// Writes timestamps with no decimals or six. The library's own encoder also writes three.
#[derive(Debug)]
struct Times;

impl EncoderFactory for Times {
    fn make_default_encoder<'a>(
        &self,
        _field: &'a FieldRef,
        array: &'a dyn Array,
        _options: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        let suffix = match array.data_type() {
            DataType::Timestamp(TimeUnit::Microsecond, None) => "",
            DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if is_utc(zone) => "Z",
            _ => return Ok(None),
        };
        let times = array.as_primitive();
        let nulls = times.nulls().cloned();
        let encoder = TimeEncoder { times, suffix };
        Ok(Some(NullableEncoder::new(Box::new(encoder), nulls)))
    }
}

struct TimeEncoder<'a> {
    times: &'a TimestampMicrosecondArray,
    suffix: &'static str,
}

impl Encoder for TimeEncoder<'_> {
    fn encode(&mut self, index: usize, out: &mut Vec<u8>) {
        let microseconds = self.times.value(index);
        // `check_times` has checked the range, and writing to memory cannot fail.
        let Some(time) = temporal_conversions::timestamp_us_to_datetime(microseconds) else {
            return;
        };
        let _ = if microseconds.rem_euclid(1_000_000) == 0 {
            // `Debug` has this form too, and is several times as fast. Nearly all times are whole seconds.
            write!(out, "\"{time:?}{}\"", self.suffix)
        } else {
            let time = time.format("%Y-%m-%dT%H:%M:%S%.6f");
            write!(out, "\"{time}{}\"", self.suffix)
        };
    }
}

fn is_utc(zone: &str) -> bool {
    matches!(zone, "UTC" | "Z" | "+00:00")
}
