//! The crawl engine: plan, fetch, journal, decode, hand to sinks.
//!
//! A [`Crawl`] reads its sources and publishes their rows.
//! What to call is decided by a [`Plan`], a fold over outcomes without clock, I/O or randomness;
//! a task per source makes the calls and journals the pages; and a [`Publisher`] turns the pages
//! of each closed scope into numbered batches for the sinks.
//!
//! A scope is published whole or not at all: the rows of an account appear once every page of
//! every list of it is in, and its row in the `coverage` table says so.
//! The price is that the pages of a list that is still open have to be kept, in the journal.
//!
//! The crate knows no sink by name, prints nothing and reads no environment variable.

mod authenticator;
mod crawl;
mod error;
mod facts;
mod fetch;
mod guard;
mod lanes;
mod plan;
mod planner;
mod portal;
mod publish;
mod read;
mod report;
mod scope;
mod store;
mod tables;

pub use fortilake_sink as sink;
pub use fortilake_state as state;
pub use fortilake_state::client;

pub use crate::{
    crawl::{Clock, Crawl, Incomplete, Source},
    error::{Error, Kind, Result, one_line},
    facts::{CountedFacts, Facts, Ids, ListFacts, Names, ProductName},
    fetch::{Failure, FailureKind, Fetch, Outcome, Rejected},
    guard::{AccountShrink, Guard, Shrink},
    lanes::{OpenSink, SinkReport},
    plan::{DetailsFor, Plan, ScopeMode, Search, Settings, Step, System},
    publish::{Census, CoverageRow, Drift, Page, Publisher, Tally},
    read::Older,
    report::{Event, Observer, Report},
    scope::{Pages, Scope},
    store::sink_store,
    tables::{spec, tables_of},
};
