//! The sink for standard output.
//!
//! Output to a pipe cannot be undone, so lines are spooled to a file until the crawl has ended successfully. Writing
//! them at once would need no disk space, but a reader would get the rows of crawls that are aborted later.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::path::Path;

use async_trait::async_trait;
use fortilake_sink::{Batch, Context, Error, Kind, Outcome, Receipt, Result, Sink};

use crate::encode::tagged_lines;

#[cfg(test)]
mod tests;

/// The name of the destination in receipts and errors.
const STDOUT: &str = "standard output";

/// How many bytes are copied at once.
const CHUNK: usize = 64 * 1024;

/// The writer that the lines are copied to when the crawl has ended.
pub(crate) type Output = Box<dyn Write + Send>;

/// Opens a sink that writes all tables of `context` to `output` when it finishes.
pub(crate) async fn open(context: Context, output: Output) -> Result<Box<dyn Sink>> {
    let lines = blocking(move || Lines::open(&context, output)).await?;
    Ok(Box::new(Pipe { lines: Some(lines) }))
}

struct Pipe {
    /// `None` after a call failed or was dropped: the spool may end with part of a batch.
    lines: Option<Lines>,
}

#[async_trait]
impl Sink for Pipe {
    async fn write(&mut self, batch: &Batch) -> Result<()> {
        let mut lines = self.lines.take().ok_or_else(spent)?;
        let batch = batch.clone();
        self.lines = Some(blocking(move || lines.write(&batch).map(|()| lines)).await?);
        Ok(())
    }

    async fn finish(self: Box<Self>, outcome: &Outcome) -> Result<Receipt> {
        let lines = self.lines.ok_or_else(spent)?;
        let outcome = outcome.clone();
        blocking(move || lines.finish(&outcome)).await
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        // The spool file has no name, so closing it removes it.
        Ok(())
    }
}

fn spent() -> Error {
    Error::new(
        Kind::Internal,
        "an earlier call of this sink did not end well",
    )
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| {
        Err(Error::new(Kind::Internal, "the writer of lines stopped").with_source(error))
    })
}

/// The blocking half: lines in a file without a name, and how many there are of each table.
struct Lines {
    spool: File,
    rows: BTreeMap<String, u64>,
    output: Output,
}

impl Lines {
    fn open(context: &Context, output: Output) -> Result<Self> {
        let names = context.tables.iter().map(|table| table.name.clone());
        Ok(Self {
            spool: tempfile::tempfile().map_err(|error| spool_failed("create", error))?,
            rows: names.map(|name| (name, 0)).collect(),
            output,
        })
    }

    fn write(&mut self, batch: &Batch) -> Result<()> {
        let name = batch.table.name.as_str();
        let Some(rows) = self.rows.get_mut(name) else {
            let text = format!("table `{name}` was not announced when the sink was opened");
            return Err(Error::new(Kind::Internal, text));
        };
        let lines = tagged_lines(name, &batch.records)?;
        self.spool
            .write_all(&lines)
            .map_err(|error| spool_failed("write", error))?;
        *rows += batch.records.num_rows() as u64;
        Ok(())
    }

    fn finish(mut self, outcome: &Outcome) -> Result<Receipt> {
        self.check_totals(outcome)?;
        let mut receipt = Receipt {
            location: STDOUT.to_owned(),
            rows: 0,
            files: 1,
            bytes: 0,
        };
        self.spool
            .rewind()
            .map_err(|error| spool_failed("read", error))?;
        let mut chunk = vec![0; CHUNK];
        loop {
            let count = self
                .spool
                .read(&mut chunk)
                .map_err(|error| spool_failed("read", error))?;
            let chunk = &chunk[..count];
            let written = self
                .output
                .write_all(chunk)
                .and_then(|()| self.output.flush());
            match written {
                // The reader closed the pipe because it has enough, as `head` does after ten lines.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(receipt),
                Err(error) => {
                    return Err(Error::io("write to", Path::new(STDOUT), error));
                }
                Ok(()) if count == 0 => return Ok(receipt),
                Ok(()) => {}
            }
            receipt.bytes += count as u64;
            receipt.rows += chunk.split(|byte| *byte == b'\n').count() as u64 - 1;
        }
    }

    /// Refuses to write other rows than the crawl has counted: a short table must not look whole.
    fn check_totals(&self, outcome: &Outcome) -> Result<()> {
        for total in &outcome.tables {
            let rows = self.rows.get(&total.table).copied().unwrap_or_default();
            if rows != total.rows {
                let (name, wanted) = (&total.table, total.rows);
                let text =
                    format!("table `{name}` has {rows} rows, and the crawl counted {wanted}");
                return Err(Error::new(Kind::Internal, text));
            }
        }
        Ok(())
    }
}

fn spool_failed(action: &str, error: io::Error) -> Error {
    let action = format!("{action} a temporary file in");
    Error::io(action, &tempfile::env::temp_dir(), error)
}
