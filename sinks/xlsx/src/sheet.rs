//! Encodes the rows of one table as a sheet, in a temporary file.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType, UInt64Type};
use arrow_array::{Array, ArrayRef};
use fortilake_sink::issues::Cell;
use fortilake_sink::{DataType, Error, Kind, RecordBatch, Result, TableSpec, TimeUnit};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::cell::{self, CellPosition, append, cut, letters};
use crate::output::Spool;
use crate::xml::{DECLARATION, MAIN};

#[cfg(test)]
mod tests;

/// What the format can hold at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The rows of a sheet, with the header.
    pub(crate) rows: u32,
    /// The columns of a sheet.
    pub(crate) columns: usize,
    /// The bytes of a sheet's XML; more would need ZIP64, which Excel does not read everywhere.
    pub(crate) bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rows: 1_048_576,
            columns: 16_384,
            bytes: u64::from(u32::MAX),
        }
    }
}

/// The longest name of a sheet.
const LONGEST_NAME: usize = 31;

/// The widths that a column can get, in characters.
const WIDTHS: std::ops::RangeInclusive<usize> = 8..=60;

/// The width of a time with its margins.
const TIME_WIDTH: usize = 19;

/// The room for the button of the filter beside the name of a column.
const BUTTON: usize = 3;

/// One sheet, whose rows are compressed as they come.
pub(crate) struct Sheet {
    spec: Arc<TableSpec>,
    limits: Limits,
    columns: Vec<SheetColumn>,
    zip: ZipWriter<Spool>,
    /// XML that is not compressed yet.
    xml: String,
    /// Whether the beginning of the sheet is written. It has the widths of the columns, so it waits for the first rows.
    begun: bool,
    /// The rows, with the header.
    rows: u32,
    bytes: u64,
}

/// A sheet that has all its rows.
pub(crate) struct Finished {
    /// The name.
    pub(crate) name: String,
    /// An archive with the sheet as its only file.
    pub(crate) archive: File,
    /// The cells of the table with the header, such as `$A$1:$C$10`.
    pub(crate) range: String,
}

struct SheetColumn {
    letters: String,
    kind: Type,
    width: usize,
}

/// How to encode the cells of a column.
#[derive(Clone, Copy)]
enum Type {
    Text,
    Boolean,
    Int32,
    Int64,
    UInt64,
    Float64,
    Time,
    UtcTime,
}

impl Sheet {
    /// The sheet of a table without rows, in an unnamed file in `folder`. `number` counts the sheets from 1.
    pub(crate) fn new(
        spec: Arc<TableSpec>,
        number: usize,
        folder: &Path,
        limits: Limits,
    ) -> Result<Self> {
        let columns = columns(&spec, limits)?;
        let failed = |error| Error::io("create a temporary file in", folder, error);
        let file = tempfile::tempfile_in(folder).map_err(failed)?;
        let mut zip = ZipWriter::new(Spool::new(file));
        zip.start_file(path(number), SimpleFileOptions::default())
            .map_err(|error| cannot_write(&spec, std::io::Error::from(error)))?;
        Ok(Self {
            spec,
            limits,
            columns,
            zip,
            xml: String::new(),
            begun: false,
            rows: 1,
            bytes: 0,
        })
    }

    pub(crate) fn spec(&self) -> &Arc<TableSpec> {
        &self.spec
    }

    /// Appends rows, and returns the texts that were cut.
    ///
    /// # Errors
    ///
    /// [`Kind::Rejected`] if the table does not fit into a sheet, and for a timestamp that cannot be written.
    pub(crate) fn write(&mut self, records: &RecordBatch) -> Result<Vec<Cell>> {
        let mut changed = Vec::new();
        for row in 0..records.num_rows() {
            if self.rows == self.limits.rows {
                return Err(self.too_many_rows());
            }
            self.rows += 1;
            append_row(&mut self.xml, self.rows);
            for index in 0..self.columns.len() {
                let array = records.column(index);
                if array.is_null(row) {
                    continue;
                }
                let written = self.cell(array, row, index).ok_or_else(|| {
                    let (column, table) = (records.schema_ref().field(index).name(), &self.spec.name);
                    let text = format!(
                        "a timestamp in column `{column}` of table `{table}` is outside the years 0000 to 9999"
                    );
                    Error::new(Kind::Rejected, text)
                })?;
                if written == Written::Cut {
                    changed.push(Cell { row, column: index });
                }
            }
            self.xml.push_str("</row>");
            // The first rows wait for the widths of the columns.
            if self.begun && self.xml.len() > BUFFER {
                self.flush()?;
            }
        }
        self.begin()?;
        self.flush()?;
        Ok(changed)
    }

