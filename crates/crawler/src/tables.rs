//! The tables that a crawl publishes.

use std::sync::Arc;

use fortilake_sink::TableSpec;
use fortilake_state::client::models::{self, Table};

/// The tables that these endpoints fill, and `coverage` and `issues`, which every crawl has.
pub fn tables_of(endpoints: &[&str]) -> Vec<Arc<TableSpec>> {
    models::tables()
        .filter(|table| {
            table
                .endpoint
                .is_none_or(|endpoint| endpoints.contains(&endpoint))
        })
        .map(|table| Arc::new(spec(table)))
        .collect()
}

/// Converts a generated table to the form that sinks receive.
pub fn spec(table: &Table) -> TableSpec {
    TableSpec {
        name: table.name.to_owned(),
        summary: table.summary.to_owned(),
        key: table.key.iter().map(|&column| column.to_owned()).collect(),
        schema: table.schema(),
    }
}
