//! The Parquet file of a table: opened in a folder, or downloaded from a bucket to a temporary file.

use std::fs::File;
use std::io::{self, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use bytes::Bytes;
use fortilake_sink::{Error, Kind, Result};
use fortilake_snapshot::{File as Listed, LocalPlace, Reader};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::file::reader::{ChunkReader, Length};
use tokio::runtime::Handle;

/// How many rows are decoded at a time.
const BATCH: usize = 8192;

/// Where the files of a place are.
#[derive(Clone, Debug)]
pub(crate) enum Files {
    /// In a folder.
    Local(LocalPlace),
    /// In a bucket. A file is downloaded as a whole before it is read, because a comparison reads it several times, and
    /// many small requests would take longer. The price is disk space for the tables that are compared.
    Remote {
        reader: Reader,
        /// What runs the requests while a thread waits for a file.
        runtime: Handle,
    },
}

/// A file that can be read by several threads.
#[derive(Clone, Debug)]
pub(crate) struct TableFile {
    path: PathBuf,
    input: Input,
    metadata: ArrowReaderMetadata,
}

impl Files {
    /// Opens a file. Blocks until it is downloaded, so it must not be called by a worker of the runtime.
    pub(crate) fn open_blocking(&self, file: &Listed, scratch: &Path) -> Result<TableFile> {
        match self {
            Self::Local(place) => open(place, file),
            Self::Remote { reader, runtime } => runtime.block_on(download(reader, file, scratch)),
        }
    }

    /// Opens a file.
    pub(crate) async fn open(&self, file: &Listed, scratch: &Path) -> Result<TableFile> {
        match self {
            Self::Local(place) => open(place, file),
            Self::Remote { reader, .. } => download(reader, file, scratch).await,
        }
    }
}

fn open(place: &LocalPlace, file: &Listed) -> Result<TableFile> {
    let path = place.path(&file.path)?;
    let input = File::open(&path).map_err(|error| Error::io("open", &path, error))?;
    TableFile::new(path, input)
}

async fn download(reader: &Reader, file: &Listed, scratch: &Path) -> Result<TableFile> {
    let failed = |error| Error::io("write a temporary file in", scratch, error);
    let mut copy = tempfile::tempfile_in(scratch).map_err(failed)?;
    let mut write = |piece: &[u8]| copy.write_all(piece).map_err(failed);
    reader.read(file, &mut write).await?;
    let path = format!("{}/{}", reader.location(), file.path);
    TableFile::new(path.into(), copy)
}

impl TableFile {
    /// `path` is for messages.
    pub(crate) fn new(path: PathBuf, file: File) -> Result<Self> {
        let input = Input::new(file).map_err(|error| Error::io("read", &path, error))?;
        let metadata = ArrowReaderMetadata::load(&input, ArrowReaderOptions::new())
            .map_err(|error| failed(&path, error))?;
        Ok(Self {
            path,
            input,
            metadata,
        })
    }

    /// The columns.
    pub(crate) fn schema(&self) -> &SchemaRef {
        self.metadata.schema()
    }

    /// The rows, with all columns or those of `columns` that exist.
    pub(crate) fn read(
        &self,
        columns: Option<&[&str]>,
    ) -> Result<impl Iterator<Item = Result<RecordBatch>> + Send + use<>> {
        let metadata = self.metadata.clone();
        let mut builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(self.input.clone(), metadata)
                .with_batch_size(BATCH);
        if let Some(columns) = columns {
            let schema = builder.parquet_schema();
            let mask = ProjectionMask::columns(schema, columns.iter().copied());
            builder = builder.with_projection(mask);
        }
        let batches = builder.build().map_err(|error| failed(&self.path, error))?;
        let path = self.path.clone();
        Ok(batches.map(move |batch| batch.map_err(|error| failed(&path, error))))
    }
}

/// The error for a file that cannot be read. Without an I/O error, the file is not as it was published.
fn failed(path: &Path, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    let error = Error::io("read", path, error);
    if error.kind() != Kind::Internal {
        return error;
    }
    let text = format!("`{}` is damaged", path.display());
    match std::error::Error::source(&error) {
        Some(cause) => Error::new(Kind::Config, text).with_source(cause.to_string()),
        None => Error::new(Kind::Config, text),
    }
}

/// An open file, read at positions.
///
/// The reader of the Parquet library shares one position among all clones of a [`File`], so two threads would read each
/// other's bytes.
#[derive(Clone, Debug)]
struct Input {
    file: Arc<File>,
    length: u64,
}

impl Input {
    fn new(file: File) -> io::Result<Self> {
        Ok(Self {
            length: file.metadata()?.len(),
            file: Arc::new(file),
        })
    }
}

impl Length for Input {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Input {
    type T = BufReader<InputAt>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(BufReader::new(InputAt {
            file: Arc::clone(&self.file),
            at: start,
        }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        let mut bytes = vec![0; length];
        let mut input = InputAt {
            file: Arc::clone(&self.file),
            at: start,
        };
        input.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}

/// An [`Input`] from a position on.
#[derive(Debug)]
struct InputAt {
    file: Arc<File>,
    at: u64,
}

impl Read for InputAt {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        #[cfg(unix)]
        let count = std::os::unix::fs::FileExt::read_at(&*self.file, buffer, self.at)?;
        #[cfg(windows)]
        let count = std::os::windows::fs::FileExt::seek_read(&*self.file, buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}
