//! The `delta` sink: Parquet files, and a Delta log for each table that lists them.
//!
//! The crate has no public items. Naming it links the sink into the [registry](fortilake_sink::registry), and a
//! [`Spec`](fortilake_sink::Spec) opens it.
//!
//! ```
//! use fortilake_sink::Spec;
//! use fortilake_sink_delta as _;
//!
//! let spec = Spec::parse("delta:lake?compression=snappy")?;
//! assert_eq!(spec.options["path"], "lake");
//! # Ok::<(), fortilake_sink::Error>(())
//! ```
//!
//! The files are those of the `parquet` sink, in the layout `snapshots`: one place can be read through its manifests
//! and through Delta. Beside the files of a table lies `TABLE/_delta_log`. Each snapshot is one version, which replaces
//! the whole table.
//!
//! # Why the log is written here
//!
//! A commit is a file of JSON lines that is put if it is absent, which a [`Place`](fortilake_snapshot::Place) can do.
//! The libraries that write Delta bring an object store, an HTTP client and a query engine of their own. The price is
//! that this crate has to know the format; other implementations read its tables in the interop tests.
//!
//! # Not supported
//!
//! Checkpoints are not written, because a glob over the table's folder would count their rows. Readers have to read a
//! small file for each snapshot instead.

mod actions;
mod catalog;
mod config;
mod log;
mod schema;
mod sink;
mod statistics;
