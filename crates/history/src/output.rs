//! Writes rows as JSON, NDJSON, CSV or Parquet.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use fortilake_sink::{Error, Kind, Result, json};
use parquet::arrow::ArrowWriter;
use serde_json::{Map, Value};

/// A format for rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowFormat {
    /// One JSON list of objects.
    Json,
    /// One JSON object per line.
    Ndjson,
    /// CSV with a header. Text that a spreadsheet would run as a formula gets a `'` in front.
    Csv,
    /// Parquet.
    Parquet,
}

/// Writes batches of rows in one format.
///
/// CSV and Parquet have one list of columns, so all batches must have the schema that the writer was created with. The
/// other formats accept any columns.
pub struct RowWriter<'a> {
    target: FormatWriter<'a>,
    rows: u64,
}

type Boxed<'a> = Box<dyn Write + Send + 'a>;

enum FormatWriter<'a> {
    Json(Boxed<'a>),
    Ndjson(Boxed<'a>),
    Csv(Box<csv::Writer<Boxed<'a>>>, SchemaRef),
    Parquet(Box<ArrowWriter<Boxed<'a>>>),
}

impl<'a> RowWriter<'a> {
    /// A writer of rows with these columns.
    pub fn new(
        format: RowFormat,
        schema: &SchemaRef,
        output: impl Write + Send + 'a,
    ) -> Result<Self> {
        let output: Boxed<'a> = Box::new(BufWriter::new(output));
        let target = match format {
            RowFormat::Json => FormatWriter::Json(output),
            RowFormat::Ndjson => FormatWriter::Ndjson(output),
            RowFormat::Csv => {
                let mut writer = csv::Writer::from_writer(output);
                let names = schema.fields().iter().map(|field| field.name());
                writer.write_record(names).map_err(failed)?;
                FormatWriter::Csv(Box::new(writer), SchemaRef::clone(schema))
            }
            RowFormat::Parquet => {
                let writer = ArrowWriter::try_new(output, SchemaRef::clone(schema), None);
                FormatWriter::Parquet(Box::new(writer.map_err(failed)?))
            }
        };
        Ok(Self { target, rows: 0 })
    }

    /// Appends rows.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        match &mut self.target {
            FormatWriter::Parquet(writer) => writer.write(batch).map_err(failed)?,
            FormatWriter::Ndjson(output) => {
                output.write_all(&json::lines(batch)?).map_err(failed)?;
            }
            FormatWriter::Json(output) => {
                let lines = json::lines(batch)?;
                for line in lines
                    .split(|byte| *byte == b'\n')
                    .filter(|line| !line.is_empty())
                {
                    let lead: &[u8] = if self.rows == 0 { b"[\n" } else { b",\n" };
                    output.write_all(lead).map_err(failed)?;
                    output.write_all(line).map_err(failed)?;
                    self.rows += 1;
                }
            }
            FormatWriter::Csv(writer, schema) => {
                for row in objects(batch)? {
                    let cells = schema
                        .fields()
                        .iter()
                        .map(|field| row.get(field.name()).map(cell).unwrap_or_default());
                    writer.write_record(cells).map_err(failed)?;
                }
            }
        }
        Ok(())
    }

    /// Writes what is left. Without rows, JSON is an empty list, and CSV a header.
    pub fn finish(self) -> Result<()> {
        match self.target {
            FormatWriter::Json(mut output) => {
                let end: &[u8] = if self.rows == 0 { b"[]\n" } else { b"\n]\n" };
                output.write_all(end).map_err(failed)?;
                output.flush().map_err(failed)
            }
            FormatWriter::Ndjson(mut output) => output.flush().map_err(failed),
            FormatWriter::Csv(mut writer, _) => writer.flush().map_err(failed),
            FormatWriter::Parquet(writer) => {
                let mut output = writer.into_inner().map_err(failed)?;
                output.flush().map_err(failed)
            }
        }
    }
}

/// The rows of a batch as JSON objects.
pub(crate) fn objects(batch: &RecordBatch) -> Result<Vec<Map<String, Value>>> {
    serde_json::from_slice(&json::array(batch)?).map_err(failed)
}

/// A value as plain text; empty for null. The items of a list are separated by commas.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// A value as a cell of a CSV file. A spreadsheet must not run text as a formula, and a negative number is none.
fn cell(value: &Value) -> String {
    match value {
        Value::String(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) => {
            format!("'{text}")
        }
        value => text(value),
    }
}

/// Writes a file that appears whole or not at all.
///
/// What is not a regular file, such as `/dev/stdout` or a pipe, is written to directly: a rename would replace the device
/// by a file. A link keeps pointing to the file, which is replaced.
///
/// # Errors
///
/// Those of `write`, and those of creating the file.
pub fn write_file(path: &Path, write: impl FnOnce(&mut File) -> Result<()>) -> Result<()> {
    let failed = |error: io::Error| Error::io("write", path, error);
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        let mut file = File::options().write(true).open(path).map_err(failed)?;
        return write(&mut file);
    }
    let target = fs::canonicalize(path);
    let target = target.as_deref().unwrap_or(path);
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // If the folder is missing, the error below says so less well: it has only a kind, because its
    // text would name the temporary file.
    fs::metadata(folder).map_err(failed)?;
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // As for any new file, the umask decides who may read it.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let file = builder.tempfile_in(folder);
    let mut file = file.map_err(|error| failed(error.kind().into()))?;
    write(file.as_file_mut())?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(target).map_err(|error| failed(error.error))?;
    Ok(())
}

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(Kind::Unavailable, "cannot write the rows").with_source(error)
}
