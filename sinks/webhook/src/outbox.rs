//! The queue of messages in flight: limits their number, keeps their order, and counts results.

use std::collections::HashMap;
use std::sync::Arc;

use fortilake_sink::{Error, Kind, Result};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{JoinError, JoinSet};
use tracing::warn;

use crate::config::Order;
use crate::courier::{Courier, Failure, Fate, Reason};
use crate::letters::Letters;
use crate::message::{Message, Place};
use crate::progress::Progress;

/// What every delivery needs.
pub(crate) struct Office {
    pub(crate) courier: Courier,
    pub(crate) letters: Letters,
    pub(crate) progress: Progress,
    /// The destination's URL without its secret parts.
    pub(crate) shown: String,
}

/// The messages in flight. Dropping it cancels them.
pub(crate) struct Outbox {
    office: Arc<Office>,
    order: Order,
    /// One permit per message in memory, whether it is in flight or waits for its turn.
    room: Arc<Semaphore>,
    /// For each table, a channel that closes when its last message so far is done.
    last: HashMap<String, oneshot::Receiver<()>>,
    tasks: JoinSet<Result<Posted>>,
    tally: Tally,
}

/// The results so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) messages: u64,
    pub(crate) rows: u64,
    /// Bytes of the delivered bodies, after compression.
    pub(crate) bytes: u64,
    /// Messages that became dead letters.
    pub(crate) undelivered: u64,
    /// The cause of the first failure, and the worst reason of all failures.
    failure: Option<(String, Reason)>,
}

struct Posted {
    rows: u64,
    fate: Fate,
}

impl Outbox {
    pub(crate) fn new(office: Arc<Office>, order: Order, concurrency: usize) -> Self {
        Self {
            office,
            order,
            room: Arc::new(Semaphore::new(concurrency)),
            last: HashMap::new(),
            tasks: JoinSet::new(),
            tally: Tally::default(),
        }
    }

    pub(crate) fn office(&self) -> &Office {
        &self.office
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Starts to deliver a message, after waiting for room if too many are in memory.
    ///
    /// In [`Order::Table`], the message is sent once the message before it in the same table is done.
    ///
    /// # Errors
    ///
    /// Fails for errors on this side, such as a store that cannot be written, also if an earlier message caused them;
    /// and if the receiver accepts no more messages. A message that was not delivered is not an error here; see
    /// [`check`](Self::check).
    pub(crate) async fn post(&mut self, message: Message) -> Result<()> {
        let room = Arc::clone(&self.room);
        // The semaphore is never closed, so this cannot fail.
        let permit = room.acquire_owned().await.map_err(stopped)?;
        while let Some(done) = self.tasks.try_join_next() {
            self.tally.count(done)?;
        }
        if self.tally.is_gone() {
            return Err(self.tally.error(&self.office));
        }
        let (done, turn) = oneshot::channel();
        let before = match (&message.id.place, self.order) {
            (Place::Rows(piece), Order::Table) => self.last.insert(piece.table.clone(), turn),
            _ => None,
        };
        let office = Arc::clone(&self.office);
        self.tasks.spawn(async move {
            if let Some(before) = before {
                // No value is ever sent. The other end is dropped when the message before is done, even if its task
                // panicked, and that ends this wait.
                let _ = before.await;
            }
            let posted = office.post(message).await;
            drop((done, permit));
            posted
        });
        Ok(())
    }

    /// Waits until no message is in flight.
    pub(crate) async fn drain(&mut self) -> Result<()> {
        while let Some(done) = self.tasks.join_next().await {
            self.tally.count(done)?;
        }
        Ok(())
    }

    /// Stores a message as a dead letter without trying to send it.
    pub(crate) async fn hold_back(&mut self, message: Message, cause: &str) -> Result<()> {
        let rows = message.rows;
        let failure = Failure {
            reason: Reason::Unavailable,
            cause: cause.to_owned(),
            attempts: message.attempts,
        };
        let office = Arc::clone(&self.office);
        office.keep(message, failure.clone()).await?;
        let fate = Fate::Undelivered(failure);
        self.tally.count(Ok(Ok(Posted { rows, fate })))
    }

    /// Returns an error if messages were not delivered.
    pub(crate) fn check(&self) -> Result<()> {
        match self.tally.undelivered {
            0 => Ok(()),
            _ => Err(self.tally.error(&self.office)),
        }
    }

    /// Cancels all messages in flight. The receiver may have accepted some of them.
    pub(crate) async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

impl Office {
    async fn post(self: &Arc<Self>, message: Message) -> Result<Posted> {
        let fate = self.courier.deliver(&message).await?;
        let rows = message.rows;
        match &fate {
            Fate::Delivered { .. } => {
                self.progress.delivered(&message.id)?;
                self.letters.remove(&message.id)?;
            }
            Fate::Undelivered(failure) => self.keep(message, failure.clone()).await?,
        }
        Ok(Posted { rows, fate })
    }

    async fn keep(self: &Arc<Self>, message: Message, failure: Failure) -> Result<()> {
        let (id, attempts) = (message.id.to_string(), failure.attempts);
        let cause = failure.cause.clone();
        let office = Arc::clone(self);
        let kept = tokio::task::spawn_blocking(move || {
            let now = (office.courier.chance.now)();
            office.letters.keep(&message, &failure, now)
        });
        kept.await.map_err(stopped)??;
        warn!(
            id,
            attempts, cause, "message not delivered and kept as a dead letter"
        );
        Ok(())
    }
}

impl Tally {
    fn count(&mut self, done: Result<Result<Posted>, JoinError>) -> Result<()> {
        let Posted { rows, fate } = done.map_err(stopped)??;
        match fate {
            Fate::Delivered { bytes } => {
                self.messages += 1;
                self.rows += rows;
                self.bytes += bytes;
            }
            Fate::Undelivered(Failure { reason, cause, .. }) => {
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

    fn error(&self, office: &Office) -> Error {
        let (url, folder) = (&office.shown, office.letters.folder().display());
        let messages = match self.undelivered {
            1 => "1 message".to_owned(),
            many => format!("{many} messages"),
        };
        let text =
            format!("{messages} to `{url}` could not be delivered and are kept in `{folder}`");
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
    Error::new(Kind::Internal, "a delivery stopped").with_source(error)
}
