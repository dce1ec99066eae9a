//! Links the sinks into this build.
//!
//! A sink registers itself when its crate is linked. But the linker drops a crate that no code
//! mentions, and the sink would be missing without any error. So every sink is mentioned here once,
//! behind the feature of its name, and a test compares the list of linked sinks with `sinks.txt`.

#[cfg(feature = "csv")]
use fortilake_sink_csv as _;
#[cfg(feature = "delta")]
use fortilake_sink_delta as _;
#[cfg(feature = "ducklake")]
use fortilake_sink_ducklake as _;
#[cfg(feature = "exec")]
use fortilake_sink_exec as _;
#[cfg(feature = "ndjson")]
use fortilake_sink_ndjson as _;
#[cfg(feature = "parquet")]
use fortilake_sink_parquet as _;
#[cfg(feature = "postgres")]
use fortilake_sink_postgres as _;
#[cfg(feature = "webhook")]
use fortilake_sink_webhook as _;
#[cfg(feature = "xlsx")]
use fortilake_sink_xlsx as _;
