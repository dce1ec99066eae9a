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
use crate::progress::Progress;
use crate::spool::{Spool, SpooledTable};

inventory::submit! {
    Descriptor {
        name: "exec",
        summary: "Your own program, started for each table when the crawl ends, with the table on its standard input.",
        target: "command",
        delivery: |_| Ok(Delivery::AtLeastOnce),
        options: || schema_for!(Config),
        open: |context, options| Box::pin(open(context, options)),
        probe: |options| Box::pin(probe(options)),
        // There is nothing to clean up: the spool's files have no names, so they vanish with the process.
        recover: None,
        redeliver: None,
    }
}

/// Checks that the program exists and is executable, and that the spool folder is writable.
async fn probe(options: Options) -> Result<()> {
    let config: Config = options.parse()?;
    blocking(move || {
        if let Some(folder) = &config.spool {
            Spool::probe(folder)?;
        }
        Program::new(config).map(drop)
    })
    .await
}

async fn open(context: Context, options: Options) -> Result<Box<dyn Sink>> {
    let config: Config = options.parse()?;
    let (resend, concurrency) = (config.resend, config.concurrency);
    let (crawl, store) = (context.crawl.clone(), Arc::clone(&context.store));
    let (program, spool) = blocking(move || {
        let format = config.format;
        let folder = config.spool.clone().or_else(|| context.scratch.clone());
        let folder = folder.unwrap_or_else(tempfile::env::temp_dir);
        let program = Program::new(config)?;
        let spool = Spool::open(&context, format, folder)?;
        Ok((program, spool))
    })
    .await?;
    let progress = Progress::new(store, &program.digest(), crawl.clone());
    if resend {
        progress.forget().await?;
    }
    Ok(Box::new(Exec {
        crawl,
        program: Arc::new(program),
        progress,
        concurrency,
        spool: Some(spool),
    }))
}

struct Exec {
    crawl: Crawl,
    program: Arc<Program>,
    progress: Progress,
    concurrency: usize,
    /// `None` while a blocking task uses it, and forever once a write has failed: the file may then end in the middle
    /// of a batch.
    spool: Option<Spool>,
}

#[async_trait]
impl Sink for Exec {
    async fn write(&mut self, batch: &Batch) -> Result<()> {
        let mut spool = self.spool.take().ok_or_else(no_spool)?;
        let batch = batch.clone();
        self.spool = Some(blocking(move || spool.write(&batch).map(|()| spool)).await?);
        Ok(())
    }

    async fn finish(mut self: Box<Self>, outcome: &Outcome) -> Result<Receipt> {
        let spool = self.spool.take().ok_or_else(no_spool)?;
        let tables = blocking(move || spool.finish()).await?;
        let rows = tables.iter().map(|table| table.rows).sum();
        let started = self.hand_over(tables, outcome).await?;
        let standing = self.progress.standing().await?;
        self.progress.forget_superseded().await?;
        Ok(Receipt {
            location: self.program.name().to_owned(),
            snapshot: None,
            standing,
            rows,
            files: started.programs,
            bytes: started.bytes,
        })
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        // The files have no names, so they vanish when they are closed.
        Ok(())
    }
}

/// What this process has passed to programs.
#[derive(Default)]
struct Totals {
    programs: u64,
    bytes: u64,
}

impl Exec {
    /// Starts the program for each table, and for no further table once one has failed.
    ///
    /// Tables that the program took in an earlier delivery of this crawl are skipped. If a program fails while others
    /// are running, those are waited for: they have complete tables and may succeed.
    async fn hand_over(&self, tables: Vec<SpooledTable>, outcome: &Outcome) -> Result<Totals> {
        let summary = outcome.summary();
        let mut waiting = tables.into_iter();
        let mut running = JoinSet::new();
        let mut started = Totals::default();
        let mut result = Ok(());
        loop {
            while result.is_ok()
                && running.len() < self.concurrency
                && let Some(table) = waiting.next()
            {
                match self.progress.has(&table.spec.name).await {
                    Ok(true) => continue,
                    Ok(false) => {}
                    Err(error) => {
                        result = Err(error);
                        break;
                    }
                }
                started.programs += 1;
                started.bytes += table.bytes;
                let (program, progress) = (Arc::clone(&self.program), self.progress.clone());
                let variables = program.variables(&self.crawl, &table, &summary);
                running.spawn(async move {
                    let name = table.spec.name.clone();
                    program.run(table, variables).await?;
                    progress.taken(&name).await
                });
            }
            let Some(ended) = running.join_next().await else {
                return result.map(|()| started);
            };
            let ended = ended.unwrap_or_else(|error| {
                let text = "the task that runs a program failed";
                Err(Error::new(Kind::Internal, text).with_source(error))
            });
            result = result.and(ended);
        }
    }
}

fn no_spool() -> Error {
    Error::new(Kind::Internal, "an earlier write failed")
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| {
        let text = "the task that writes temporary files failed";
        Err(Error::new(Kind::Internal, text).with_source(error))
    })
}
