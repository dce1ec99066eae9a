//! The queue of messages in flight: limits their number, keeps their order, and counts results.

use std::collections::HashMap;
use std::sync::Arc;

use fortilake_sink::{Error, Kind, Result};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{JoinError, JoinSet};
use tracing::warn;

use crate::config::Order;
use crate::dead_letters::DeadLetters;
use crate::message::Message;
use crate::progress::Progress;
use crate::sender::{DeliveryFailure, Reason, SendResult, Sender};

/// Everything that deliveries to one receiver share.
pub(crate) struct Destination {
    pub(crate) sender: Sender,
    pub(crate) dead_letters: DeadLetters,
    pub(crate) progress: Progress,
    /// The destination's URL without its secret parts.
    pub(crate) shown: String,
}

/// The messages in flight. Dropping it cancels them.
pub(crate) struct Outbox {
    destination: Arc<Destination>,
    order: Order,
    /// One permit per message in memory, whether it is in flight or waits for its turn.
    room: Arc<Semaphore>,
    /// For each table, a channel that closes when its last message so far is done.
    last: HashMap<String, oneshot::Receiver<()>>,
    tasks: JoinSet<Result<Attempted>>,
    totals: Totals,
}

/// The results so far.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) messages: u64,
    pub(crate) rows: u64,
    /// Bytes of the delivered bodies, after compression.
    pub(crate) bytes: u64,
    /// Messages that became dead letters.
    pub(crate) undelivered: u64,
    /// The cause of the first failure, and the worst reason of all failures.
    failure: Option<(String, Reason)>,
}

struct Attempted {
    rows: u64,
    result: SendResult,
}

impl Outbox {
    pub(crate) fn new(destination: Arc<Destination>, order: Order, concurrency: usize) -> Self {
        Self {
            destination,
            order,
            room: Arc::new(Semaphore::new(concurrency)),
            last: HashMap::new(),
            tasks: JoinSet::new(),
            totals: Totals::default(),
        }
    }

    pub(crate) fn destination(&self) -> &Destination {
        &self.destination
    }

    pub(crate) fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Starts to deliver a message, after waiting for room if too many are in memory.
    ///
    /// In [`Order::Table`], the message is sent once the message before it in the same table is done.
    ///
    /// # Errors
    ///
    /// Fails for errors on this side, such as a store that cannot be written, even if an earlier message caused them;
    /// and if the receiver accepts no more messages. A message that was not delivered is not an error here; see
    /// [`check`](Self::check).
    pub(crate) async fn post(&mut self, message: Message) -> Result<()> {
        let room = Arc::clone(&self.room);
        // The semaphore is never closed, so this cannot fail.
        let permit = room.acquire_owned().await.map_err(stopped)?;
        while let Some(done) = self.tasks.try_join_next() {
            self.totals.count(done)?;
        }
        if self.totals.is_gone() {
            return Err(self.totals.error(&self.destination));
        }
        let (done, turn) = oneshot::channel();
        let before = match (&message.position, self.order) {
            (Some(position), Order::Table) => self.last.insert(position.table.clone(), turn),
            _ => None,
        };
        let destination = Arc::clone(&self.destination);
        self.tasks.spawn(async move {
            if let Some(before) = before {
                // No value is ever sent. The other end is dropped when the message before is done, even if its task
                // panicked, and that ends this wait.
                let _ = before.await;
            }
            let posted = destination.post(message).await;
            drop((done, permit));
            posted
        });
        Ok(())
    }

    /// Waits until no message is in flight.
    pub(crate) async fn drain(&mut self) -> Result<()> {
        while let Some(done) = self.tasks.join_next().await {
            self.totals.count(done)?;
        }
        Ok(())
    }

    /// Stores a message as a dead letter without trying to send it.
    pub(crate) async fn hold_back(&mut self, message: Message, cause: &str) -> Result<()> {
        let rows = message.rows;
        let failure = DeliveryFailure {
            reason: Reason::Unavailable,
            cause: cause.to_owned(),
            answer: None,
            attempts: message.attempts,
        };
        let destination = Arc::clone(&self.destination);
        destination.keep(message, failure.clone()).await?;
        let result = SendResult::Undelivered(failure);
        self.totals.count(Ok(Ok(Attempted { rows, result })))
    }

    /// Returns an error if messages were not delivered.
    pub(crate) fn check(&self) -> Result<()> {
        match self.totals.undelivered {
            0 => Ok(()),
            _ => Err(self.totals.error(&self.destination)),
        }
    }

    /// Cancels all messages in flight. The receiver may have accepted some of them.
    pub(crate) async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

impl Destination {
    async fn post(self: &Arc<Self>, message: Message) -> Result<Attempted> {
        let result = self.sender.deliver(&message).await?;
        let rows = message.rows;
        match &result {
            SendResult::Delivered { .. } => {
                self.progress.delivered(&message).await?;
                self.dead_letters.remove(&message.id)?;
            }
            SendResult::Undelivered(failure) => self.keep(message, failure.clone()).await?,
        }
        Ok(Attempted { rows, result })
    }

    async fn keep(self: &Arc<Self>, message: Message, failure: DeliveryFailure) -> Result<()> {
        let (id, attempts) = (message.id.to_string(), failure.attempts);
        let cause = failure.cause.clone();
        let destination = Arc::clone(self);
        let kept = tokio::task::spawn_blocking(move || {
            let now = (destination.sender.clock.now)();
            destination.dead_letters.keep(&message, &failure, now)
        });
        kept.await.map_err(stopped)??;
        warn!(
            id,
            attempts, cause, "message not delivered; kept as a dead letter"
        );
        Ok(())
    }
}

impl Totals {
    fn count(&mut self, done: Result<Result<Attempted>, JoinError>) -> Result<()> {
        let Attempted { rows, result } = done.map_err(stopped)??;
        match result {
            SendResult::Delivered { bytes } => {
                self.messages += 1;
                self.rows += rows;
                self.bytes += bytes;
            }
            SendResult::Undelivered(DeliveryFailure { reason, cause, .. }) => {
                self.undelivered += 1;
                let (_, worst) = self.failure.get_or_insert((cause, reason));
                *worst = (*worst).max(reason);
            }
        }
        Ok(())
    }

    fn is_gone(&self) -> bool {
        matches!(self.failure, Some((_, Reason::Gone)))
    }

    fn error(&self, destination: &Destination) -> Error {
        let (url, folder) = (
            &destination.shown,
            destination.dead_letters.folder().display(),
        );
        let (messages, are) = match self.undelivered {
            1 => ("1 message".to_owned(), "is"),
            many => (format!("{many} messages"), "are"),
        };
        let text = format!(
            "{messages} to `{url}` could not be delivered and {are} kept in `{folder}`; \
             `fortilake replay --dead-letters` sends them again"
        );
        let Some((cause, reason)) = &self.failure else {
            return Error::new(Kind::Internal, text);
        };
        let kind = match reason {
            Reason::Unavailable => Kind::Unavailable,
            Reason::Refused | Reason::Gone => Kind::Rejected,
        };
        Error::new(kind, text).with_source(cause.clone())
    }
}

fn stopped(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(Kind::Internal, "the task of a delivery failed").with_source(error)
}
