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
pub struct Queue(Arc<Mutex<HashMap<String, Arc<Lane>>>>);

/// The queue of one user.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    /// Held by whoever is next; it is handed on in the order of asking.
    turn: tokio::sync::Mutex<()>,
    /// Notified when a call was answered or the limits have changed.
    changed: Notify,
    waiting: AtomicUsize,
    /// When the first in the queue can go, if that is known.
    next: Mutex<Option<Micros>>,
}

/// A place in a queue.
struct Place<'a>(&'a Lane);

/// The first place in a queue.
pub(crate) struct Turn<'a> {
    lane: &'a Lane,
    _place: Place<'a>,
    _first: tokio::sync::MutexGuard<'a, ()>,
}

impl Queue {
    /// Creates an empty queue.
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn lane(&self, user: &str) -> Arc<Lane> {
        Arc::clone(lock(&self.0).entry(user.to_owned()).or_default())
    }
}

impl Lane {
    /// Waits until everyone who has asked before is gone.
    ///
    /// # Cancellation
    ///
    /// A dropped future gives its place up, and so does a dropped turn.
    pub(crate) async fn turn(&self) -> Turn<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let place = Place(self);
        let first = self.turn.lock().await;
        Turn {
            lane: self,
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

impl Turn<'_> {
    /// Waits until something has changed since the last time.
    ///
    /// Meanwhile, `next` is reported as the time at which the first call goes.
    pub(crate) async fn change(&self, next: Option<Micros>) {
        *lock(&self.lane.next) = next;
        self.lane.changed.notified().await;
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *lock(&self.lane.next) = None;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Locks the mutex, even if another thread panicked while it held it. No critical section leaves
/// its data half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
