//! The crawl engine: plan, fetch, journal, decode, hand to sinks.
//!
//! A [`Crawl`] reads its sources and publishes their rows. A planner per system decides which calls to make:
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

mod carry;
mod changes;
mod collect;
mod crawl;
mod deliver;
mod due;
mod edition;
mod error;
mod facts;
mod fetch;
mod freeze;
mod guard;
mod handover;
mod in_order;
mod journal;
mod notes;
mod publish;
mod read;
mod refresh;
mod report;
mod scope;
mod sink_tasks;
mod span;
mod store;
mod stored_scope;
mod systems;
mod tables;

pub use crate::{
    carry::{Carry, EarlierCrawl},
    changes::{Batches, Begun, ChangeRows, FindChanges, Since},
    crawl::{Crawl, Incomplete, Source},
    due::Refresh,
    edition::{edition, models_digest},
    error::{Error, Kind, Result, one_line},
    facts::{
        DetailsSubject, Facts, Ids, ListFacts, Names, OffsetFacts, ProductName, UnusableTotal,
    },
    fetch::{Failure, FailureKind, Fetch, Outcome, Rejected},
    freeze::Postponed,
    guard::{AccountShrink, Baselines, Guard, ScopeBaseline, Shrink, ShrinkLimits},
    in_order::InOrder,
    notes::reading_has_ended,
    publish::{CoverageRow, DecodedPages, Drift, Publisher, RawPage, Reload, TOGETHER_BYTES},
    read::ReusablePages,
    report::{Event, Observer, Report},
    scope::{Pages, Scope},
    sink_tasks::{OpenSink, SinkReport},
    store::sink_store,
    systems::{
        ApiKey, Check, ConnectionConfig, Estimate, Step, System,
        forticloud::FortiCloudPlanner,
        settings::{DetailsFor, ScopeMode, Search, Settings},
    },
    tables::{changes_table, spec, tables_of},
};
