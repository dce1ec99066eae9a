//! Encodes rows as CSV lines.

use std::io::Write;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType, UInt64Type};
use arrow_array::{Array, ArrayRef};
use fortilake_sink::{DataType, Error, Kind, RecordBatch, Result, TableSpec, TimeUnit};
use fortilake_snapshot::{Encoder, Output};

use crate::cell;
use crate::dialect::Dialect;

#[cfg(test)]
mod tests;

/// The number of bytes to collect before they are written.
const BUFFER: usize = 64 * 1024;

pub(crate) struct CsvEncoder {
    lines: Lines,
    buffer: Vec<u8>,
    output: Output,
}

impl CsvEncoder {
    pub(crate) fn new(table: &TableSpec, dialect: Dialect, output: Output) -> Result<Self> {
        let lines = Lines::new(table, dialect)?;
        let mut buffer = Vec::with_capacity(BUFFER);
        if dialect.has_mark {
            buffer.extend_from_slice("\u{feff}".as_bytes());
        }
        lines.header(table, &mut buffer);
        Ok(Self {
            lines,
            buffer,
            output,
        })
    }

    fn flush(&mut self) -> Result<()> {
        let written = self.output.write_all(&self.buffer);
        self.buffer.clear();
        written.map_err(|error| Error::io("write", self.output.path(), error))
    }
}

impl Encoder for CsvEncoder {
    fn write(&mut self, records: &RecordBatch) -> Result<()> {
        for row in 0..records.num_rows() {
            self.lines.append(records, row, &mut self.buffer)?;
            if self.buffer.len() >= BUFFER {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        self.flush()
    }
}

/// Encodes the rows of one table.
struct Lines {
    table: String,
    columns: Vec<CellType>,
    dialect: Dialect,
}

/// How to encode the cells of a column, by its type.
#[derive(Clone, Copy)]
enum CellType {
    Text,
    Boolean,
    Int32,
    Int64,
    UInt64,
    Float64,
    /// A timestamp and its suffix: `Z` for UTC, empty for a wall clock.
    Timestamp(&'static str),
}

impl Lines {
    fn new(table: &TableSpec, dialect: Dialect) -> Result<Self> {
        let columns = table.schema.fields().iter().map(|field| {
            CellType::of(field.data_type()).ok_or_else(|| {
                let (column, table, kind) = (field.name(), &table.name, field.data_type());
                let text = format!(
                    "column `{column}` of table `{table}` has the type `{kind}`, which CSV cannot represent"
                );
                Error::new(Kind::Internal, text)
            })
        });
        Ok(Self {
            table: table.name.clone(),
            columns: columns.collect::<Result<_>>()?,
            dialect,
        })
    }

    fn header(&self, table: &TableSpec, lines: &mut Vec<u8>) {
        for (index, field) in table.schema.fields().iter().enumerate() {
            if index > 0 {
                lines.push(self.dialect.delimiter.byte());
            }
            cell::text(lines, field.name(), self.dialect);
        }
        lines.extend_from_slice(self.dialect.newlines.bytes());
    }

    fn append(&self, records: &RecordBatch, row: usize, lines: &mut Vec<u8>) -> Result<()> {
        for (index, (column, array)) in self.columns.iter().zip(records.columns()).enumerate() {
            if index > 0 {
                lines.push(self.dialect.delimiter.byte());
            }
            if array.is_null(row) {
                continue;
            }
            column
                .append(array, row, self.dialect, lines)
                .ok_or_else(|| {
                    let (column, table) = (records.schema_ref().field(index).name(), &self.table);
                    let text = format!(
                        "a timestamp in column `{column}` of table `{table}` is outside the years 0000 to 9999"
                    );
                    Error::new(Kind::Rejected, text)
                })?;
        }
        // Most readers skip empty lines, and would lose this row. So write an empty text instead of a null.
        if self.columns.len() == 1 && records.column(0).is_null(row) {
            lines.extend_from_slice(b"\"\"");
        }
        lines.extend_from_slice(self.dialect.newlines.bytes());
        Ok(())
    }
}

impl CellType {
    fn of(data_type: &DataType) -> Option<Self> {
        Some(match data_type {
            DataType::Utf8 => Self::Text,
            DataType::Boolean => Self::Boolean,
            DataType::Int32 => Self::Int32,
            DataType::Int64 => Self::Int64,
            DataType::UInt64 => Self::UInt64,
            DataType::Float64 => Self::Float64,
            DataType::Timestamp(TimeUnit::Microsecond, None) => Self::Timestamp(""),
            DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if is_utc(zone) => {
                Self::Timestamp("Z")
            }
            _ => return None,
        })
    }

    /// Appends the cell of a value that is not null. Returns `None` for a timestamp that is out of range.
    fn append(
        self,
        array: &ArrayRef,
        row: usize,
        dialect: Dialect,
        line: &mut Vec<u8>,
    ) -> Option<()> {
        match self {
            Self::Text => cell::text(line, array.as_string::<i32>().value(row), dialect),
            Self::Boolean => cell::plain(line, array.as_boolean().value(row)),
            Self::Int32 => cell::plain(line, array.as_primitive::<Int32Type>().value(row)),
            Self::Int64 => cell::plain(line, array.as_primitive::<Int64Type>().value(row)),
            Self::UInt64 => cell::plain(line, array.as_primitive::<UInt64Type>().value(row)),
            Self::Float64 => cell::float(line, array.as_primitive::<Float64Type>().value(row)),
            Self::Timestamp(suffix) => {
                let times = array.as_primitive::<TimestampMicrosecondType>();
                return cell::timestamp(line, times.value(row), suffix, dialect.dates);
            }
        }
        Some(())
    }
}

fn is_utc(zone: &str) -> bool {
    matches!(zone, "UTC" | "Z" | "+00:00")
}
