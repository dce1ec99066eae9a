//! Which tables a crawl publishes.

use std::sync::Arc;

use fortilake_sink::TableSpec;
use fortilake_state::client::models::{self, Table};

/// The tables fed by these endpoints, and the two reports that every crawl has.
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

/// A table as sinks see it.
pub fn spec(table: &Table) -> TableSpec {
    TableSpec {
        name: table.name.to_owned(),
        summary: table.summary.to_owned(),
        key: table.key.iter().map(|&column| column.to_owned()).collect(),
        schema: table.schema(),
    }
}
