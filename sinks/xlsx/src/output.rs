//! A file that keeps quiet after an error.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};

/// A buffered file that takes everything, and discards it, after an error.
///
/// A `ZipWriter` writes the end of its archive when it is dropped, and prints an error if that fails. The first error
/// has been returned by then, and only the program prints.
pub(crate) struct Output<F: Write> {
    file: BufWriter<F>,
    failed: bool,
}

impl<F: Write> Output<F> {
    pub(crate) fn new(file: F) -> Self {
        Self {
            file: BufWriter::new(file),
            failed: false,
        }
    }

    /// The file, with all that was written.
    pub(crate) fn into_inner(self) -> io::Result<F> {
        self.file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)
    }

    fn unless_failed<T>(
        &mut self,
        otherwise: T,
        work: impl FnOnce(&mut BufWriter<F>) -> io::Result<T>,
    ) -> io::Result<T> {
        if self.failed {
            return Ok(otherwise);
        }
        let done = work(&mut self.file);
        self.failed = done.is_err();
        done
    }
}

impl<F: Write> Write for Output<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.unless_failed(bytes.len(), |file| file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.unless_failed((), BufWriter::flush)
    }
}

impl<F: Write + Seek> Seek for Output<F> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.unless_failed(0, |file| file.seek(position))
    }
}

/// A file that is written as a whole before it is read.
pub(crate) type Spool = Output<File>;
