//! The sink contract, the registry of sinks, and the conformance suite that every sink must pass.
//!
//! A [`Sink`] takes the tables of one crawl in batches and makes them visible when the crawl ends. A sink crate submits
//! a [`Descriptor`] to the [`registry`]. A program that links the crate can then name the sink in a [`Spec`] such as
//! `parquet:out`. Neither the crawler nor the command line names a particular sink, so adding one changes neither.
//!
//! All data is Arrow. In return, every table of every source reaches every sink, including columns that are added
//! later. The price is that even a sink of a few lines depends on `arrow-array`.
//!
//! # Example
//!
//! ```
//! use fortilake_sink::{
//!     Batch, Context, Delivery, Descriptor, Options, Outcome, Receipt, Result, Sink, Spec, Standing,
//!     inventory,
//! };
//! use schemars::{JsonSchema, schema_for};
//! use serde::Deserialize;
//!
//! /// Options of the `count` sink.
//! #[derive(Deserialize, JsonSchema)]
//! struct Config {
//!     /// The receipt's location.
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
//!         Ok(Receipt {
//!             location: self.label,
//!             snapshot: None,
//!             standing: Standing::Latest,
//!             rows: self.rows,
//!             files: 0,
//!             bytes: 0,
//!         })
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
//!         options: || schema_for!(Config),
//!         delivery: |_| Ok(Delivery::Atomic),
//!         open: |context, options| Box::pin(open(context, options)),
//!         probe: |_| Box::pin(async { Ok(()) }),
//!         recover: None,
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
//! The documentation of [`Sink`] lists the rules for sinks. The feature `conformance` provides the test suite that
//! checks them, and the feature `json` encodes rows as JSON, which many sinks need.
//!
//! # Not included
//!
//! - Retries: only the sink knows whether its destination stored part of a request.
//! - Buffering between the crawl and a sink: the crawler owns the tasks and waits for each call.

pub use arrow_array::RecordBatch;
pub use arrow_schema::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
pub use inventory;

pub use self::checked::Checked;
pub use self::contract::{
    Batch, Context, KeyIn, Origin, Partial, Receipt, Sink, Standing, TableSpec,
};
pub use self::crawl::{Crawl, Phase, Selection, choose_name, matches_model};
pub use self::descriptor::{Delivery, Descriptor, Maintain, Task};
pub use self::error::{Error, Kind, Result};
pub use self::nearest::nearest;
pub use self::options::Options;
pub use self::outcome::{
    CarriedScope, FailedScope, Outcome, ScopeOutcome, ScopeResult, Scopes, Summary, TableTotal,
};
pub use self::scope::ScopeId;
pub use self::secret::{Lookup, MaybeSecret, Reference, Secret};
pub use self::spec::Spec;
pub use self::standard_output::standard_output_is_closed;
pub use self::store::{MemoryStore, Store};

mod checked;
#[cfg(feature = "conformance")]
pub mod conformance;
mod contract;
mod crawl;
mod descriptor;
mod error;
pub mod issues;
#[cfg(feature = "json")]
pub mod json;
mod nearest;
mod options;
mod outcome;
pub mod registry;
mod scope;
mod secret;
mod spec;
mod standard_output;
mod store;
#[cfg(feature = "conformance")]
pub mod testing;
