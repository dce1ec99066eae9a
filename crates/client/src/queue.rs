//! The order in which calls are sent.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use fortilake_auth::Micros;
use tokio::sync::Notify;

/// The order in which calls are sent: first come, first served, separately for each user.
///
/// Clients of the same API user, such as two sources of one crawl, should share a queue. Otherwise,
/// one of them could take every place that becomes free. Clones refer to the same queue.
#[derive(Debug, Clone, Default)]
pub struct Queue(Arc<Mutex<HashMap<String, Arc<UserQueue>>>>);

/// The queue of one user.
#[derive(Debug, Default)]
pub(crate) struct UserQueue {
    /// Held by the first in the queue. It is passed on in the order of arrival.
    turn: tokio::sync::Mutex<()>,
    /// Notified when a call was answered or the limits have changed.
    changed: Notify,
    waiting: AtomicUsize,
    /// When the first in the queue can go, if that is known.
    next: Mutex<Option<Micros>>,
}

/// A place in the queue, which counts as waiting until it is dropped.
struct WaitingGuard<'a>(&'a UserQueue);

/// The first place in the queue.
pub(crate) struct QueueTurn<'a> {
    queue: &'a UserQueue,
    _place: WaitingGuard<'a>,
    _first: tokio::sync::MutexGuard<'a, ()>,
}

impl Queue {
    /// Creates an empty queue.
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn of_user(&self, user: &str) -> Arc<UserQueue> {
        Arc::clone(lock(&self.0).entry(user.to_owned()).or_default())
    }
}

impl UserQueue {
    /// Waits until all earlier callers have had their turn.
    ///
    /// # Cancellation
    ///
    /// Dropping the future gives up the place, and so does dropping the turn.
    pub(crate) async fn turn(&self) -> QueueTurn<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let place = WaitingGuard(self);
        let first = self.turn.lock().await;
        QueueTurn {
            queue: self,
            _place: place,
            _first: first,
        }
    }

    /// Wakes the first in the queue, so that it checks the limits again.
    pub(crate) fn wake(&self) {
        self.changed.notify_one();
    }

    /// Returns how many callers wait, and when the first of them can go, if that is known.
    pub(crate) fn waiting(&self) -> (usize, Option<Micros>) {
        (self.waiting.load(Ordering::Relaxed), *lock(&self.next))
    }
}

impl QueueTurn<'_> {
    /// Waits until something has changed since the last wait.
    ///
    /// Meanwhile, `next` is reported as the time at which the first call goes.
    pub(crate) async fn change(&self, next: Option<Micros>) {
        *lock(&self.queue.next) = next;
        self.queue.changed.notified().await;
    }
}

impl Drop for QueueTurn<'_> {
    fn drop(&mut self) {
        *lock(&self.queue.next) = None;
    }
}

impl Drop for WaitingGuard<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Locks the mutex, even if another thread panicked while it held it. No critical section leaves
/// its data half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
