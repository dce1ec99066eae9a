//! Collects tables in temporary files until they are complete.

use std::fs::File;
use std::io::Seek;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fortilake_sink::{Batch, Context, Error, Kind, RecordBatch, Result, TableSpec};

use crate::config::Format;
use crate::encode::{EncodeError, Encoder};

#[cfg(test)]
mod tests;

/// All tables of a crawl, each in an unnamed file that the system deletes when it is closed.
pub(crate) struct Spool {
    /// The folder of the files, for errors.
    folder: PathBuf,
    tables: Vec<OpenTable>,
}

struct OpenTable {
    spec: Arc<TableSpec>,
    encoder: Encoder,
    rows: u64,
}

/// A complete table.
#[derive(Debug)]
pub(crate) struct SpooledTable {
    pub(crate) spec: Arc<TableSpec>,
    /// The file, positioned at its beginning.
    pub(crate) file: File,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

impl Spool {
    /// Checks that temporary files can be created in `folder`.
    pub(crate) fn probe(folder: &Path) -> Result<()> {
        let file = tempfile::tempfile_in(folder);
        file.map(drop)
            .map_err(|error| Error::io("write a temporary file in", folder, error))
    }

    /// Creates a file for each table, also for tables that will stay empty.
    pub(crate) fn open(context: &Context, format: Format, folder: PathBuf) -> Result<Self> {
        let mut spool = Self {
            folder,
            tables: Vec::with_capacity(context.tables.len()),
        };
        for spec in &context.tables {
            let file = tempfile::tempfile_in(&spool.folder)
                .map_err(|error| spool.failed(EncodeError::Write(error.into()), spec))?;
            let encoder = Encoder::new(format, &spec.schema, file)
                .map_err(|failure| spool.failed(failure, spec))?;
            spool.tables.push(OpenTable {
                spec: Arc::clone(spec),
                encoder,
                rows: 0,
            });
        }
        Ok(spool)
    }

    pub(crate) fn write(&mut self, batch: &Batch) -> Result<()> {
        let name = batch.table.name.as_str();
        let table = self.tables.iter_mut().find(|table| table.spec.name == name);
        let Some(table) = table else {
            let text = format!("table `{name}` was not announced when the sink was opened");
            return Err(Error::new(Kind::Internal, text));
        };
        let records = with_schema(&table.spec, &batch.records)?;
        if let Err(failure) = table.encoder.write(&records) {
            return Err(self.failed(failure, &batch.table));
        }
        table.rows += records.num_rows() as u64;
        Ok(())
    }

    /// Completes all files and returns the tables in the order of the crawl.
    pub(crate) fn finish(mut self) -> Result<Vec<SpooledTable>> {
        let tables = std::mem::take(&mut self.tables).into_iter();
        let tables = tables.map(|table| {
            let close = || {
                let mut file = table.encoder.finish()?;
                let bytes = file.stream_position();
                let bytes = bytes.and_then(|bytes| file.rewind().map(|()| bytes));
                bytes
                    .map(|bytes| (file, bytes))
                    .map_err(|error| EncodeError::Write(error.into()))
            };
            let (file, bytes) = close().map_err(|failure| self.failed(failure, &table.spec))?;
            Ok(SpooledTable {
                spec: table.spec,
                file,
                rows: table.rows,
                bytes,
            })
        });
        tables.collect()
    }

    fn failed(&self, error: EncodeError, table: &TableSpec) -> Error {
        let name = &table.name;
        match error {
            EncodeError::Write(source) => {
                let action = format_args!("write table `{name}` to a temporary file in");
                Error::io(action, &self.folder, source)
            }
            EncodeError::Rows(error) => {
                let text = format!("cannot write the rows of table `{name}`");
                Error::new(error.kind(), text).with_source(error)
            }
        }
    }
}

/// Gives the records the schema that the file began with, because the batch's own schema may have other metadata. Fails
/// if the columns differ.
fn with_schema(spec: &TableSpec, records: &RecordBatch) -> Result<RecordBatch> {
    RecordBatch::try_new(Arc::clone(&spec.schema), records.columns().to_vec()).map_err(|error| {
        let text = format!("a batch does not have the columns of table `{}`", spec.name);
        Error::new(Kind::Internal, text).with_source(error)
    })
}
