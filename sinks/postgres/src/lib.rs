//! The `postgres` sink: every table as a table in a PostgreSQL database.
//!
//! The crate has no public items. Naming it links the sink into the [registry](fortilake_sink::registry), and a
//! [`Spec`](fortilake_sink::Spec) opens it.
//!
//! ```
//! use fortilake_sink::Spec;
//! use fortilake_sink_postgres as _;
//!
//! let spec = Spec::parse("postgres:fortinet?url_env=DATABASE_URL&history=true")?;
//! assert_eq!(spec.options["schema"], "fortinet");
//! # Ok::<(), fortilake_sink::Error>(())
//! ```
//!
//! While the crawl runs, rows are written to unnamed temporary files in the binary format of `COPY`, and the database is
//! not connected. At the end, one transaction changes all tables: it copies the files into temporary tables, deletes
//! what complete scopes no longer have, and inserts and updates what differs. A crawl without changes writes no row.
//! `docs/sinks/postgres.md` explains this for people who use the tables.
//!
//! # Decisions
//!
//! - **Stable tables.** A new schema or new tables per crawl, switched by a rename, would be faster to load. But views
//!   keep reading the old tables after a rename, and grants are lost.
//! - **One transaction.** Readers see all tables of one crawl or all of the previous one. The price is that old row
//!   versions cannot be vacuumed while it runs.
//! - **An advisory lock of the transaction** makes writers take turns. A lock of the session would stay behind on a
//!   pooler's connection.
//! - **Temporary tables** hold the delivered rows inside the database, because the comparison needs them. They are
//!   dropped when the transaction ends, and are not written to the log.
//!
//! # Not supported
//!
//! - PostgreSQL before 15, which has no `NULLS NOT DISTINCT`. Key columns may be null.
//! - Old snapshots: the tables hold the newest rows. The option `history` keeps old versions of rows.

mod access;
mod config;
mod connection;
mod encode;
mod history;
mod merge;
mod publish;
mod sink;
mod snapshots;
mod spool;
mod tables;
mod types;
