//! Tests that start a server of PostgreSQL.

mod atomic;
mod conformance;
mod crawls;
mod deletes;
mod networks;
mod stable;
mod targets;
mod values;
