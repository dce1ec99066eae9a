//! Types, endpoints and tables of the Fortinet APIs, and the decoder that turns responses into
//! Arrow record batches.
//!
//! Everything under [`generated`] is written by `cargo xtask codegen` from the API descriptions.
//! The rest of the crate is written by hand: the types for an [`Endpoint`], a [`Table`] and the
//! [`Layout`] of rows in a response, and [`decode()`].
//!
//! This crate does no I/O, and knows neither HTTP nor a clock.
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

// Generated code refers to its runtime as `fortilake_models`, here and in other crates that use it.
extern crate self as fortilake_models;

pub mod generated;
pub mod json;
pub mod lenient;

mod decode;
mod endpoint;
mod error;
mod layout;
mod nullable;
mod repair;
mod report;
mod scalar;
mod secret;
mod table;
mod timestamp;
mod value;

pub use crate::{
    decode::{Decoded, DecodedTable, Issue, Page, PageContext, decode, decode_pages},
    endpoint::{Access, Dialect, Endpoint, Location, NoArguments, Operation, Parameter},
    error::Error,
    layout::{ENVELOPE, Field, Layout, ResponseShape, Rows, Target},
    nullable::Nullable,
    repair::{json_text, legal_json},
    report::{CHANGES, COVERAGE, COVERAGE_LAYOUT, ISSUES, ISSUES_LAYOUT},
    secret::{Secret, SerializeSecret, serialize_secret},
    table::{Column, Kind, Origin, Table},
    timestamp::{Stamp, parse_timestamp},
    value::{integer_of, text_of},
};

/// Finds the endpoint with this id, such as `products/list`.
pub fn endpoint(id: &str) -> Option<&'static Endpoint> {
    generated::ENDPOINTS
        .iter()
        .copied()
        .find(|endpoint| endpoint.id == id)
}

/// Returns all tables: those of the API descriptions, then those that a crawl writes about itself.
pub fn tables() -> impl Iterator<Item = &'static Table> {
    generated::TABLES
        .iter()
        .copied()
        .chain([&COVERAGE, &ISSUES, &CHANGES])
}

/// Whether a field of this name is secret in every response, so that it must never be stored.
///
/// An endpoint may have additional ones; see [`Endpoint::is_secret`].
pub fn is_secret(field: &str) -> bool {
    generated::SECRETS
        .iter()
        .any(|secret| secret.eq_ignore_ascii_case(field))
}
