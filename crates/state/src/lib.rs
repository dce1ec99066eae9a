//! What outlasts a process, in one file: the pages of crawls, the calls of the last hour, tokens,
//! and what sinks remember.
//!
//! [`State`] is the file, opened; it is one of `SQLite`. It is the [`Ledger`](client::ledger::Ledger) of all processes that call
//! in the name of one user, the [`TokenStore`](client::auth::TokenStore) of their tokens, and the
//! list of crawls. Each crawl has a [`Journal`]: every page is journaled before anything is derived
//! from it, and the tables are a function of the journal. [`MemoryJournal`] is a journal for those
//! who want no file.
//!
//! One file, because a crawl, its calls and its deliveries have to survive together, and several
//! processes, because quota belongs to the user and not to a process.
//! The price is that writers take turns. So the journal writes ten times a second and not at each
//! page, and the ledger touches three rows at a call.
//!
//! Every row that matters has a checksum, since `SQLite` notices a damaged tree but not a damaged
//! value. What it cannot notice is a damaged tail of the write-ahead log after a crash: that looks
//! like a power cut, and the file is as it was a moment before.
//!
//! What it leaves out: it decides nothing. When to call is the client's part, what to call is the
//! crawler's, and neither is told of SQL.
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

mod baselines;
mod checksum;
mod crawls;
mod error;
mod files;
mod holder;
mod journal;
mod ledger;
mod schema;
mod sink_store;
mod state;
#[cfg(test)]
mod testing;
mod tokens;

pub use fortilake_client as client;

pub use crate::{
    baselines::Baseline,
    checksum::digest,
    crawls::{Crawl, NewCrawl, Status},
    error::{Error, Kind, Result},
    journal::{Archive, CrawlJournal, Journal, MemoryJournal, Record, RecordKind, Records},
    sink_store::SinkStore,
    state::State,
};
