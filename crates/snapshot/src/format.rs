//! The file format of a file sink: the only part in which file sinks differ from each other.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fortilake_sink::{Crawl, RecordBatch, Result, TableSpec};
use serde_json::{Map, Value};

/// A file format, such as Parquet or CSV.
///
/// The methods of its [`Encoder`] run on threads where blocking is allowed.
pub trait Format: Send + Sync + 'static {
    /// Writes one file in this format.
    type Encoder: Encoder;

    /// The name of the sink. The manifest uses it as the name of the format.
    fn name(&self) -> &'static str;

    /// The file extension, without the dot.
    fn extension(&self) -> &'static str;

    /// Facts for the manifest that a reader needs besides the schema, such as whether formulas were prefixed.
    fn notes(&self) -> Map<String, Value>;

    /// Starts the file of a table in the snapshot `name`.
    ///
    /// # Errors
    ///
    /// If the format cannot write a column's type, among other reasons. The error names the table and the column.
    fn encoder(
        &self,
        crawl: &Crawl,
        name: &str,
        table: &TableSpec,
        output: Output,
    ) -> Result<Self::Encoder>;
}

/// Writes the rows of one table into one file.
///
/// The same batches must always produce the same bytes, so that copies of a snapshot can be compared by digest.
pub trait Encoder: Send + Sized + 'static {
    /// Appends rows. They have exactly the columns of the table's schema.
    fn write(&mut self, records: &RecordBatch) -> Result<()>;

    /// Writes buffered rows and the end of the file.
    fn finish(self) -> Result<()>;
}

/// A [`Format`] whose type is not known.
///
/// Publishing is long code. If it were generic, each crate of a file sink would compile its own copy.
pub(crate) trait AnyFormat: Send + Sync {
    fn name(&self) -> &'static str;

    fn extension(&self) -> &'static str;

    fn notes(&self) -> Map<String, Value>;

    fn encoder(
        &self,
        crawl: &Crawl,
        name: &str,
        table: &TableSpec,
        output: Output,
    ) -> Result<Box<dyn AnyEncoder>>;
}

/// An [`Encoder`] whose type is not known.
pub(crate) trait AnyEncoder: Send {
    fn write(&mut self, records: &RecordBatch) -> Result<()>;

    fn finish(self: Box<Self>) -> Result<()>;
}

impl<F: Format> AnyFormat for F {
    fn name(&self) -> &'static str {
        Format::name(self)
    }

    fn extension(&self) -> &'static str {
        Format::extension(self)
    }

    fn notes(&self) -> Map<String, Value> {
        Format::notes(self)
    }

    fn encoder(
        &self,
        crawl: &Crawl,
        name: &str,
        table: &TableSpec,
        output: Output,
    ) -> Result<Box<dyn AnyEncoder>> {
        Ok(Box::new(Format::encoder(self, crawl, name, table, output)?))
    }
}

impl<E: Encoder> AnyEncoder for E {
    fn write(&mut self, records: &RecordBatch) -> Result<()> {
        Encoder::write(self, records)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Encoder::finish(*self)
    }
}

/// The size in bytes of the pieces in which an [`Output`] collects what is written.
///
/// The encoder of a row group can write many megabytes at once. In a single vector they would be moved each time it
/// grows, and glibc keeps memory for later once blocks of such a size were freed.
const PIECE: usize = 256 * 1024;

/// The writer that an [`Encoder`] writes its file to.
///
/// It collects bytes in memory until the encoder returns, and the sink then uploads them. Encoders are synchronous and
/// uploads are not, so this separates the two. It also means that writing never fails, and that an encoder that makes
/// many small writes needs no buffer. The price is one encoded batch in memory.
#[derive(Clone, Debug)]
pub struct Output {
    path: PathBuf,
    written: Arc<Mutex<Written>>,
}

#[derive(Debug, Default)]
struct Written {
    /// Full pieces, and the one that is being filled.
    pieces: Vec<Vec<u8>>,
    bytes: usize,
}

impl Output {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
            written: Arc::default(),
        }
    }

    /// The path of the file in the place, for error messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes what was written so far, in pieces; nothing if there are fewer than `least` bytes.
    pub(crate) fn take(&self, least: usize) -> Vec<Vec<u8>> {
        let mut written = self.written();
        if written.bytes < least {
            return Vec::new();
        }
        std::mem::take(&mut *written).pieces
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        // Appending cannot stop halfway, so the bytes are intact even if another thread panicked with the lock held.
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Output {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let mut written = self.written();
        written.bytes += buffer.len();
        match written.pieces.last_mut() {
            Some(last) if last.len() + buffer.len() <= PIECE => last.extend_from_slice(buffer),
            _ => written.pieces.push(buffer.to_vec()),
        }
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
