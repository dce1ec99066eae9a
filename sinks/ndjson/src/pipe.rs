//! The sink for standard output.
//!
//! Output to a pipe cannot be undone, so lines are spooled to a file until the crawl has ended successfully. Writing
//! them at once would need no disk space, but a reader would get the rows of crawls that are aborted later.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::path::Path;

use async_trait::async_trait;
use fortilake_sink::{
    Batch, Context, Crawl, Error, Kind, Outcome, Receipt, Result, Sink, Standing, Summary,
    standard_output_is_closed,
};
use serde::Serialize;

use crate::encode::tagged_lines;

#[cfg(test)]
mod tests;

/// The name of the destination in receipts and errors.
const STDOUT: &str = "standard output";

/// How many bytes are copied at once.
const CHUNK: usize = 64 * 1024;

/// The writer that the lines are copied to when the crawl has ended.
pub(crate) type Output = Box<dyn Write + Send>;

/// Checks that standard output is open, and that a spool file can be created.
pub(crate) async fn probe() -> Result<()> {
    check_open()?;
    blocking(|| spool().map(drop)).await
}

/// Opens a sink that writes to standard output.
pub(crate) async fn open_standard_output(context: Context) -> Result<Box<dyn Sink>> {
    check_open()?;
    open(context, Box::new(io::stdout())).await
}

fn check_open() -> Result<()> {
    if standard_output_is_closed() {
        return Err(Error::new(
            Kind::Config,
            "standard output is closed; connect it to a file or a pipe",
        ));
    }
    Ok(())
}

/// Opens a sink that writes all tables of `context` to `output` when it finishes.
pub(crate) async fn open(context: Context, output: Output) -> Result<Box<dyn Sink>> {
    let lines = blocking(move || Lines::open(context.crawl, output)).await?;
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
        "an earlier call of this sink failed or was cancelled",
    )
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| {
        Err(
            Error::new(Kind::Internal, "writing lines panicked or was cancelled")
                .with_source(error),
        )
    })
}

/// The last line. A reader that sees it knows that no line is missing.
#[derive(Serialize)]
struct Last<'a> {
    #[serde(rename = "_outcome")]
    outcome: OutcomeLine<'a>,
}

#[derive(Serialize)]
struct OutcomeLine<'a> {
    crawl_id: &'a str,
    edition: &'a str,
    #[serde(flatten)]
    summary: Summary,
}

/// The blocking part of the sink: an unnamed spool file and the output.
struct Lines {
    crawl: Crawl,
    spool: File,
    output: Output,
}

impl Lines {
    fn open(crawl: Crawl, output: Output) -> Result<Self> {
        Ok(Self {
            crawl,
            spool: spool()?,
            output,
        })
    }

    fn write(&mut self, batch: &Batch) -> Result<()> {
        let lines = tagged_lines(&batch.table.name, &batch.records)?;
        self.spool
            .write_all(&lines)
            .map_err(|error| spool_failed("write", error))
    }

    fn finish(mut self, outcome: &Outcome) -> Result<Receipt> {
        let last = self.last_line(outcome)?;
        self.spool
            .write_all(&last)
            .map_err(|error| spool_failed("write", error))?;
        let mut receipt = Receipt {
            location: STDOUT.to_owned(),
            snapshot: None,
            standing: Standing::Latest,
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
                // The reader may have enough, as `head` has after ten lines, or it may have died. Either way, it
                // does not have the whole snapshot.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                    return Err(Error::new(
                        Kind::Unavailable,
                        "the reader of standard output closed it before the last line was written",
                    ));
                }
                Err(error) => {
                    return Err(Error::io("write to", Path::new(STDOUT), error));
                }
                Ok(()) if count == 0 => {
                    // The last line is not a row.
                    receipt.rows -= 1;
                    return Ok(receipt);
                }
                Ok(()) => {}
            }
            receipt.bytes += count as u64;
            receipt.rows += chunk.split(|byte| *byte == b'\n').count() as u64 - 1;
        }
    }

    fn last_line(&self, outcome: &Outcome) -> Result<Vec<u8>> {
        let last = Last {
            outcome: OutcomeLine {
                crawl_id: &self.crawl.id,
                edition: &self.crawl.edition,
                summary: outcome.summary(),
            },
        };
        let mut line = serde_json::to_vec(&last).map_err(|error| {
            Error::new(Kind::Internal, "cannot encode the outcome").with_source(error)
        })?;
        line.push(b'\n');
        Ok(line)
    }
}

fn spool() -> Result<File> {
    tempfile::tempfile().map_err(|error| spool_failed("create", error))
}

fn spool_failed(action: &str, error: io::Error) -> Error {
    let action = format!("{action} a temporary file in");
    Error::io(action, &tempfile::env::temp_dir(), error)
}
