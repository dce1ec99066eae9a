//! What waits for one sink: a little in memory, the rest in a file.
//!
//! A slow sink must not keep the others waiting, and rows must not pile up in memory, so what a
//! sink is behind with lies in a temporary file that has no name and goes with the process.

mod spill;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use fortilake_sink::{Batch, Outcome};
use tokio::sync::Notify;
use tracing::warn;

use self::spill::Spill;

/// How many batches may wait in memory.
const WAITING_BATCHES: usize = 8;

/// What a sink is told.
pub(super) enum Message {
    Write(Arc<Batch>),
    Finish(Arc<Outcome>),
}

/// The end that the crawl holds; dropping it ends the queue.
pub(super) struct Sender(Arc<Shared>);

/// The end that the sink's task holds; dropping it lets batches go nowhere.
pub(super) struct Receiver(Arc<Shared>);

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    /// Something was added, or the sender is gone.
    added: Notify,
    /// Something was taken, or the receiver is gone.
    taken: Notify,
}

#[derive(Default)]
struct Waiting {
    /// First in, first out; older than all that is spilled.
    memory: VecDeque<Arc<Batch>>,
    spill: Spill,
    finish: Option<Arc<Outcome>>,
    sender_gone: bool,
    receiver_gone: bool,
}

/// A queue for one sink.
pub(super) fn queue() -> (Sender, Receiver) {
    let shared = Arc::<Shared>::default();
    (Sender(shared.clone()), Receiver(shared))
}

impl Shared {
    /// Each method leaves it whole, so a panic elsewhere is no matter.
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sender {
    /// Adds a batch; false if nobody takes it any more.
    ///
    /// It waits for the sink only where there is no room for what waits.
    pub(super) async fn send(&self, batch: &Arc<Batch>) -> bool {
        loop {
            let taken = self.0.taken.notified();
            match self.push(batch).await {
                Pushed::Gone => return false,
                Pushed::Done => {
                    self.0.added.notify_one();
                    return true;
                }
                Pushed::NoRoom => taken.await,
            }
        }
    }

    /// Ends the queue with the outcome, behind all that waits.
    pub(super) fn finish(&self, outcome: Arc<Outcome>) {
        self.0.waiting().finish = Some(outcome);
        self.0.added.notify_one();
    }

    async fn push(&self, batch: &Arc<Batch>) -> Pushed {
        {
            let mut waiting = self.0.waiting();
            if waiting.receiver_gone {
                return Pushed::Gone;
            }
            if waiting.spill.is_empty() && waiting.memory.len() < WAITING_BATCHES {
                waiting.memory.push_back(batch.clone());
                return Pushed::Done;
            }
        }
        let (shared, batch) = (self.0.clone(), batch.clone());
        let spilled = tokio::task::spawn_blocking(move || shared.waiting().spill.push(&batch));
        match spilled.await {
            Ok(Ok(())) => Pushed::Done,
            Ok(Err(error)) => {
                warn!(%error, "no room for what waits for a sink, so the crawl waits for it");
                Pushed::NoRoom
            }
            Err(_) => Pushed::NoRoom,
        }
    }
}

enum Pushed {
    Done,
    NoRoom,
    Gone,
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.0.waiting().sender_gone = true;
        self.0.added.notify_one();
    }
}

impl Receiver {
    /// What comes next; nothing once the sender is gone without an outcome.
    ///
    /// # Errors
    ///
    /// If what was spilled cannot be read back.
    pub(super) async fn next(&self) -> Result<Option<Message>, fortilake_sink::Error> {
        loop {
            let added = self.0.added.notified();
            let spilled = {
                let mut waiting = self.0.waiting();
                if let Some(batch) = waiting.memory.pop_front() {
                    self.0.taken.notify_one();
                    return Ok(Some(Message::Write(batch)));
                }
                !waiting.spill.is_empty()
            };
            if spilled {
                let shared = self.0.clone();
                let read = tokio::task::spawn_blocking(move || shared.waiting().spill.pop());
                let batch = read.await.unwrap_or_else(|error| Err(spill::lost(error)))?;
                self.0.taken.notify_one();
                return Ok(Some(Message::Write(Arc::new(batch))));
            }
            {
                let mut waiting = self.0.waiting();
                if let Some(outcome) = waiting.finish.take() {
                    return Ok(Some(Message::Finish(outcome)));
                }
                if waiting.sender_gone {
                    return Ok(None);
                }
            }
            added.await;
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting();
        waiting.receiver_gone = true;
        waiting.memory.clear();
        waiting.spill = Spill::default();
        drop(waiting);
        self.0.taken.notify_one();
    }
}
