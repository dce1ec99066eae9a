//! The suite that every sink passes: ours, and those of others.
//!
//! A sink's author says how to make a [`Destination`] and how to read it, and calls [`check`] from one test:
//!
//! ```
//! # mod my_sink { fortilake_sink::inventory::submit! { fortilake_sink::Descriptor {
//! #     name: "my-sink", summary: "For this example.", target: "path", delivery: fortilake_sink::Delivery::Atomic,
//! #     options: || schemars::schema_for!(()), open: |_, _| unimplemented!(), redeliver: None,
//! # } } }
//! use fortilake_sink::conformance::{self, Destination, Part, View};
//! use fortilake_sink::{Context, Options};
//! use serde_json::json;
//!
//! struct Folder(tempfile::TempDir);
//!
//! impl Destination for Folder {
//!     fn options(&self) -> Options {
//!         Options::from_iter([("path", json!(self.0.path()))])
//!     }
//!
//!     fn read(&self, context: &Context) -> View {
//!         let file = self.0.path().join(format!("{}.json", context.crawl.id));
//!         let Ok(text) = std::fs::read(file) else {
//!             return View::default();
//!         };
//!         let tables: Vec<(String, Vec<serde_json::Value>)> = serde_json::from_slice(&text).unwrap();
//!         let parts = tables.into_iter().map(|(table, rows)| Part { table, id: None, rows });
//!         View { whole: true, parts: parts.collect() }
//!     }
//! }
//!
//! // With `#[tokio::test]` above it.
//! async fn passes_the_suite() {
//!     conformance::check("my-sink", || Folder(tempfile::tempdir().unwrap())).await;
//! }
//! ```
//!
//! Which cases apply follows from the [`Delivery`](crate::Delivery) that the sink declares
//! and from what its destination can be made to do; what was left out is in the [`Report`] with the reason.
//! A case that fails says what was done, what was expected, what was seen, and which rule of the contract it is about.
//!
//! What the suite cannot see: the death of the process (it drops futures and sinks instead, at every await point),
//! and a call of [`finish`](crate::Sink::finish) after [`finish`](crate::Sink::finish), which does not compile.

use crate::{Context, Options};

#[cfg(feature = "files")]
pub use self::folder::Folder;
pub use self::report::{Case, Report, Verdict};
pub use self::value::{rows, value};

mod bench;
mod cases;
mod compare;
#[cfg(feature = "files")]
mod folder;
mod load;
mod report;
#[cfg(test)]
mod tests;
mod value;

/// A place of its own that sinks deliver to, as its readers see it.
///
/// Each case begins with a fresh one, and opens one sink after the other on it.
pub trait Destination {
    /// The options that open the sink here; the same every time.
    fn options(&self) -> Options;

    /// What a reader sees just now of the crawl in `context`.
    ///
    /// It is called at any time, also while a sink is at work, and looks only at what readers are meant to look at.
    fn read(&self, context: &Context) -> View;

    /// Puts the destination into a state in which it fails, or says `false` if that cannot be done.
    ///
    /// It may be called before a sink is opened and between its calls.
    fn fail(&self, fault: Fault) -> bool {
        let _ = fault;
        false
    }

    /// Ends what [`fail`](Destination::fail) began.
    fn heal(&self) {}

    /// What is there that no reader is meant to see and no sink needs any more, such as staged files.
    ///
    /// It is asked after a sink was aborted or has finished, and should then be empty.
    fn leftovers(&self) -> Vec<String> {
        Vec::new()
    }

    /// By how many bytes this process may grow while the sink takes 64 MiB of rows.
    ///
    /// `None` if the size of this process says nothing about the sink, as when the receiver lives in it too.
    fn memory(&self) -> Option<u64> {
        None
    }
}

/// A way to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It does not answer, or answers that it cannot just now; the sink's error must be transient.
    Down,
    /// It has no room; the sink's error must be of [`Kind::Full`](crate::Kind::Full).
    Full,
    /// It takes everything, but slowly; the sink must not fail.
    Slow,
}

/// What a reader of a destination sees of one crawl.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// Whether the reader has been told that this is all: the snapshot is published, the outcome has come.
    pub whole: bool,
    /// The rows, in any order.
    pub parts: Vec<Part>,
}

/// Some rows that reached a reader together: a file, a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The table.
    pub table: String,
    /// The id by which a reader tells that a part came twice; `None` where there is no such id.
    pub id: Option<String>,
    /// The rows as objects, with the values in the form of [`json`](crate::json).
    ///
    /// [`rows`] makes them of Arrow, and [`value`] of the text of a cell.
    pub rows: Vec<serde_json::Value>,
}

/// Runs the suite, and panics with the report if a case fails.
///
/// `sink` is the name in the [registry](crate::registry), and `fresh` makes a destination that nobody has used.
/// It runs on any tokio runtime with time and I/O enabled.
///
/// # Panics
///
/// If a case fails, with the whole [`Report`] as the message.
pub async fn check<D: Destination>(sink: &str, fresh: impl Fn() -> D) {
    let report = run(sink, fresh).await;
    assert!(report.passed(), "{report}");
}

/// Runs the suite and says how each case went.
pub async fn run<D: Destination>(sink: &str, fresh: impl Fn() -> D) -> Report {
    let fresh = || -> Box<dyn Destination + '_> { Box::new(fresh()) };
    cases::run(sink, &fresh).await
}
