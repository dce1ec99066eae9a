//! The sink with a real server: opened by its specification, and tested by what readers of the database see.
//!
//! These tests need the programs of PostgreSQL and PgBouncer. `cargo xtask interop` runs them.

#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail the test, and clippy only knows the tests themselves"
)]

use fortilake_sink_postgres as _;

mod atomic;
mod conformance;
mod crawls;
mod deletes;
mod networks;
mod server;
mod stable;
mod targets;
mod values;
