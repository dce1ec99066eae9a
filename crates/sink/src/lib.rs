//! The contract of a sink, the registry of sinks, and what file sinks share.
//!
//! A [`Sink`] takes the tables of one crawl, batch by batch, and makes them visible at its end.
//! It becomes known by a [`Descriptor`] that it submits to the [`registry`];
//! whoever links the sink's crate can then name it in a [`Spec`] such as `parquet:out`.
//! Neither the crawl nor the command line knows any sink, so a new one changes neither.
//!
//! Arrow is the only data type, and that is a price: a sink for three lines of text needs `arrow-array` too.
//! In return every table of every source reaches every sink, columns added tomorrow included.
//!
//! # A sink
//!
//! ```
//! use fortilake_sink::{
//!     Batch, Context, Delivery, Descriptor, Options, Outcome, Receipt, Result, Sink, Spec, inventory,
//! };
//! use schemars::{JsonSchema, schema_for};
//! use serde::Deserialize;
//!
//! /// Options of the `count` sink.
//! #[derive(Deserialize, JsonSchema)]
//! struct Config {
//!     /// What the receipt is headed with.
//!     label: String,
//! }
//!
//! struct Count {
//!     label: String,
//!     rows: u64,
//! }
//!
//! #[async_trait::async_trait]
//! impl Sink for Count {
//!     async fn write(&mut self, batch: &Batch) -> Result<()> {
//!         self.rows += batch.records.num_rows() as u64;
//!         Ok(())
//!     }
//!
//!     async fn finish(self: Box<Self>, _outcome: &Outcome) -> Result<Receipt> {
//!         Ok(Receipt { location: self.label, rows: self.rows, files: 0, bytes: 0 })
//!     }
//!
//!     async fn abort(self: Box<Self>) -> Result<()> {
//!         Ok(())
//!     }
//! }
//!
//! async fn open(_context: Context, options: Options) -> Result<Box<dyn Sink>> {
//!     let Config { label } = options.parse()?;
//!     Ok(Box::new(Count { label, rows: 0 }))
//! }
//!
//! inventory::submit! {
//!     Descriptor {
//!         name: "count",
//!         summary: "Counts rows.",
//!         target: "label",
//!         delivery: Delivery::Atomic,
//!         options: || schema_for!(Config),
//!         open: |context, options| Box::pin(open(context, options)),
//!         redeliver: None,
//!     }
//! }
//!
//! # fn main() -> Result<()> {
//! let spec = Spec::parse("count:all rows")?;
//! assert_eq!(spec.options["label"], "all rows");
//! assert!(Spec::parse("count:x?lable=y").is_err());
//! # Ok(())
//! # }
//! ```
//!
//! What a sink has to keep to is said at [`Sink`], and `conformance` (a feature, for tests) holds it to that.
//! Features bring what many sinks need: `files` for those that publish into a folder, `json` for rows as JSON.
//!
//! # What is left out
//!
//! Retries, because only the sink knows whether its destination took half of something.
//! Buffering between the crawl and a sink, because the crawl owns the tasks.

pub use arrow_array::RecordBatch;
pub use arrow_schema::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
pub use inventory;

pub use self::contract::{
    Batch, Context, Crawl, FailedScope, Outcome, Receipt, Scopes, Sink, TableSpec, TableTotal,
};
pub use self::descriptor::{Delivery, Descriptor, Opening, Redeliver, Redelivering};
pub use self::error::{Error, Kind, Result};
pub use self::nearest::nearest;
pub use self::options::Options;
pub use self::spec::Spec;
pub use self::store::{MemoryStore, Store};

#[cfg(feature = "conformance")]
pub mod conformance;
mod contract;
mod descriptor;
mod error;
#[cfg(feature = "files")]
pub mod files;
#[cfg(feature = "json")]
pub mod json;
mod nearest;
mod options;
pub mod registry;
mod spec;
mod store;
