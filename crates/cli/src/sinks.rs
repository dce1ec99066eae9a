//! The sinks that this build has.
//!
//! A sink registers itself, but a crate that nobody names is not linked, and its registration is
//! lost without a word. So every sink is named here once, behind the feature of its name, and a test
//! holds the list.

#[cfg(feature = "csv")]
use fortilake_sink_csv as _;
#[cfg(feature = "exec")]
use fortilake_sink_exec as _;
#[cfg(feature = "ndjson")]
use fortilake_sink_ndjson as _;
#[cfg(feature = "parquet")]
use fortilake_sink_parquet as _;
#[cfg(feature = "webhook")]
use fortilake_sink_webhook as _;
