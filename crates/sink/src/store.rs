//! The persistent memory of a sink.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::Result;

#[cfg(test)]
mod tests;

/// A small persistent key-value store of one sink.
///
/// It holds what a sink must know after a crash, such as the ids that its destination has acknowledged. Store kilobytes
/// in it, not rows.
///
/// Every configured sink has its own store and keeps it across crawls. So put the crawl's id into the keys of values
/// that concern one crawl, and delete them when the crawl is done.
///
/// Calls are asynchronous because the store may be in a database. A call can take milliseconds, so do not make one per
/// row. When [`put`](Store::put) or [`delete`](Store::delete) returns, the change survives the death of the process.
#[async_trait]
pub trait Store: Debug + Send + Sync {
    /// The value of `key`, or `None`.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>>;

    /// Sets the value of `key`, replacing an earlier value.
    async fn put(&self, key: &str, value: &[u8]) -> Result<()>;

    /// Deletes `key`. It is not an error if the key does not exist.
    async fn delete(&self, key: &str) -> Result<()>;

    /// All keys that begin with `prefix`, sorted by their UTF-8 bytes.
    async fn keys(&self, prefix: &str) -> Result<Vec<String>>;
}

/// A [`Store`] in memory, for tests and for runs without a state. Its content is lost when it is dropped.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<BTreeMap<String, Vec<u8>>>);

impl MemoryStore {
    fn with<T>(&self, change: impl FnOnce(&mut BTreeMap<String, Vec<u8>>) -> T) -> T {
        // A call cannot stop halfway through a change, so the map is intact even if another thread panicked.
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.with(|map| map.get(key).cloned()))
    }

    async fn put(&self, key: &str, value: &[u8]) -> Result<()> {
        self.with(|map| map.insert(key.to_owned(), value.to_owned()));
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.with(|map| map.remove(key));
        Ok(())
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>> {
        let is_wanted = |key: &&String| key.starts_with(prefix);
        Ok(self.with(|map| map.keys().filter(is_wanted).cloned().collect()))
    }
}
