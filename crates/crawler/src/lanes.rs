//! The sinks, side by side: each in a task of its own behind a bounded channel.

use std::sync::Arc;

use fortilake_sink::{Batch, Outcome, Receipt, Sink};
use tokio::{sync::mpsc, task::JoinHandle};
use tracing::warn;

/// How many batches may wait for a sink before the crawl waits for it.
const WAITING_BATCHES: usize = 8;

/// A sink that is open, under the name that messages call it by.
pub struct OpenSink {
    /// The name.
    pub name: String,
    /// The sink.
    pub sink: Box<dyn Sink>,
}

/// How one sink ended.
#[derive(Debug)]
pub struct SinkReport {
    /// The sink's name.
    pub name: String,
    /// What it published, or why it did not.
    pub result: Result<Receipt, fortilake_sink::Error>,
}

enum Message {
    Write(Arc<Batch>),
    Finish(Arc<Outcome>),
}

struct Lane {
    name: String,
    sender: mpsc::Sender<Message>,
    task: JoinHandle<Option<Result<Receipt, fortilake_sink::Error>>>,
}

/// All sinks of a crawl.
pub(crate) struct Lanes(Vec<Lane>);

impl Lanes {
    pub(crate) fn new(sinks: Vec<OpenSink>) -> Self {
        let lanes = sinks.into_iter().map(|OpenSink { name, sink }| {
            let (sender, receiver) = mpsc::channel(WAITING_BATCHES);
            Lane {
                name,
                sender,
                task: tokio::spawn(drive(sink, receiver)),
            }
        });
        Self(lanes.collect())
    }

    /// Hands a batch to every sink that still works; false if none does.
    pub(crate) async fn write(&mut self, batch: Batch) -> bool {
        let batch = Arc::new(batch);
        let mut alive = false;
        for lane in &self.0 {
            alive |= lane
                .sender
                .send(Message::Write(batch.clone()))
                .await
                .is_ok();
        }
        alive || self.0.is_empty()
    }

    /// Lets every sink make its output visible.
    pub(crate) async fn finish(self, outcome: Outcome) -> Vec<SinkReport> {
        let outcome = Arc::new(outcome);
        for lane in &self.0 {
            // A sink that failed has closed its channel; its task says why.
            let _ = lane.sender.send(Message::Finish(outcome.clone())).await;
        }
        self.join().await
    }

    /// Makes every sink forget what it was given, and tells which had failed before.
    pub(crate) async fn abort(self) -> Vec<SinkReport> {
        self.join().await
    }

    async fn join(self) -> Vec<SinkReport> {
        let mut reports = Vec::new();
        for Lane { name, sender, task } in self.0 {
            drop(sender);
            let result = match task.await {
                Ok(Some(result)) => result,
                Ok(None) => continue,
                Err(error) => Err(fortilake_sink::Error::new(
                    fortilake_sink::Kind::Internal,
                    format!("sink `{name}` broke off: {error}"),
                )),
            };
            reports.push(SinkReport { name, result });
        }
        reports
    }
}

/// Runs one sink to its end: a receipt, a failure, or nothing if it was aborted.
async fn drive(
    mut sink: Box<dyn Sink>,
    mut messages: mpsc::Receiver<Message>,
) -> Option<Result<Receipt, fortilake_sink::Error>> {
    while let Some(message) = messages.recv().await {
        match message {
            Message::Write(batch) => {
                if let Err(error) = sink.write(&batch).await {
                    // From here on the crawl sees a closed channel and goes on without this sink.
                    drop(messages);
                    abort(sink).await;
                    return Some(Err(error));
                }
            }
            Message::Finish(outcome) => return Some(sink.finish(&outcome).await),
        }
    }
    abort(sink).await;
    None
}

async fn abort(sink: Box<dyn Sink>) {
    if let Err(error) = sink.abort().await {
        warn!(%error, "sink left something behind");
    }
}
