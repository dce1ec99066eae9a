//! The sink with a real server: opened by its specification, and tested by what readers of the database see.
//!
//! These tests need the programs of PostgreSQL and PgBouncer. `cargo xtask interop` runs them.

#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail the test, and clippy only knows the tests themselves"
)]

use fortilake_sink_postgres as _;

// One module around all of them, so that `cargo xtask soak` can leave them out by its name.
mod postgresql;
