//! The sink itself: its registration, and the delivery of a crawl from the first batch to the final message.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use fortilake_sink::{
    Batch, Context, Crawl, Delivery, Descriptor, Error, Kind, Options, Outcome, Receipt,
    RecordBatch, Result, Sink, inventory,
};
use schemars::schema_for;

use crate::config::{Config, Events};
use crate::encode::{Encoder, TableSummary};
use crate::message::{Message, Piece, check_names};
use crate::outbox::Outbox;
use crate::redeliver::redeliver;
use crate::setup::Setup;

inventory::submit! {
    Descriptor {
        name: "webhook",
        summary: "Signed messages to a URL after the Standard Webhooks specification, batch by batch.",
        target: "url",
        delivery: Delivery::AtLeastOnce,
        options: || schema_for!(Config),
        open: |context, options| Box::pin(open(context, options)),
        redeliver: Some(|options, store| Box::pin(redeliver(options, store))),
    }
}

async fn open(context: Context, options: Options) -> Result<Box<dyn Sink>> {
    let names = context.tables.iter().map(|table| table.name.as_str());
    check_names(&context.crawl.id, names)?;
    let setup = Setup::read(options, Arc::clone(&context.store)).await?;
    let progress = &setup.office().progress;
    if setup.resend {
        progress.forget(&context.crawl.id)?;
    }
    let begun = progress.begin(&context.crawl, setup.shape)?;
    let tables = context.tables.iter().map(|table| TableSummary {
        table: table.name.clone(),
        rows: 0,
        messages: 0,
    });
    Ok(Box::new(Webhook {
        outbox: setup.outbox(),
        crawl: context.crawl.clone(),
        encoder: Arc::new(Encoder::new(context.crawl, begun.shape)),
        events: setup.events,
        done: begun.finished,
        tables: Tables::new(tables.collect()),
        before: 0,
        spent: false,
    }))
}

struct Webhook {
    outbox: Outbox,
    crawl: Crawl,
    encoder: Arc<Encoder>,
    events: Events,
    /// Whether an earlier process delivered the whole crawl. Nothing is sent then.
    done: bool,
    tables: Tables,
    /// Rows that earlier processes delivered.
    before: u64,
    /// Whether an earlier call failed or was dropped half-way.
    spent: bool,
}

#[async_trait]
impl Sink for Webhook {
    async fn write(&mut self, batch: &Batch) -> Result<()> {
        self.begin()?;
        self.take(batch).await?;
        self.spent = false;
        Ok(())
    }

    async fn finish(mut self: Box<Self>, outcome: &Outcome) -> Result<Receipt> {
        self.begin()?;
        self.tables.check(outcome)?;
        self.outbox.drain().await?;
        if !self.done {
            self.send_summary(outcome).await?;
        }
        self.outbox.check()?;
        let office = self.outbox.office();
        office.progress.forget_older(&self.crawl)?;
        let sent = self.outbox.tally();
        Ok(Receipt {
            location: office.shown.clone(),
            rows: self.before + sent.rows,
            files: sent.messages,
            bytes: sent.bytes,
        })
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        self.outbox.stop().await;
        Ok(())
    }
}

impl Webhook {
    fn begin(&mut self) -> Result<()> {
        if self.spent {
            let text = "an earlier call of this sink did not end well";
            return Err(Error::new(Kind::Internal, text));
        }
        self.spent = true;
        Ok(())
    }

    async fn take(&mut self, batch: &Batch) -> Result<()> {
        let name = &batch.table.name;
        let rows = batch.records.num_rows();
        let totals = self.tables.find(name)?;
        totals.rows += rows as u64;
        if self.events == Events::Summary {
            return Ok(());
        }
        let mut next = Piece {
            table: name.clone(),
            sequence: batch.sequence,
            number: 0,
        };
        let step = self.encoder.step();
        for start in (0..rows).step_by(step) {
            let records = batch.records.slice(start, step.min(rows - start));
            let messages = self.encode(next.clone(), records).await?;
            for message in messages {
                self.post(message, &next).await?;
                next.number += 1;
            }
        }
        self.tables.find(name)?.messages += next.number;
        Ok(())
    }

    /// Posts a message, unless the receiver has it.
    async fn post(&mut self, message: Message, piece: &Piece) -> Result<()> {
        let progress = &self.outbox.office().progress;
        if self.done || progress.has(&self.crawl.id, piece)? {
            self.before += message.rows;
            return Ok(());
        }
        self.outbox.post(message).await
    }

    /// Sends the final message. If messages were not delivered, it is held back as a dead letter, because it tells
    /// the receiver that the crawl is complete.
    async fn send_summary(&mut self, outcome: &Outcome) -> Result<()> {
        let summary = self.encoder.summary(outcome, &self.tables.list)?;
        if self.outbox.check().is_err() {
            let cause = "it waits for the rows of its crawl, which were not delivered";
            return self.outbox.hold_back(summary, cause).await;
        }
        self.outbox.post(summary).await?;
        self.outbox.drain().await
    }

    async fn encode(&self, first: Piece, records: RecordBatch) -> Result<Vec<Message>> {
        let encoder = Arc::clone(&self.encoder);
        let done = tokio::task::spawn_blocking(move || encoder.rows(&first, &records)).await;
        done.unwrap_or_else(|error| {
            Err(Error::new(Kind::Internal, "the encoder stopped").with_source(error))
        })
    }
}

/// What was written to each table, in the order of the context.
struct Tables {
    list: Vec<TableSummary>,
    by_name: HashMap<String, usize>,
}

impl Tables {
    fn new(list: Vec<TableSummary>) -> Self {
        let names = list.iter().map(|totals| totals.table.clone());
        let by_name = names.zip(0..).collect();
        Self { list, by_name }
    }

    fn find(&mut self, name: &str) -> Result<&mut TableSummary> {
        let Some(&index) = self.by_name.get(name) else {
            let text = format!("table `{name}` was not announced when the sink was opened");
            return Err(Error::new(Kind::Internal, text));
        };
        Ok(&mut self.list[index])
    }

    /// Refuses to end a crawl with other rows than it has counted: a short table must not look whole.
    fn check(&self, outcome: &Outcome) -> Result<()> {
        for total in &outcome.tables {
            let index = self.by_name.get(&total.table);
            let rows = index.map_or(0, |&index| self.list[index].rows);
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