    /// Writes the end of the sheet.
    pub(crate) fn finish(mut self) -> Result<Finished> {
        self.begin()?;
        let last = self.columns.last().map_or("A", |column| &*column.letters);
        let (rows, range) = (self.rows, format!("A1:{last}{}", self.rows));
        let name = self.spec.name.clone();
        let finished = Finished {
            name,
            range: format!("$A$1:${last}${rows}"),
            archive: {
                // Without the last element, Excel marks each number that is text, such as a serial.
                append(
                    &mut self.xml,
                    format_args!(
                        "</sheetData><autoFilter ref=\"{range}\"/><ignoredErrors><ignoredError sqref=\"{range}\" \
                     numberStoredAsText=\"1\"/></ignoredErrors></worksheet>"
                    ),
                );
                self.flush()?;
                let spec = self.spec;
                let failed = |error| cannot_write(&spec, error);
                let file = self.zip.finish().map_err(|error| failed(error.into()))?;
                file.into_inner().map_err(failed)?
            },
        };
        Ok(finished)
    }

    /// Writes the beginning of the sheet, if it is not written yet.
    fn begin(&mut self) -> Result<()> {
        if self.begun {
            return Ok(());
        }
        self.begun = true;
        let rows = std::mem::take(&mut self.xml);
        // The header stays visible while the rows move.
        self.xml = format!(
            "{DECLARATION}<worksheet xmlns=\"{MAIN}\"><sheetViews><sheetView workbookViewId=\"0\"><pane ySplit=\"1\" \
             topLeftCell=\"A2\" activePane=\"bottomLeft\" state=\"frozen\"/></sheetView></sheetViews><cols>"
        );
        for (number, column) in (1..).zip(&self.columns) {
            let width = column.width.clamp(*WIDTHS.start(), *WIDTHS.end()) + 1;
            append(
                &mut self.xml,
                format_args!(
                    "<col min=\"{number}\" max=\"{number}\" width=\"{width}\" customWidth=\"1\"/>"
                ),
            );
        }
        self.xml.push_str("</cols><sheetData>");
        append_row(&mut self.xml, 1);
        for (column, field) in self.columns.iter().zip(self.spec.schema.fields()) {
            let place = CellPosition {
                column: &column.letters,
                row: 1,
            };
            cell::header(&mut self.xml, place, field.name());
        }
        self.xml.push_str("</row>");
        self.xml.push_str(&rows);
        self.flush()
    }

    /// Compresses the XML that is waiting.
    fn flush(&mut self) -> Result<()> {
        self.bytes += self.xml.len() as u64;
        if self.bytes > self.limits.bytes {
            return Err(self.does_not_fit(&format!("{} bytes of XML", self.limits.bytes)));
        }
        let written = self.zip.write_all(self.xml.as_bytes());
        self.xml.clear();
        written.map_err(|error| cannot_write(&self.spec, error))
    }

