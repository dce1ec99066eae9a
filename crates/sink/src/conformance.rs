//! The conformance suite for sinks, ours and everybody else's.
//!
//! The author of a sink implements [`Destination`], which opens and reads the sink's destination, and calls [`check`]
//! in a test:
//!
//! ```
//! # mod my_sink { fortilake_sink::inventory::submit! { fortilake_sink::Descriptor {
//! #     name: "my-sink", summary: "For this example.", target: "path",
//! #     options: || schemars::schema_for!(()), delivery: |_| Ok(fortilake_sink::Delivery::Atomic),
//! #     open: |_, _| unimplemented!(), probe: |_| unimplemented!(), recover: None, redeliver: None,
//! # } } }
//! use fortilake_sink::conformance::{self, Destination, Part, View};
//! use fortilake_sink::{Context, Options};
//! use serde_json::json;
//!
//! struct Folder(tempfile::TempDir);
//!
//! #[async_trait::async_trait(?Send)]
//! impl Destination for Folder {
//!     fn options(&self) -> Options {
//!         Options::from_iter([("path", json!(self.0.path()))])
//!     }
//!
//!     async fn read(&self, context: &Context) -> View {
//!         let file = self.0.path().join(format!("{}.json", context.crawl.id));
//!         let Ok(text) = std::fs::read(file) else {
//!             return View::default();
//!         };
//!         let tables: Vec<(String, Vec<serde_json::Value>)> = serde_json::from_slice(&text).unwrap();
//!         let parts = tables.into_iter().map(|(table, rows)| Part { table, id: None, rows });
//!         View { whole: true, parts: parts.collect(), summary: None }
//!     }
//! }
//!
//! // With `#[tokio::test]` above it.
//! async fn passes_the_suite() {
//!     conformance::check("my-sink", async || Folder(tempfile::tempdir().unwrap())).await;
//! }
//! ```
//!
//! The cases that run depend on the sink's [`Delivery`](crate::Delivery) and on what its destination supports. The
//! [`Report`] lists skipped cases with the reason. For a failed case, it shows the calls that were made, the expected
//! and the actual result, and the rule of the contract that was broken.
//!
//! Sinks are opened as a crawl opens them, wrapped in [`Checked`](crate::Checked), so no case tests what that enforces.
//!
//! The suite simulates a crash by dropping futures and sinks at every point where they wait: on an empty destination,
//! on a published crawl, and while a crawl replaces the previous one. Killing real processes would be closer to a
//! crash, but takes a process per point and cannot hit each point reliably. The price is that crashes between two waits
//! are not simulated. The case `seamless` covers these: a reader reads while crawls are published, and sees every state
//! that such a crash would leave.
//!
//! The suite does not test whether data survives a power failure.

use async_trait::async_trait;

use crate::{Context, DataType, Options, Summary};

pub use self::report::{Case, CaseResult, Report};
pub use self::value::{rows, value};

mod bench;
mod cases;
mod compare;
mod load;
mod model;
mod report;
#[cfg(test)]
mod tests;
mod value;

/// A destination under test: how to open sinks on it, and what its readers see.
///
/// Each case starts with a new destination and opens one or more sinks on it, one after another.
#[async_trait(?Send)]
pub trait Destination {
    /// The options for opening a sink on this destination, with secrets as values. The same on every call.
    fn options(&self) -> Options;

    /// What a reader sees now of the crawl in `context`.
    ///
    /// It can be called at any time, even while a sink is working. It must use only files or interfaces that are meant
    /// for readers.
    async fn read(&self, context: &Context) -> View;

    /// How the destination stores `text`.
    ///
    /// Override it if the destination cannot store some characters and replaces them, as a database may do with U+0000.
    fn stores(&self, text: &str) -> String {
        text.to_owned()
    }

    /// Whether the destination can store columns of this type. The tables of a crawl have no `Int32` and no `UInt64`.
    ///
    /// The suite leaves out columns of other types. The sink has to refuse such a column with an error that names it.
    fn has_type(&self, data_type: &DataType) -> bool {
        let _ = data_type;
        true
    }

    /// Makes the destination fail in this way; returns `false` if that is not possible.
    ///
    /// It may be called before a sink is opened and between a sink's calls.
    async fn fail(&self, fault: Fault) -> bool {
        let _ = fault;
        false
    }

    /// Ends the failure that [`fail`](Destination::fail) started.
    async fn heal(&self) {}

    /// Leftovers that neither readers nor later sinks need, such as staged files.
    ///
    /// The suite expects none after a sink has finished or aborted.
    async fn leftovers(&self) -> Vec<String> {
        Vec::new()
    }

    /// The number of bytes that this process may grow by while the sink takes 64 MiB of rows, after the first 16 MiB.
    ///
    /// `None` skips the case. Use it if something else in this process uses memory too, such as a receiver.
    fn memory(&self) -> Option<u64> {
        None
    }

    /// Whether all crawls update the same rows, as in a database, instead of each making its own snapshot.
    ///
    /// If so, [`read`](Destination::read) returns all current rows, including those that an earlier crawl wrote and no
    /// later crawl deleted.
    fn keeps_rows(&self) -> bool {
        false
    }
}

/// A way in which a destination fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It does not respond, or reports that it is unavailable. The sink's error must be transient.
    Down,
    /// It is full. The sink's error must have the kind [`Full`](crate::Kind::Full).
    Full,
    /// It accepts everything, but slowly. The sink must not fail.
    Slow,
}

/// What a reader of a destination sees of one crawl.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// Whether the destination reports the crawl as whole: the snapshot is published, or the outcome has arrived.
    pub whole: bool,
    /// The visible rows, in any order.
    pub parts: Vec<Part>,
    /// The summary that readers get, in a manifest or the last message; `None` if the destination has none.
    pub summary: Option<Summary>,
}

/// Rows that reach a reader together, such as a file or a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The name of the table.
    pub table: String,
    /// The id by which readers recognize a repeated part; `None` if there is no such id.
    pub id: Option<String>,
    /// The rows as objects, with values as [`json`](crate::json) encodes them.
    ///
    /// [`rows`] converts Arrow batches, and [`value`] converts the text of a cell.
    pub rows: Vec<serde_json::Value>,
}

/// Runs the suite, and panics with the report if a case fails.
///
/// `sink` is the name in the [registry](crate::registry), and `fresh` creates a new, empty destination. The suite runs
/// on any tokio runtime with time and I/O enabled. In the case `seamless`, the sink runs on another runtime in another
/// thread.
///
/// # Panics
///
/// If a case fails, with the whole [`Report`] as the message.
pub async fn check<D: Destination>(sink: &str, fresh: impl AsyncFn() -> D) {
    let report = run(sink, fresh).await;
    assert!(report.passed(), "{report}");
}

/// Runs the suite and returns the report.
pub async fn run<D: Destination>(sink: &str, fresh: impl AsyncFn() -> D) -> Report {
    run_cases(sink, |_| true, fresh).await
}

/// Runs the cases whose names `select` accepts, and returns a report of these alone.
///
/// Use it while you work on one rule, or to divide the suite among tests that run at the same time: the cases whose
/// names start with `crash_in_` take a quarter to a half of the time. A selection without any case fails.
pub async fn run_cases<D: Destination>(
    sink: &str,
    select: impl Fn(&str) -> bool,
    fresh: impl AsyncFn() -> D,
) -> Report {
    let fresh = || -> bench::Making<'_> {
        let making = fresh();
        Box::pin(async { Box::new(making.await) as Box<dyn Destination> })
    };
    cases::run(sink, &select, &fresh).await
}
