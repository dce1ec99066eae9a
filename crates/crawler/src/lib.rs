//! The crawl engine: plan, fetch, journal, decode, hand to sinks.
//!
//! A [`Crawl`] reads its sources and publishes their rows. A [`Plan`] decides which calls to make:
//! it is a pure fold over outcomes, without clock, I/O or randomness. One task per source makes the
//! calls and journals the pages. A [`Publisher`] turns the pages of each closed scope into batches
//! for the sinks.
//!
//! A scope is published whole or not at all: the rows of an account appear once every page of every
//! list of that account has arrived, and `coverage` then has a row that says so. The price is that
//! the journal has to keep the pages of lists that are still open.
//!
//! The crate does not depend on any particular sink, prints nothing and reads no environment
//! variables.

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
