//! A place whose calls can fail, lose their responses, or wait: for tests, also those of catalogs.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use fortilake_sink::{Error, Kind, Result};
use tokio::sync::{Notify, Semaphore};

use crate::place::{Digest, Link, Lock, Object, Place, Put, Tag, Unfinished, Upload};

/// What goes wrong at one call of a [`Faulty`] place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The process dies before the call does anything.
    Death,
    /// The call takes effect, but the caller gets an error.
    LostAnswer,
    /// A conditional write returns "taken" without writing anything.
    FalseTaken,
}

/// The state that the place and its uploads share.
pub struct Control {
    fault: Option<(Fault, usize)>,
    calls: AtomicUsize,
    is_dead: AtomicBool,
    /// One permit per call that may proceed, in tests that suspend a process.
    permits: Option<Semaphore>,
    /// Notified when a call is suspended.
    pub stopped: Notify,
}

impl fmt::Debug for Control {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Control")
    }
}

/// A place that counts its calls and fails at one of them.
#[derive(Clone, Debug)]
pub struct Faulty {
    place: Arc<dyn Place>,
    /// The state that all clones share.
    pub control: Arc<Control>,
}

impl Faulty {
    /// A place with this fault at call `at`, counted from 0.
    pub fn new(place: Arc<dyn Place>, fault: Fault, at: usize) -> Self {
        Self::with(place, Some((fault, at)), None)
    }

    /// A place that suspends its caller after `after` calls, until [`go_on`](Self::go_on).
    pub fn stopping(place: Arc<dyn Place>, after: usize) -> Self {
        Self::with(place, None, Some(Semaphore::new(after)))
    }

    fn with(
        place: Arc<dyn Place>,
        fault: Option<(Fault, usize)>,
        permits: Option<Semaphore>,
    ) -> Self {
        let control = Control {
            fault,
            calls: AtomicUsize::new(0),
            is_dead: AtomicBool::new(false),
            permits,
            stopped: Notify::new(),
        };
        Self {
            place,
            control: Arc::new(control),
        }
    }

    /// The number of calls so far.
    pub fn calls(&self) -> usize {
        self.control.calls.load(Ordering::Relaxed)
    }

    /// Lets all calls proceed.
    pub fn go_on(&self) {
        if let Some(permits) = &self.control.permits {
            permits.add_permits(1_000_000);
        }
    }
}

fn lost() -> Error {
    Error::new(Kind::Unavailable, "no answer")
}

impl Control {
    /// Counts a call and returns the fault that applies to it.
    async fn begin(&self) -> Result<Option<Fault>> {
        if let Some(permits) = &self.permits {
            if permits.available_permits() == 0 {
                self.stopped.notify_one();
            }
            let permit = permits.acquire().await;
            permit.expect("the semaphore is never closed").forget();
        }
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let fault = self.fault.filter(|(_, at)| *at == number);
        if fault.is_some_and(|(fault, _)| fault == Fault::Death) {
            self.is_dead.store(true, Ordering::Relaxed);
        }
        if self.is_dead.load(Ordering::Relaxed) {
            return Err(Error::new(Kind::Unavailable, "the process is dead"));
        }
        Ok(fault.map(|(fault, _)| fault))
    }

    async fn run<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        let fault = self.begin().await?;
        let done = call.await?;
        match fault {
            Some(Fault::LostAnswer) => Err(lost()),
            _ => Ok(done),
        }
    }

    async fn put(&self, call: impl Future<Output = Result<Put>>) -> Result<Put> {
        match self.begin().await? {
            Some(Fault::FalseTaken) => Ok(Put::Taken),
            Some(Fault::LostAnswer) => call.await.and(Err(lost())),
            _ => call.await,
        }
    }
}

#[async_trait]
impl Place for Faulty {
    fn location(&self) -> String {
        self.place.location()
    }

    async fn has_links(&self) -> Result<bool> {
        self.place.has_links().await
    }

    async fn probe(&self, folders: &[String]) -> Result<()> {
        self.control.run(self.place.probe(folders)).await
    }

    async fn recover(&self) -> Result<()> {
        self.control.run(self.place.recover()).await
    }

    fn has_locks(&self) -> bool {
        self.place.has_locks()
    }

    async fn lock(&self) -> Result<Option<Lock>> {
        self.control.run(self.place.lock()).await
    }

    async fn try_lock(&self) -> Result<Option<Lock>> {
        self.control.run(self.place.try_lock()).await
    }

    async fn get(&self, path: &str) -> Result<Option<Object>> {
        self.control.run(self.place.get(path)).await
    }

    async fn tail(&self, path: &str, count: u64) -> Result<Option<Vec<u8>>> {
        self.control.run(self.place.tail(path, count)).await
    }

    async fn read(&self, path: &str, range: Range<u64>) -> Result<Option<Vec<u8>>> {
        self.control.run(self.place.read(path, range)).await
    }

    async fn digest(&self, path: &str) -> Result<Option<Digest>> {
        self.control.run(self.place.digest(path)).await
    }

    async fn put_new(&self, path: &str, content: Vec<u8>) -> Result<Put> {
        self.control.put(self.place.put_new(path, content)).await
    }

    async fn swap(&self, path: &str, expected: Option<&Tag>, content: Vec<u8>) -> Result<Put> {
        self.control
            .put(self.place.swap(path, expected, content))
            .await
    }

    async fn copy(&self, from: &str, to: &str) -> Result<()> {
        self.control.run(self.place.copy(from, to)).await
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>> {
        self.control.run(self.place.list(folder)).await
    }

    async fn delete(&self, path: &str) -> Result<()> {
        self.control.run(self.place.delete(path)).await
    }

    async fn begin(&self, path: &str) -> Result<Box<dyn Upload>> {
        let begun = self.place.begin(path);
        let upload = self.control.run(begun).await?;
        Ok(Box::new(FaultyUpload {
            upload,
            control: Arc::clone(&self.control),
        }))
    }

    async fn discard(&self, path: &str, id: &str) -> Result<()> {
        self.control.run(self.place.discard(path, id)).await
    }

    async fn uploads(&self) -> Result<Vec<Unfinished>> {
        self.control.run(self.place.uploads()).await
    }

    async fn read_link(&self, path: &str) -> Result<Link> {
        self.control.run(self.place.read_link(path)).await
    }

    async fn swap_link(&self, path: &str, expected: &Link, target: &str) -> Result<Put> {
        self.control
            .put(self.place.swap_link(path, expected, target))
            .await
    }
}

struct FaultyUpload {
    upload: Box<dyn Upload>,
    control: Arc<Control>,
}

#[async_trait]
impl Upload for FaultyUpload {
    fn id(&self) -> Option<&str> {
        self.upload.id()
    }

    async fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        self.control.run(self.upload.write(bytes)).await
    }

    async fn complete(self: Box<Self>) -> Result<()> {
        self.control.run(self.upload.complete()).await
    }

    async fn discard(self: Box<Self>) -> Result<()> {
        self.control.run(self.upload.discard()).await
    }
}
