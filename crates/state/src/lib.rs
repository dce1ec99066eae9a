//! Everything that survives the process: the pages of crawls, recent calls, tokens, and the values
//! that sinks store. It is in one `SQLite` file or, with the feature `postgres`, in a database that
//! several machines share.
//!
//! [`State`] is the open file or database. It implements the [`Ledger`](fortilake_client::ledger::Ledger) of all
//! processes that call the API as the same user, and the [`TokenStore`](fortilake_auth::TokenStore)
//! for their tokens. It also lists the crawls. Each crawl has a [`Journal`]: every page is written
//! to the journal before tables are derived from it, so the tables can always be derived again.
//! [`MemoryJournal`] is a journal without a file.
//!
//! It is one file, because a crawl, its calls and its deliveries must survive a crash together.
//! Several processes share it, because the API's rate limits apply to the user and not to a
//! process. The price is that writers take turns. To keep turns short, pages that arrive during a
//! write share the next transaction, and the ledger touches only a few rows per call.
//!
//! Every important row has a checksum, because `SQLite` detects a damaged tree but not a damaged
//! value. Checksums cannot detect a damaged end of the write-ahead log after a crash: `SQLite`
//! drops it, and the file looks as if the power had failed a moment earlier.
//!
//! This crate makes no decisions: the client decides when to call, and the crawler decides what to
//! call. Neither of them sees SQL.
//!
//! ```
//! use std::sync::Arc;
//! use fortilake_state::{Journal, NewCrawl, Record, RecordKind, State, Status};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let directory = tempfile::tempdir()?;
//! let clock = Arc::new(|| 1_767_225_600_000_000);
//! let state = State::open(directory.path(), clock.clone())?;
//! let crawl = NewCrawl {
//!     id: "20260101T000000Z-4f2a".to_owned(),
//!     snapshot: "20260101T000000Z".to_owned(),
//!     fingerprint: "forticloud acme".to_owned(),
//!     version: "0.1.0".to_owned(),
//! };
//! let journal = state.begin(&crawl)?;
//! let page = Record { kind: RecordKind::Page, body: "{}".into(), observed_at: 7 };
//! journal.append("acme units/list {} 0", page.clone())?;
//! journal.set_status(Status::Paused)?;
//! drop((journal, state));
//!
//! let state = State::open(directory.path(), clock)?;
//! let left = state.crawls()?.remove(0);
//! assert!(left.status.is_unfinished());
//! let journal = state.take_up(&left.id)?;
//! assert_eq!(journal.read("acme units/list {} 0")?, Some(page));
//! # Ok(())
//! # }
//! ```

mod backend;
mod baselines;
mod checksum;
mod clocks;
mod crawls;
mod error;
mod journal;
mod ledger;
#[cfg(feature = "postgres")]
mod postgres;
mod process;
mod records;
mod sink_store;
mod sqlite;
mod state;
#[cfg(test)]
mod testing;
mod tokens;

#[cfg(feature = "postgres")]
pub use crate::postgres::{PostgresConfig, TokenKey};
pub use crate::{
    baselines::Baseline,
    checksum::digest,
    clocks::{Clocks, Correction, OnCorrection},
    crawls::{Crawl, NewCrawl, Status},
    error::{Error, Kind, Result},
    journal::{Archive, CrawlJournal, Journal, MemoryJournal, Records},
    records::{Record, RecordKind},
    sink_store::SinkStore,
    state::State,
};
