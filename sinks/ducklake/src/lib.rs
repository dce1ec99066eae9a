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
//! # Databases
//!
//! The catalog is in a SQLite file or, by the feature `postgres`, in a PostgreSQL database. Both get the same statements,
//! and all of them run in one transaction, on a thread where blocking is allowed.

mod catalog;
mod config;
mod database;
mod footer;
#[cfg(feature = "postgres")]
mod postgres;
mod register;
mod sink;
mod sqlite;
mod statistics;
mod store;
mod transaction;
