//! The `parquet` sink: every table as a Parquet file, ready for any engine that reads them.
//!
//! The crate has no items to call: naming it links the sink into the
//! [registry](fortilake_sink::registry), and a [`Spec`](fortilake_sink::Spec) opens it.
//!
//! ```
//! use fortilake_sink::Spec;
//! use fortilake_sink_parquet as _;
//!
//! let spec = Spec::parse("parquet:out?layout=latest&row_group_bytes=33554432")?;
//! assert_eq!(spec.options["row_group_bytes"], 33_554_432);
//! # Ok::<(), fortilake_sink::Error>(())
//! ```
//!
//! Files are compressed with zstd and carry statistics for every page, so that engines skip what a query
//! does not need, and the Arrow schema, so that a wall-clock timestamp stays without a zone.
//! Where files go, and when readers see them, is [`fortilake_sink::files`].
//!
//! It leaves out partitioning and sorting by columns: the largest inventories are a few files of some megabytes.

mod config;
mod encode;
mod sink;
