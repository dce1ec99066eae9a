//! Helpers for the tests of this crate.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use tempfile::TempDir;

use crate::{NewCrawl, Record, RecordKind, State};

/// A state directory with clocks that only the test changes.
pub(crate) struct Fixture {
    pub(crate) directory: TempDir,
    /// The true time, as the machine's uptime shows it.
    pub(crate) time: Arc<AtomicI64>,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self {
            directory: tempfile::tempdir().expect("a temporary directory"),
            time: Arc::new(AtomicI64::new(1_767_225_600_000_000)),
        }
    }

    pub(crate) fn open(&self) -> State {
        self.try_open().expect("the state opens")
    }

    pub(crate) fn try_open(&self) -> crate::Result<State> {
        let time = self.time.clone();
        let clock = Arc::new(move || time.load(Ordering::SeqCst));
        State::open(self.directory.path(), clock)
    }

    pub(crate) fn now(&self) -> i64 {
        self.time.load(Ordering::SeqCst)
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }
}

pub(crate) fn new_crawl(id: &str) -> NewCrawl {
    NewCrawl {
        id: id.to_owned(),
        snapshot: format!("snapshot of {id}"),
        fingerprint: "acme".to_owned(),
        version: "0.1.0".to_owned(),
    }
}

pub(crate) fn page(body: &str) -> Record {
    Record {
        kind: RecordKind::Page,
        body: body.into(),
        observed_at: 7,
    }
}
