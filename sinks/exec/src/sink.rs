//! The sink itself: its registration, spooling during the crawl, and starting the programs at its end.

use std::sync::Arc;

use async_trait::async_trait;
use fortilake_sink::{
    Batch, Context, Crawl, Delivery, Descriptor, Error, Kind, Options, Outcome, Receipt, Result,
    Sink, inventory,
};
use schemars::schema_for;
use tokio::task::JoinSet;

use crate::config::Config;
use crate::program::Program;
use crate::spool::{Spool, Table};

inventory::submit! {
    Descriptor {
        name: "exec",
        summary: "A program of yours, started for each table when the crawl ends, with the table on its standard input.",
        target: "command",
        delivery: Delivery::AtLeastOnce,
        options: || schema_for!(Config),
        open: |context, options| Box::pin(open(context, options)),
        redeliver: None,
    }
}

async fn open(context: Context, options: Options) -> Result<Box<dyn Sink>> {
    let config: Config = options.parse()?;
    let exec = blocking(move || {
        let (format, concurrency) = (config.format, config.concurrency);
        let folder = config.spool.clone();
        let program = Program::new(config)?;
        let folder = folder.unwrap_or_else(tempfile::env::temp_dir);
        let spool = Spool::open(&context, format, folder)?;
        Ok(Exec {
            crawl: context.crawl,
            program: Arc::new(program),
            concurrency,
            spool: Some(spool),
        })
    });
    Ok(Box::new(exec.await?))
}

struct Exec {
    crawl: Crawl,
    program: Arc<Program>,
    concurrency: usize,
    /// `None` while a blocking task uses it, and forever once a write has failed: the file may then end in the middle
    /// of a batch.
    spool: Option<Spool>,
}

#[async_trait]
impl Sink for Exec {
    async fn write(&mut self, batch: &Batch) -> Result<()> {
        let mut spool = self.spool.take().ok_or_else(spent)?;
        let batch = batch.clone();
        self.spool = Some(blocking(move || spool.write(&batch).map(|()| spool)).await?);
        Ok(())
    }

    async fn finish(mut self: Box<Self>, outcome: &Outcome) -> Result<Receipt> {
        let spool = self.spool.take().ok_or_else(spent)?;
        let counted = outcome.clone();
        let tables = blocking(move || spool.finish(&counted)).await?;
        let receipt = Receipt {
            location: self.program.name().to_owned(),
            rows: tables.iter().map(|table| table.rows).sum(),
            files: tables.len() as u64,
            bytes: tables.iter().map(|table| table.bytes).sum(),
        };
        self.hand_over(tables, outcome).await?;
        Ok(receipt)
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        // The files have no names, so they vanish when they are closed.
        Ok(())
    }
}

impl Exec {
    /// Starts the program for each table, and for no further table once one has failed.
    ///
    /// Programs that run then are waited for: they were given whole tables and may well succeed.
    async fn hand_over(&self, tables: Vec<Table>, outcome: &Outcome) -> Result<()> {
        let mut waiting = tables.into_iter();
        let mut running = JoinSet::new();
        let mut result = Ok(());
        loop {
            while result.is_ok()
                && running.len() < self.concurrency
                && let Some(table) = waiting.next()
            {
                let program = Arc::clone(&self.program);
                let variables = program.variables(&self.crawl, &table, outcome);
                running.spawn(async move { program.run(table, variables).await });
            }
            let Some(ended) = running.join_next().await else {
                return result;
            };
            let ended = ended.unwrap_or_else(|error| {
                let text = "the task of a program stopped";
                Err(Error::new(Kind::Internal, text).with_source(error))
            });
            result = result.and(ended);
        }
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
        Err(Error::new(Kind::Internal, "the writer of temporary files stopped").with_source(error))
    })
}
