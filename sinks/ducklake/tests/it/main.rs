//! The sink from a user's point of view: opened by its specification, and tested by what readers of the catalog see.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail the test, and clippy only knows the tests themselves"
)]

use fortilake_sink_ducklake as _;

mod conformance;
mod lake;
#[cfg(all(feature = "postgres", unix))]
mod postgresql;
mod reader;
mod story;
