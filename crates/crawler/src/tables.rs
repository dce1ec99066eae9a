//! The tables that a crawl publishes.

use std::sync::Arc;

use fortilake_models::{self as models, Table};
use fortilake_sink::{KeyIn, TableSpec};

/// The tables that these endpoints fill, and `coverage` and `issues`, which every crawl has. The table
/// `changes` is not among them; [`changes_table`] returns it.
pub fn tables_of(endpoints: &[&str]) -> Vec<Arc<TableSpec>> {
    models::tables()
        .filter(|table| {
            table.name != models::CHANGES.name
                && table
                    .endpoint
                    .is_none_or(|endpoint| endpoints.contains(&endpoint))
        })
        .map(|table| Arc::new(spec(table)))
        .collect()
}

/// The table `changes`, for a crawl that is compared with the snapshot before it.
pub fn changes_table() -> Arc<TableSpec> {
    Arc::new(spec(&models::CHANGES))
}

/// Converts a generated table to the form that sinks receive.
pub fn spec(table: &Table) -> TableSpec {
    TableSpec {
        name: table.name.to_owned(),
        summary: table.summary.to_owned(),
        schema: table.schema(),
        key: table.key.iter().map(|&column| column.to_owned()).collect(),
        key_in: key_in(table),
    }
}

/// Where the key of this table is unique: in the whole table or within a scope.
///
/// A key without `_source` is unique in the vendor's cloud, so an account is the same account
/// whichever unit or API user lists it. A key with `_source` is unique in one installation only.
pub(crate) fn key_in(table: &Table) -> KeyIn {
    match table.key.first() {
        Some(&"_source") => KeyIn::Scope,
        _ => KeyIn::Table,
    }
}
