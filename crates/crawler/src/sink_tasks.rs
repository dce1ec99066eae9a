//! Runs the sinks of a delivery concurrently, each in its own task behind a bounded channel.

use std::sync::Arc;

use fortilake_sink::{Batch, Delivery, Outcome, Receipt, Sink};
use tokio::{sync::mpsc, task::JoinHandle};
use tracing::{Instrument as _, Span, warn};

use crate::span;

/// How many batches may wait for one sink.
///
/// The next batch is ready when a sink has taken one. More would cost memory and save no time, since
/// a sink that encodes tables keeps one batch of each. When the buffer is full, the other sinks of
/// the same delivery wait too. A slow sink therefore costs no memory: the rows that it has not
/// received yet are still in the journal as pages.
const WAITING_BATCHES: usize = 1;

/// An open sink and its settings.
pub struct OpenSink {
    /// The name that messages and reports use.
    pub name: String,
    /// Whether readers see all of a crawl at once, or rows as they arrive.
    pub delivery: Delivery,
    /// The sink.
    pub sink: Box<dyn Sink>,
}

/// How one sink ended.
#[derive(Debug)]
pub struct SinkReport {
    /// The sink's name.
    pub name: String,
    /// The receipt of what it published, or why it published nothing.
    pub result: Result<Receipt, fortilake_sink::Error>,
}

/// A message to the task of a sink.
enum SinkMessage {
    Write(Arc<Batch>),
    Finish(Arc<Outcome>),
}

struct SinkTask {
    name: String,
    messages: mpsc::Sender<SinkMessage>,
    task: JoinHandle<Option<Result<Receipt, fortilake_sink::Error>>>,
}

/// The tasks of some sinks.
pub(crate) struct SinkTasks(Vec<SinkTask>);

impl SinkTasks {
    pub(crate) fn new(sinks: Vec<OpenSink>) -> Self {
        let tasks = sinks.into_iter().map(|OpenSink { name, sink, .. }| {
            let (sender, receiver) = mpsc::channel(WAITING_BATCHES);
            SinkTask {
                task: tokio::spawn(run(name.clone(), sink, receiver, Span::current())),
                name,
                messages: sender,
            }
        });
        Self(tasks.collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sends a batch to every sink that still works. Returns false if there are sinks and all of
    /// them have failed.
    pub(crate) async fn write(&self, batch: Batch) -> bool {
        let batch = Arc::new(batch);
        let mut works = self.0.is_empty();
        for sink in &self.0 {
            works |= sink
                .messages
                .send(SinkMessage::Write(batch.clone()))
                .await
                .is_ok();
        }
        works
    }

    /// Tells all sinks at the same time to make their output visible, and waits for them.
    pub(crate) async fn finish(self, outcome: Outcome) -> Vec<SinkReport> {
        let outcome = Arc::new(outcome);
        for sink in &self.0 {
            // Sending fails if the sink failed before, and its report says so.
            let _ = sink
                .messages
                .send(SinkMessage::Finish(outcome.clone()))
                .await;
        }
        self.join().await
    }

    /// Lets every sink discard what it can, and returns the reports of those that had failed
    /// before.
    pub(crate) async fn abort(self) -> Vec<SinkReport> {
        self.join().await
    }

    async fn join(self) -> Vec<SinkReport> {
        let mut tasks = Vec::new();
        for SinkTask {
            name,
            messages,
            task,
        } in self.0
        {
            // Dropping the sender makes a task that was not told to finish abort its sink.
            drop(messages);
            tasks.push((name, task));
        }
        let mut reports = Vec::new();
        for (name, task) in tasks {
            let result = match task.await {
                Ok(Some(result)) => result,
                Ok(None) => continue,
                Err(error) => Err(fortilake_sink::Error::new(
                    fortilake_sink::Kind::Internal,
                    format!("the task of sink `{name}` panicked"),
                )
                .with_source(error)),
            };
            reports.push(SinkReport { name, result });
        }
        reports
    }
}

/// Runs one sink to its end. Returns its receipt or its failure, or `None` if it was aborted.
///
/// Its span begins with the first message: an atomic sink has nothing to do while the crawl reads.
async fn run(
    name: String,
    sink: Box<dyn Sink>,
    mut messages: mpsc::Receiver<SinkMessage>,
    parent: Span,
) -> Option<Result<Receipt, fortilake_sink::Error>> {
    let first = messages.recv().await;
    let span = match first {
        Some(_) => span::publish(&parent, &name),
        None => Span::none(),
    };
    let result = publish(sink, first, messages)
        .instrument(span.clone())
        .await;
    span::published(&span, result.as_ref());
    result
}

async fn publish(
    mut sink: Box<dyn Sink>,
    mut message: Option<SinkMessage>,
    mut messages: mpsc::Receiver<SinkMessage>,
) -> Option<Result<Receipt, fortilake_sink::Error>> {
    loop {
        let failure = match message {
            Some(SinkMessage::Write(batch)) => match sink.write(&batch).await {
                Ok(()) => {
                    message = messages.recv().await;
                    continue;
                }
                Err(error) => error,
            },
            Some(SinkMessage::Finish(outcome)) => return Some(sink.finish(&outcome).await),
            None => {
                abort(sink).await;
                return None;
            }
        };
        // The delivery continues without this sink.
        drop(messages);
        abort(sink).await;
        return Some(Err(failure));
    }
}

async fn abort(sink: Box<dyn Sink>) {
    if let Err(error) = sink.abort().await {
        warn!(%error, "the sink could not clean up");
    }
}

#[cfg(test)]
mod tests;