    /// Appends the cell of a value that is not null. Returns `None` for a timestamp that is out of range.
    fn cell(&mut self, array: &ArrayRef, row: usize, index: usize) -> Option<Written> {
        let column = &mut self.columns[index];
        let (xml, before) = (&mut self.xml, column.width);
        let place = CellPosition {
            column: &column.letters,
            row: self.rows,
        };
        let mut written = Written::Whole;
        let width = match column.kind {
            Type::Text => {
                let text = array.as_string::<i32>().value(row);
                let stored = cut(text);
                if stored.len() != text.len() {
                    written = Written::Cut;
                }
                cell::text(xml, place, &stored);
                // Only the beginning matters, because wider columns are not wanted.
                stored.chars().take(*WIDTHS.end()).count()
            }
            Type::Boolean => {
                cell::boolean(xml, place, array.as_boolean().value(row));
                before
            }
            Type::Int32 => {
                let value = array.as_primitive::<Int32Type>().value(row);
                cell::integer(xml, place, value, value.unsigned_abs().into());
                digits(value.unsigned_abs().into())
            }
            Type::Int64 => {
                let value = array.as_primitive::<Int64Type>().value(row);
                cell::integer(xml, place, value, value.unsigned_abs());
                digits(value.unsigned_abs())
            }
            Type::UInt64 => {
                let value = array.as_primitive::<UInt64Type>().value(row);
                cell::integer(xml, place, value, value);
                digits(value)
            }
            Type::Float64 => {
                cell::float(xml, place, array.as_primitive::<Float64Type>().value(row));
                before
            }
            Type::Time => {
                let times = array.as_primitive::<TimestampMicrosecondType>();
                cell::time(xml, place, times.value(row))?;
                TIME_WIDTH
            }
            Type::UtcTime => {
                let times = array.as_primitive::<TimestampMicrosecondType>();
                cell::time_as_text(xml, place, times.value(row), "Z")?;
                TIME_WIDTH + 1
            }
        };
        column.width = before.max(width);
        Some(written)
    }

    fn too_many_rows(&self) -> Error {
        let rows = self.limits.rows - 1;
        self.does_not_fit(&format!("{rows} rows below its header"))
    }

    fn does_not_fit(&self, limit: &str) -> Error {
        does_not_fit(&self.spec.name, limit)
    }
}

/// The number of bytes to collect before they are compressed.
const BUFFER: usize = 64 * 1024;

/// Whether a value is in the sheet as it was.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    Whole,
    Cut,
}

/// The path of a sheet in the workbook.
pub(crate) fn path(number: usize) -> String {
    format!("xl/worksheets/sheet{number}.xml")
}

fn columns(spec: &TableSpec, limits: Limits) -> Result<Vec<SheetColumn>> {
    let table = &spec.name;
    if table.chars().count() > LONGEST_NAME {
        let text = format!(
            "table `{table}` cannot be a sheet, because its name has more than {LONGEST_NAME} characters; choose \
             other tables with option `tables`"
        );
        return Err(Error::new(Kind::Config, text));
    }
    let fields = spec.schema.fields();
    if fields.len() > limits.columns {
        return Err(does_not_fit(table, &format!("{} columns", limits.columns)));
    }
    let column = |(index, field): (usize, &fortilake_sink::FieldRef)| {
        let (name, data_type) = (field.name(), field.data_type());
        let kind = Type::of(data_type).ok_or_else(|| {
            let text = format!(
                "column `{name}` of table `{table}` has the type `{data_type}`, which a workbook cannot represent"
            );
            Error::new(Kind::Internal, text)
        })?;
        Ok(SheetColumn {
            letters: letters(index),
            kind,
            width: name.chars().count() + BUTTON,
        })
    };
    fields.iter().enumerate().map(column).collect()
}

impl Type {
    fn of(data_type: &DataType) -> Option<Self> {
        Some(match data_type {
            DataType::Utf8 => Self::Text,
            DataType::Boolean => Self::Boolean,
            DataType::Int32 => Self::Int32,
            DataType::Int64 => Self::Int64,
            DataType::UInt64 => Self::UInt64,
            DataType::Float64 => Self::Float64,
            DataType::Timestamp(TimeUnit::Microsecond, None) => Self::Time,
            DataType::Timestamp(TimeUnit::Microsecond, Some(zone))
                if matches!(&**zone, "UTC" | "Z" | "+00:00") =>
            {
                Self::UtcTime
            }
            _ => return None,
        })
    }
}

fn append_row(xml: &mut String, number: u32) {
    append(xml, format_args!("<row r=\"{number}\">"));
}

fn digits(value: u64) -> usize {
    value
        .checked_ilog10()
        .map_or(1, |digits| digits as usize + 1)
}

fn does_not_fit(table: &str, limit: &str) -> Error {
    let text = format!(
        "table `{table}` does not fit into a sheet, which can have {limit}; choose other tables or columns with the \
         options `tables` and `columns`, or use the sink `csv` or `parquet`"
    );
    Error::new(Kind::Rejected, text)
}

fn cannot_write(spec: &TableSpec, error: std::io::Error) -> Error {
    let sheet = Path::new(&spec.name);
    Error::io("write the temporary file of the sheet", sheet, error)
}
