//! The sink itself: its registration, and the delivery of a crawl from the first batch to the final message.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use fortilake_sink::{
    Batch, Context, Crawl, Delivery, Descriptor, Error, Kind, MemoryStore, Options, Outcome,
    Receipt, RecordBatch, Result, ScopeId, Sink, inventory,
};
use schemars::schema_for;

use crate::config::{Config, Events};
use crate::encode::{BatchHead, Encoder, MessagePosition};
use crate::message::{Message, check_crawl};
use crate::outbox::Outbox;
use crate::progress::Delivered;
use crate::redeliver::redeliver;
use crate::setup::Setup;

inventory::submit! {
    Descriptor {
        name: "webhook",
        summary: "Signed HTTP messages to a URL, according to the Standard Webhooks specification.",
        target: "url",
        delivery: |_| Ok(Delivery::AtLeastOnce),
        options: || schema_for!(Config),
        open: |context, options| Box::pin(open(context, options)),
        probe: |options| Box::pin(probe(options)),
        // There is nothing to clean up: dead letters and the record of deliveries are needed by the next delivery.
        recover: None,
        redeliver: Some(|options, store| Box::pin(redeliver(options, store))),
    }
}

/// Checks the options and resolves the host name, without connecting to the receiver.
async fn probe(options: Options) -> Result<()> {
    let setup = Setup::read(options, Arc::new(MemoryStore::default())).await?;
    setup.probe().await
}

async fn open(context: Context, options: Options) -> Result<Box<dyn Sink>> {
    check_crawl(&context.crawl.id)?;
    let setup = Setup::read(options, Arc::clone(&context.store)).await?;
    setup.events.check(&context.tables)?;
    setup.probe().await?;
    let progress = &setup.destination().progress;
    if setup.resend {
        progress.forget(&context.crawl.edition).await?;
    }
    let record = progress.begin(&context.crawl, setup.shape).await?;
    Ok(Box::new(Webhook {
        outbox: setup.outbox(),
        crawl: context.crawl.clone(),
        encoder: Arc::new(Encoder::new(context.crawl, record.shape)),
        events: setup.events,
        done: record.finished,
        messages: BTreeMap::new(),
        scope: None,
        before: 0,
    }))
}

struct Webhook {
    outbox: Outbox,
    crawl: Crawl,
    encoder: Arc<Encoder>,
    events: Events,
    /// Whether an earlier process delivered the whole crawl. Nothing is sent then.
    done: bool,
    /// The number of messages of each table, whether an earlier process delivered them or this one.
    messages: BTreeMap<String, u64>,
    /// The scope of the current batch. Batches of one scope follow each other.
    scope: Option<Scope>,
    /// The number of rows that earlier processes delivered.
    before: u64,
}

/// The scope of the current batch.
struct Scope {
    id: Arc<ScopeId>,
    /// The rows that earlier processes delivered.
    delivered: Delivered,
    /// The number of rows handed over so far, by table.
    rows: HashMap<String, u64>,
}

#[async_trait]
impl Sink for Webhook {
    async fn write(&mut self, batch: &Batch) -> Result<()> {
        let rows = batch.records.num_rows();
        if !self.events.contains(&batch.table.name) {
            return Ok(());
        }
        if self.done {
            self.before += rows as u64;
            return Ok(());
        }
        let head = self.encoder.head(batch);
        let mut next = MessagePosition {
            slice: 0,
            first_row: self.first_row(batch).await?,
        };
        let step = self.encoder.step();
        for start in (0..rows).step_by(step) {
            let records = batch.records.slice(start, step.min(rows - start));
            for message in self.encode(&head, next, records).await? {
                next.slice += 1;
                next.first_row += message.rows;
                self.post(message).await?;
            }
        }
        *self.messages.entry(batch.table.name.clone()).or_default() += next.slice;
        Ok(())
    }

    async fn finish(mut self: Box<Self>, outcome: &Outcome) -> Result<Receipt> {
        self.outbox.drain().await?;
        if !self.done {
            self.send_summary(outcome).await?;
        }
        self.outbox.check()?;
        let destination = self.outbox.destination();
        let standing = destination.progress.standing(&self.crawl).await?;
        destination.progress.forget_superseded(&self.crawl).await?;
        let sent = self.outbox.totals();
        Ok(Receipt {
            location: destination.shown.clone(),
            snapshot: None,
            standing,
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
    /// The number of the first row of `batch` within its table and scope. Advances the count by the batch's rows.
    ///
    /// Positions are counted here and not taken from the store, so a resumed delivery counts the same positions as
    /// long as it gets the same batches, which the sink contract guarantees.
    async fn first_row(&mut self, batch: &Batch) -> Result<u64> {
        let is_current = |scope: &Scope| scope.id == batch.scope;
        if !self.scope.as_ref().is_some_and(is_current) {
            let progress = &self.outbox.destination().progress;
            let text = batch.scope.text();
            self.scope = Some(Scope {
                id: Arc::clone(&batch.scope),
                delivered: progress.of_scope(&self.crawl.edition, &text).await?,
                rows: HashMap::new(),
            });
        }
        let Some(scope) = &mut self.scope else {
            return Ok(0);
        };
        let rows = scope.rows.entry(batch.table.name.clone()).or_default();
        let first = *rows;
        *rows += batch.records.num_rows() as u64;
        Ok(first)
    }

    /// Sends a message, unless an earlier process has delivered it.
    async fn post(&mut self, message: Message) -> Result<()> {
        if let (Some(scope), Some(position)) = (&self.scope, &message.position) {
            let rows = position.first_row..position.first_row + message.rows;
            if scope.delivered.contains(&position.table, &rows) {
                self.before += message.rows;
                return Ok(());
            }
        }
        self.outbox.post(message).await
    }

    /// Sends the final message, which tells the receiver that it has all rows. If messages were not delivered, the
    /// final one is therefore held back as a dead letter.
    async fn send_summary(&mut self, outcome: &Outcome) -> Result<()> {
        let summary = self.encoder.summary(outcome, &self.messages)?;
        if self.outbox.check().is_err() {
            let cause = "held back, because rows of its crawl were not delivered";
            return self.outbox.hold_back(summary, cause).await;
        }
        self.outbox.post(summary).await?;
        self.outbox.drain().await
    }

    async fn encode(
        &self,
        head: &BatchHead,
        start: MessagePosition,
        records: RecordBatch,
    ) -> Result<Vec<Message>> {
        let (encoder, head) = (Arc::clone(&self.encoder), head.clone());
        let done = tokio::task::spawn_blocking(move || encoder.rows(&head, start, &records)).await;
        done.unwrap_or_else(|error| {
            Err(Error::new(Kind::Internal, "the encoding task failed").with_source(error))
        })
    }
}
