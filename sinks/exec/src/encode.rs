//! Encodes rows in the format that the program reads.

use std::fs::File;
use std::io::{BufWriter, Write};

use arrow_ipc::writer::StreamWriter;
use fortilake_sink::{Error, RecordBatch, Result, SchemaRef, json};

use crate::config::Format;

/// Encodes the rows of one table into its file.
pub(crate) enum Encoder {
    Arrow(Box<StreamWriter<BufWriter<File>>>),
    /// Unbuffered, because the lines of a whole batch are written at once.
    Ndjson(File),
}

/// Why rows could not be written.
pub(crate) enum EncodeError {
    /// The file cannot be written.
    Write(Box<dyn std::error::Error + Send + Sync>),
    /// The rows cannot be encoded.
    Rows(Error),
}

impl Encoder {
    pub(crate) fn new(format: Format, schema: &SchemaRef, file: File) -> Result<Self, EncodeError> {
        Ok(match format {
            Format::Ndjson => Self::Ndjson(file),
            Format::Arrow => {
                let writer = StreamWriter::try_new_buffered(file, schema).map_err(write)?;
                Self::Arrow(Box::new(writer))
            }
        })
    }

    pub(crate) fn write(&mut self, records: &RecordBatch) -> Result<(), EncodeError> {
        match self {
            Self::Arrow(writer) => writer.write(records).map_err(write),
            Self::Ndjson(file) => {
                let lines = json::lines(records).map_err(EncodeError::Rows)?;
                file.write_all(&lines).map_err(write)
            }
        }
    }

    /// Writes the rest and returns the file, positioned at its end.
    pub(crate) fn finish(self) -> Result<File, EncodeError> {
        match self {
            Self::Ndjson(file) => Ok(file),
            Self::Arrow(writer) => {
                let buffer = writer.into_inner().map_err(write)?;
                buffer
                    .into_inner()
                    .map_err(|error| write(error.into_error()))
            }
        }
    }
}

fn write(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> EncodeError {
    EncodeError::Write(error.into())
}
