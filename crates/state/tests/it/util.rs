//! Helpers for these tests.

use std::{
    path::Path,
    sync::{Arc, LazyLock},
    time::Duration,
};

use fortilake_auth::Clock;
use fortilake_client::{Window, ledger::Limits};
use fortilake_state::{Clocks, CrawlJournal, Journal, NewCrawl, Record, RecordKind, State};
use tokio::runtime::{Builder, Runtime};

/// The time of the clock in these tests, which stands still.
pub(crate) const NOW: i64 = 1_767_225_600_000_000;

pub(crate) fn open(directory: &Path) -> fortilake_state::Result<State> {
    let clock: Clock = Arc::new(|| NOW);
    let clocks = Clocks {
        wall: clock.clone(),
        uptime: clock,
        boot: "boot".to_owned(),
    };
    State::open_with(directory, clocks)
}

pub(crate) fn begin(state: &State, id: &str) -> CrawlJournal {
    let new = NewCrawl {
        id: id.to_owned(),
        snapshot: "20260101T000000Z".to_owned(),
        fingerprint: "acme".to_owned(),
        version: "0.1.0".to_owned(),
    };
    state.begin(&new).expect("it begins")
}

pub(crate) fn page(body: &str) -> Record {
    Record {
        kind: RecordKind::Page,
        body: body.into(),
        observed_at: NOW,
    }
}

pub(crate) fn hundred_an_hour() -> Limits {
    Limits {
        calls: vec![Window {
            max: 100,
            per: Duration::from_hours(1),
        }],
        errors: None,
    }
}

/// The records of a journal, up to the first that cannot be read.
pub(crate) fn records(journal: &CrawlJournal) -> fortilake_state::Result<Vec<(String, Record)>> {
    journal
        .records()?
        .map(|record| record.map(|(key, record)| (key.to_string(), record)))
        .collect()
}

/// Waits for a future, for tests that have no runtime of their own.
pub(crate) trait Wait: Future + Sized {
    fn wait(self) -> Self::Output {
        static RUNTIME: LazyLock<Runtime> =
            LazyLock::new(|| Builder::new_current_thread().build().expect("a runtime"));
        RUNTIME.block_on(self)
    }
}

impl<F: Future> Wait for F {}
