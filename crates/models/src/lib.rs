//! Types, endpoints and tables of the Fortinet APIs, and the decoder that turns answers into
//! Arrow record batches.
//!
//! Everything under [`generated`] comes from the API descriptions by `cargo xtask codegen`;
//! what stands beside it is the hand-written half: what an [`Endpoint`] and a [`Table`] are,
//! how an answer's rows lie in it ([`Layout`]), and [`decode()`].
//!
//! The crate does no I/O, knows no HTTP and no clock.
//!
//! ```
//! use fortilake_models::{Origin, PageContext, decode, endpoint};
//!
//! let endpoint = endpoint("accounts/list").unwrap();
//! let page = r#"{"status": 0, "accounts": [{"id": 710112, "parentId": 2100014}]}"#;
//! let decoded = decode(endpoint.layout.unwrap(), page, &PageContext::default())?;
//! assert_eq!(decoded.tables[0].records.num_rows(), 1);
//! # Ok::<(), fortilake_models::Error>(())
//! ```

// Generated code names its runtime the same way here and in the crates of others.
extern crate self as fortilake_models;

pub mod generated;
pub mod lenient;

mod decode;
mod endpoint;
mod error;
mod layout;
mod nullable;
mod report;
mod secret;
mod table;
mod timestamp;
mod value;

pub use crate::{
    decode::{Decoded, DecodedTable, Issue, PageContext, decode},
    endpoint::{Access, Endpoint, Location, NoArguments, Operation, Parameter},
    error::Error,
    layout::{Answer, Field, Layout, Rows, Target},
    nullable::Nullable,
    report::{COVERAGE, COVERAGE_LAYOUT, ISSUES, ISSUES_LAYOUT},
    secret::Secret,
    table::{Column, Kind, Origin, Table},
    timestamp::{Stamp, parse_timestamp},
    value::{integer_of, text_of},
};

/// Finds the endpoint of this name, such as `products/list`.
pub fn endpoint(id: &str) -> Option<&'static Endpoint> {
    generated::ENDPOINTS
        .iter()
        .copied()
        .find(|endpoint| endpoint.id == id)
}

/// All tables: those of the descriptions, then the two reports of a crawl.
pub fn tables() -> impl Iterator<Item = &'static Table> {
    generated::TABLES
        .iter()
        .copied()
        .chain([&COVERAGE, &ISSUES])
}

/// Whether a field of this name must never be kept, in whatever answer it stands.
///
/// An endpoint may have further ones: [`Endpoint::is_secret`].
pub fn is_secret(field: &str) -> bool {
    generated::SECRETS
        .iter()
        .any(|secret| secret.eq_ignore_ascii_case(field))
}
