//! The sinks that this build has.
//!
//! A sink registers itself, but a crate that nobody names is not linked, and its registration is
//! lost without a word. So every sink is named here once, and a test holds the list.

use fortilake_sink_csv as _;
use fortilake_sink_parquet as _;
