//! The part in which one file sink differs from another.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::{Crawl, Error, RecordBatch, Result, TableSpec};

/// A file format.
///
/// Its methods and those of its [`Encoder`] run on threads that may block.
pub trait Format: Send + 'static {
    /// What writes one file.
    type Encoder: Encoder;

    /// The name of the sink, which is also the format's name in the manifest.
    fn name(&self) -> &'static str;

    /// What file names end with, without a dot.
    fn extension(&self) -> &'static str;

    /// What a reader of the files must know beside their schema; it goes into the manifest.
    fn notes(&self) -> Map<String, Value>;

    /// Begins the file of a table.
    ///
    /// # Errors
    ///
    /// Among others if a column's type cannot be written; the error names table and column.
    fn encoder(&self, crawl: &Crawl, table: &TableSpec, output: Output) -> Result<Self::Encoder>;
}

/// Writes the rows of one table into one file.
///
/// The same batches must always give the same bytes.
pub trait Encoder: Send + Sized + 'static {
    /// Appends rows, which have the columns of the table's schema.
    fn write(&mut self, records: &RecordBatch) -> Result<()>;

    /// Writes what is left and hands the file back.
    fn finish(self) -> Result<Output>;
}

/// A file in the staging folder, counted and digested as it is written.
#[derive(Debug)]
pub struct Output {
    path: PathBuf,
    file: BufWriter<File>,
    digest: Sha256,
    bytes: u64,
}

/// What is known of a file when it is whole.
pub(super) struct Written {
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

impl Output {
    pub(super) fn create(path: PathBuf) -> Result<Self> {
        let file = File::create_new(&path).map_err(|error| Error::io("create", &path, error))?;
        Ok(Self {
            path,
            file: BufWriter::new(file),
            digest: Sha256::new(),
            bytes: 0,
        })
    }

    /// Where the file is being written, for errors.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn close(mut self) -> Result<Written> {
        self.file
            .flush()
            .and_then(|()| self.file.get_ref().sync_all())
            .map_err(|error| Error::io("write", &self.path, error))?;
        Ok(Written {
            bytes: self.bytes,
            sha256: format!("{:x}", self.digest.finalize()),
        })
    }
}

impl Write for Output {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.file.write(buffer)?;
        self.digest.update(&buffer[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
