//! Connections to PostgreSQL: reading a URL, verifying the server's certificate, connecting within
//! a deadline, and errors that say which of server, TLS, password and database is the problem.
//!
//! The sinks `postgres` and `ducklake` and the state in PostgreSQL share it. What they do with a
//! connection is theirs: this crate says how a transaction begins, but begins none and creates no
//! table.
//!
//! ```
//! use std::time::Duration;
//! use fortilake_postgres::ServerAddress;
//!
//! let url = "postgres://reader:s3cret@db.example.org/inventory";
//! let address = ServerAddress::parse(url, "`ca_cert`", Duration::from_secs(10))?;
//! assert_eq!(address.servers(), "db.example.org:5432");
//! # Ok::<(), fortilake_postgres::Error>(())
//! ```

mod address;
mod connector;
mod error;
mod failure;
mod sql;
#[cfg(all(feature = "testing", unix))]
pub mod testing;
mod tls;

pub use crate::{
    address::{Security, ServerAddress},
    connector::{Connector, Task},
    error::{Error, Kind, Result},
    failure::statement,
    sql::{begin, list, literal, name},
};
