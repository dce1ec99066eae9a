//! The `ducklake` sink: Parquet files, and a DuckLake catalog that lists them.
//!
//! The crate has no public items. Naming it links the sink into the [registry](fortilake_sink::registry), and a
//! [`Spec`](fortilake_sink::Spec) opens it.
//!
//! ```
//! use fortilake_sink::Spec;
//! use fortilake_sink_ducklake as _;
//!
//! let spec = Spec::parse("ducklake:lake.sqlite?data=lake")?;
//! assert_eq!(spec.options["catalog"], "lake.sqlite");
//! # Ok::<(), fortilake_sink::Error>(())
//! ```
//!
//! The files are those of the `parquet` sink, in the layout `snapshots`. A DuckLake catalog is a database with a few
//! tables. One transaction registers all tables of a snapshot, as one version of the catalog, so readers that join
//! tables never see two snapshots.
//!
//! # Columns by name
//!
//! The id of a column in the catalog is the field id that the files of this version have for it. Files of earlier versions
//! have none, and catalogs of earlier versions have other ids. There, a file is registered with a mapping from the names of
//! its columns to the columns of the catalog.
//!
//! # Not supported
//!
//! Only SQLite catalogs can be written. A catalog in PostgreSQL, which DuckLake also knows, is refused.

mod catalog;
mod config;
mod database;
mod footer;
mod register;
mod sink;
mod sqlite;
mod statistics;
mod store;
mod transaction;
