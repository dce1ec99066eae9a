//! The `parquet` sink: every table as a Parquet file, for any query engine.
//!
//! The crate has no public items. Naming it links the sink into the [registry](fortilake_sink::registry), and a
//! [`Spec`](fortilake_sink::Spec) opens it.
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
//! Files are compressed with zstd. They contain statistics for every page, so that engines can skip data that a query
//! does not need, and the Arrow schema, so that a wall-clock timestamp is read back without a time zone.
//!
//! [`fortilake_snapshot`] documents where files are written and when readers see them.
//!
//! Partitioning and sorting by columns are not supported, because even the largest inventories are only a few files of
//! some megabytes.

mod config;
mod sink;
