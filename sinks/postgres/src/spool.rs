//! Collects rows in temporary files until the crawl ends.

use std::fs::File;
use std::io::{BufWriter, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fortilake_sink::issues::Cell;
use fortilake_sink::{Error, Kind, RecordBatch, Result, ScopeId, TableSpec};

use crate::encode;
use crate::types::Type;

/// The size of the buffer of each file.
const BUFFER: usize = 64 << 10;

/// All tables of a crawl, each in an unnamed file that the system deletes when it is closed.
pub(crate) struct Spool {
    /// The folder of the files, for errors.
    folder: PathBuf,
    tables: Vec<OpenTable>,
    /// Rows of the current batch. Kept, so that its memory is reused.
    rows: Vec<u8>,
}

struct OpenTable {
    spec: Arc<TableSpec>,
    types: Vec<Type>,
    /// `None` until the first row. A crawl has tables that stay empty, and each file is a file descriptor.
    file: Option<BufWriter<File>>,
    rows: u64,
}

/// A table with all its rows.
pub(crate) struct SpooledTable {
    pub(crate) spec: Arc<TableSpec>,
    pub(crate) types: Vec<Type>,
    /// The rows in the binary format of `COPY`, positioned at the beginning; `None` without rows.
    pub(crate) file: Option<File>,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

impl Spool {
    /// Checks that temporary files can be created in `folder`.
    pub(crate) fn probe(folder: &Path) -> Result<()> {
        create(folder).map(drop)
    }

    pub(crate) fn new(folder: PathBuf, tables: Vec<(Arc<TableSpec>, Vec<Type>)>) -> Self {
        let tables = tables.into_iter().map(|(spec, types)| OpenTable {
            spec,
            types,
            file: None,
            rows: 0,
        });
        Self {
            folder,
            tables: tables.collect(),
            rows: Vec::new(),
        }
    }

    /// The table called `name`, if the crawl has it.
    pub(crate) fn spec(&self, name: &str) -> Option<Arc<TableSpec>> {
        let found = self.tables.iter().find(|table| table.spec.name == name);
        found.map(|table| Arc::clone(&table.spec))
    }

    /// Appends rows of one scope, and returns the texts that were changed.
    pub(crate) fn write(
        &mut self,
        table: &str,
        scope: &ScopeId,
        records: &RecordBatch,
    ) -> Result<Vec<Cell>> {
        let found = self.tables.iter_mut().find(|open| open.spec.name == table);
        let open = found.ok_or_else(|| {
            let text = format!("table `{table}` was not announced when the sink was opened");
            Error::new(Kind::Internal, text)
        })?;
        self.rows.clear();
        let replaced =
            encode::rows(records, &open.types, &scope.text(), &mut self.rows).map_err(|error| {
                let text = format!("cannot write the rows of table `{table}`");
                Error::new(error.kind(), text).with_source(error)
            })?;
        // After an error, the file ends in the middle of a row, so it is only put back after success.
        let mut file = if let Some(file) = open.file.take() {
            file
        } else {
            let mut file = BufWriter::with_capacity(BUFFER, create(&self.folder)?);
            file.write_all(&encode::HEADER)
                .map_err(|error| failed(&self.folder, error))?;
            file
        };
        file.write_all(&self.rows)
            .map_err(|error| failed(&self.folder, error))?;
        open.file = Some(file);
        open.rows += records.num_rows() as u64;
        Ok(replaced)
    }

    /// Completes all files and returns the tables in the order of the crawl.
    pub(crate) fn finish(self) -> Result<Vec<SpooledTable>> {
        let folder = self.folder;
        let tables = self.tables.into_iter().map(|open| {
            let mut bytes = 0;
            let file = open.file.map(|file| {
                let file = complete(file).map_err(|error| failed(&folder, error));
                file.map(|(file, length)| {
                    bytes = length;
                    file
                })
            });
            Ok(SpooledTable {
                file: file.transpose()?,
                spec: open.spec,
                types: open.types,
                rows: open.rows,
                bytes,
            })
        });
        tables.collect()
    }
}

fn create(folder: &Path) -> Result<File> {
    tempfile::tempfile_in(folder)
        .map_err(|error| Error::io("create a temporary file in", folder, error))
}

fn complete(mut file: BufWriter<File>) -> std::io::Result<(File, u64)> {
    file.write_all(&encode::TRAILER)?;
    let mut file = file
        .into_inner()
        .map_err(std::io::IntoInnerError::into_error)?;
    let bytes = file.stream_position()?;
    file.rewind()?;
    Ok((file, bytes))
}

fn failed(folder: &Path, error: std::io::Error) -> Error {
    Error::io("write a temporary file in", folder, error)
}
