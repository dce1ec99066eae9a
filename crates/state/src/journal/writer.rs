//! Group commit: a thread writes appended records, many in one transaction.
//!
//! Each transaction needs a sync, which takes milliseconds for any number of records. So records
//! that are appended during a transaction share the next one. A record that is appended while the
//! thread is idle is written at once. Collecting records for a fixed time instead would need fewer
//! syncs, but a kill would lose more of them, and each lost record costs an API call.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use crate::{
    Error, Kind, Record, Result,
    backend::RecordWriter,
    records::{Stored, compressor},
};

/// How many bytes may be unwritten before `append` has to wait …
pub(super) const WAITING: usize = 64 << 20;

/// … and how many records. This limits what a kill can lose, however fast records are appended.
const BACKLOG: usize = 2048;

/// The handle of the writer thread. Dropping it writes all records and ends the thread.
pub(super) struct Writer {
    shared: Arc<Shared>,
    thread: Option<thread::JoinHandle<()>>,
}

struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<(Arc<str>, Record)>,
    /// The bytes of all records that are waiting or being written.
    bytes: usize,
    /// How many records have been appended …
    appended: u64,
    /// … and how many of them are committed. They are committed in the order of appending.
    committed: u64,
    /// The last uncommitted record of each key, for reading it back.
    unwritten: HashMap<Arc<str>, Record>,
    closing: bool,
    failure: Option<Error>,
}

/// The state of the writer thread.
struct WriterThread {
    shared: Arc<Shared>,
    records: Box<dyn RecordWriter>,
    compressor: zstd::bulk::Compressor<'static>,
}

impl Writer {
    pub(super) fn start(records: Box<dyn RecordWriter>) -> Result<Self> {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            changed: Condvar::new(),
        });
        let mut writer = WriterThread {
            shared: shared.clone(),
            records,
            compressor: compressor()?,
        };
        let thread = thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| {
                Error::new(Kind::Unforeseen, "cannot start the journal's writer thread")
                    .with_source(error)
            })?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    pub(super) fn append(&self, key: &str, record: Record) -> Result<()> {
        let mut queue = self.shared.lock();
        while queue.is_too_much() && queue.failure.is_none() {
            queue = self.shared.wait(queue);
        }
        if let Some(failure) = &queue.failure {
            return Err(failure.clone());
        }
        let key: Arc<str> = key.into();
        queue.bytes += record.body.len();
        queue.appended += 1;
        queue.unwritten.insert(key.clone(), record.clone());
        queue.waiting.push((key, record));
        // The thread sleeps only while nothing is waiting, so only the first record has to wake it.
        if queue.waiting.len() == 1 {
            self.shared.changed.notify_all();
        }
        Ok(())
    }

    pub(super) fn flush(&self) -> Result<()> {
        let mut queue = self.shared.lock();
        // Records that are appended from now on are not waited for.
        let appended = queue.appended;
        while queue.failure.is_none() && queue.committed < appended {
            queue = self.shared.wait(queue);
        }
        queue.failure.clone().map_or(Ok(()), Err)
    }

    #[cfg(test)]
    pub(super) fn waiting_bytes(&self) -> usize {
        self.shared.lock().bytes
    }

    /// The record with this key, if it is not committed yet.
    pub(super) fn unwritten(&self, key: &str) -> Option<Record> {
        self.shared.lock().unwritten.get(key).cloned()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.lock().closing = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread is already recorded as a failure.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // No method panics between related changes, so the queue is intact even if a thread
        // panicked.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, queue: MutexGuard<'a, Queue>) -> MutexGuard<'a, Queue> {
        self.changed
            .wait(queue)
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for records to write. Returns `None` once the journal is closed and everything is
    /// written.
    fn next(&self) -> Option<Vec<(Arc<str>, Record)>> {
        let mut queue = self.lock();
        while queue.waiting.is_empty() {
            if queue.closing {
                return None;
            }
            queue = self.wait(queue);
        }
        Some(mem::take(&mut queue.waiting))
    }

    fn written(&self, batch: &[(Arc<str>, Record)], result: Result<()>) {
        let mut queue = self.lock();
        match result {
            Ok(()) => {
                queue.committed += batch.len() as u64;
                for (key, record) in batch {
                    queue.bytes -= record.body.len();
                    // Keep a newer record of the same key that is still waiting.
                    if queue
                        .unwritten
                        .get(key)
                        .is_some_and(|last| Arc::ptr_eq(&last.body, &record.body))
                    {
                        queue.unwritten.remove(key);
                    }
                }
            }
            Err(failure) => queue.failure = Some(failure),
        }
        self.changed.notify_all();
    }
}

impl Queue {
    fn is_too_much(&self) -> bool {
        self.waiting.len() >= BACKLOG || self.bytes > WAITING
    }
}

impl WriterThread {
    fn run(&mut self) {
        let shared = self.shared.clone();
        let _end = StopGuard(&shared);
        while let Some(batch) = shared.next() {
            let result = self.write(&batch);
            let failed = result.is_err();
            shared.written(&batch, result);
            if failed {
                return;
            }
        }
    }

    fn write(&mut self, batch: &[(Arc<str>, Record)]) -> Result<()> {
        // Compress before the transaction starts, because the ledger waits for transactions.
        let rows = batch
            .iter()
            .map(|(key, record)| Stored::new(key.clone(), record, &mut self.compressor))
            .collect::<Result<Vec<_>>>()?;
        self.records.write(&rows)
    }
}

/// Records a failure when the thread ends, even by a panic, so that no caller waits for it forever.
struct StopGuard<'a>(&'a Shared);

impl Drop for StopGuard<'_> {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        queue.failure.get_or_insert_with(|| {
            Error::new(Kind::Unforeseen, "the journal's writer thread has stopped")
        });
        self.0.changed.notify_all();
    }
}
