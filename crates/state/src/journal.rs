//! The journal of pages.

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A page as it was received, secrets already gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The text.
    pub body: Arc<str>,
    /// When it arrived, in microseconds of Unix time.
    pub observed_at: i64,
}

/// Keeps pages under the name of the call that they answer.
pub trait Journal: Send + Sync {
    /// Keeps a page; a second page of the same name takes the place of the first.
    fn append(&self, key: &str, record: Record);

    /// The page of this name.
    fn read(&self, key: &str) -> Option<Record>;

    /// The page is published and will not be read again in this process.
    fn release(&self, key: &str);
}

/// A [`Journal`] that ends with its process.
///
/// It gives a page's memory back on [`Journal::release`], so it never holds more than the lists
/// that are still being read.
#[derive(Debug, Default)]
pub struct MemoryJournal(Mutex<HashMap<String, Record>>);

impl MemoryJournal {
    fn pages(&self) -> MutexGuard<'_, HashMap<String, Record>> {
        // Each method changes the map in one step, so a panic elsewhere leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for MemoryJournal {
    fn append(&self, key: &str, record: Record) {
        self.pages().insert(key.to_owned(), record);
    }

    fn read(&self, key: &str) -> Option<Record> {
        self.pages().get(key).cloned()
    }

    fn release(&self, key: &str) {
        self.pages().remove(key);
    }
}
