//! The sinks, side by side: each in a task of its own behind a queue.

mod queue;

use std::sync::Arc;

use fortilake_sink::{Batch, Outcome, Receipt, Sink};
use tokio::task::JoinHandle;
use tracing::warn;

use self::queue::{Message, Receiver, Sender, queue};

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

struct Lane {
    name: String,
    sender: Sender,
    task: JoinHandle<Option<Result<Receipt, fortilake_sink::Error>>>,
}

/// All sinks of a crawl.
pub(crate) struct Lanes(Vec<Lane>);

impl Lanes {
    pub(crate) fn new(sinks: Vec<OpenSink>) -> Self {
        let lanes = sinks.into_iter().map(|OpenSink { name, sink }| {
            let (sender, receiver) = queue();
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
            alive |= lane.sender.send(&batch).await;
        }
        alive || self.0.is_empty()
    }

    /// Lets every sink make its output visible.
    pub(crate) async fn finish(self, outcome: Outcome) -> Vec<SinkReport> {
        let outcome = Arc::new(outcome);
        for lane in &self.0 {
            lane.sender.finish(outcome.clone());
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
    messages: Receiver,
) -> Option<Result<Receipt, fortilake_sink::Error>> {
    loop {
        let failure = match messages.next().await {
            Ok(Some(Message::Write(batch))) => match sink.write(&batch).await {
                Ok(()) => continue,
                Err(error) => error,
            },
            Ok(Some(Message::Finish(outcome))) => return Some(sink.finish(&outcome).await),
            Ok(None) => {
                abort(sink).await;
                return None;
            }
            Err(error) => error,
        };
        // From here on the crawl goes on without this sink.
        drop(messages);
        abort(sink).await;
        return Some(Err(failure));
    }
}

async fn abort(sink: Box<dyn Sink>) {
    if let Err(error) = sink.abort().await {
        warn!(%error, "sink left something behind");
    }
}
