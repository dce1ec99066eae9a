//! Field ids, by which table formats find a column in a file.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use fortilake_sink::{Field, Schema};
use sha2::{Digest as _, Sha256};

#[cfg(test)]
mod tests;

/// The key in a field's metadata that the Parquet library turns into a field id.
const KEY: &str = "PARQUET:field_id";

/// The largest id. Table formats reserve numbers near the largest 32-bit integer, and number columns of their own above
/// ours.
const LARGEST: u32 = (1 << 30) - 1;

/// The field id of a column.
///
/// It is computed from the name, so a column has the same id in every file, table and build, wherever it stands. A list
/// of numbers would have to be kept by everybody who generates code from other descriptions, and merged with ours.
pub fn field_id(name: &str) -> u32 {
    let [a, b, c, d, ..] = <[u8; 32]>::from(Sha256::digest(name));
    (u32::from_be_bytes([a, b, c, d]) & LARGEST).max(1)
}

/// The same schema with the id of each column; unchanged if two of its columns have the same id, because readers would
/// mix them up. Readers of table formats then find the columns by name.
pub(super) fn with_field_ids(schema: &Schema) -> Schema {
    let fields = schema.fields();
    let ids: BTreeSet<_> = fields.iter().map(|field| field_id(field.name())).collect();
    if ids.len() < fields.len() {
        return schema.clone();
    }
    let fields: Vec<_> = fields.iter().map(with_id).collect();
    Schema::new_with_metadata(fields, schema.metadata().clone())
}

fn with_id(field: &Arc<Field>) -> Field {
    let mut metadata: HashMap<_, _> = field.metadata().clone();
    metadata.insert(KEY.to_owned(), field_id(field.name()).to_string());
    field.as_ref().clone().with_metadata(metadata)
}
