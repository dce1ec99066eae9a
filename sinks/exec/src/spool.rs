//! Collects tables in temporary files until they are complete.

use std::fs::File;
use std::io::Seek;
use std::path::PathBuf;
use std::sync::Arc;

use fortilake_sink::{Batch, Context, Error, Kind, Outcome, RecordBatch, Result, TableSpec};

use crate::config::Format;
use crate::encode::{Encoder, Failure};

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
pub(crate) struct Table {
    pub(crate) spec: Arc<TableSpec>,
    /// The file, positioned at its beginning.
    pub(crate) file: File,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

impl Spool {
    /// Begins a file for each table.
    pub(crate) fn open(context: &Context, format: Format, folder: PathBuf) -> Result<Self> {
        let mut spool = Self {
            folder,
            tables: Vec::with_capacity(context.tables.len()),
        };
        for spec in &context.tables {
            let file = tempfile::tempfile_in(&spool.folder)
                .map_err(|error| spool.failed(Failure::Write(error.into()), spec))?;
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
        let records = conform(&table.spec, &batch.records)?;
        if let Err(failure) = table.encoder.write(&records) {
            return Err(self.failed(failure, &batch.table));
        }
        table.rows += records.num_rows() as u64;
        Ok(())
    }

    /// Ends the files, if they hold the rows that the crawl has counted.
    pub(crate) fn finish(mut self, outcome: &Outcome) -> Result<Vec<Table>> {
        self.check_totals(outcome)?;
        let tables = std::mem::take(&mut self.tables).into_iter();
        let tables = tables.map(|table| {
            let close = || {
                let mut file = table.encoder.finish()?;
                let bytes = file.stream_position();
                let bytes = bytes.and_then(|bytes| file.rewind().map(|()| bytes));
                bytes
                    .map(|bytes| (file, bytes))
                    .map_err(|error| Failure::Write(error.into()))
            };
            let (file, bytes) = close().map_err(|failure| self.failed(failure, &table.spec))?;
            Ok(Table {
                spec: table.spec,
                file,
                rows: table.rows,
                bytes,
            })
        });
        tables.collect()
    }

    /// Refuses to hand over other rows than the crawl has counted: a short table must not look whole.
    fn check_totals(&self, outcome: &Outcome) -> Result<()> {
        for total in &outcome.tables {
            let table = self
                .tables
                .iter()
                .find(|table| table.spec.name == total.table);
            let rows = table.map_or(0, |table| table.rows);
            if rows != total.rows {
                let (name, wanted) = (&total.table, total.rows);
                let text =
                    format!("table `{name}` has {rows} rows, and the crawl counted {wanted}");
                return Err(Error::new(Kind::Internal, text));
            }
        }
        Ok(())
    }

    fn failed(&self, failure: Failure, table: &TableSpec) -> Error {
        let name = &table.name;
        match failure {
            Failure::Write(source) => {
                let action = format_args!("write table `{name}` to a temporary file in");
                Error::io(action, &self.folder, source)
            }
            Failure::Rows(error) => {
                let text = format!("cannot write the rows of table `{name}`");
                Error::new(error.kind(), text).with_source(error)
            }
        }
    }
}

/// The records in the very schema that the file was begun with.
fn conform(spec: &TableSpec, records: &RecordBatch) -> Result<RecordBatch> {
    let text = || format!("a batch does not have the columns of table `{}`", spec.name);
    let schema = records.schema();
    let given = schema.fields().iter().map(|field| field.name());
    if !given.eq(spec.schema.fields().iter().map(|field| field.name())) {
        return Err(Error::new(Kind::Internal, text()));
    }
    RecordBatch::try_new(Arc::clone(&spec.schema), records.columns().to_vec())
        .map_err(|error| Error::new(Kind::Internal, text()).with_source(error))
}
