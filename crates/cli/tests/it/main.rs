//! Tests that run the binary: its output, its files and its exit codes.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail the test")]

mod bad_input;
mod carry;
mod changes_table;
mod configuration;
mod crawl;
mod damage;
mod days;
mod decode;
mod full_disk;
mod guard;
mod help;
mod history;
mod identity;
mod kill;
mod metrics;
mod models;
mod operations;
mod part;
mod preview;
mod quota;
mod receivers;
mod recovery;
mod resolved;
mod resume;
mod secrets;
#[cfg(all(feature = "postgres", unix))]
mod shared_state;
mod stderr;
mod stop;
mod systems;
mod tables;
#[cfg(feature = "otel")]
mod traces;
mod users;
mod util;
