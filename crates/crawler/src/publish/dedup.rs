//! Rows that were there already.

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
};

use arrow_array::{Array, BooleanArray, RecordBatch, cast::AsArray, types::Int64Type};
use arrow_schema::DataType;
use arrow_select::filter::filter_record_batch;
use fortilake_state::client::models::{Decoded, DecodedTable};

use crate::{Error, Result, error::Kind};

/// The keys of all rows so far, table by table.
///
/// A key is kept as 128 bits of hash, so a million rows take some thirty megabytes.
#[derive(Debug, Default)]
pub(super) struct Seen(HashMap<&'static str, HashSet<u128>>);

impl Seen {
    /// Drops outermost rows that were seen before, with all that hangs under them, and says how many.
    pub(super) fn retain_new(&mut self, decoded: &mut Decoded) -> Result<u64> {
        let keep: Vec<Option<Vec<bool>>> = decoded
            .tables
            .iter()
            .enumerate()
            .map(|(position, table)| (table.root == position).then(|| self.mark_new(table)))
            .collect();
        let dropped = keep.iter().flatten().flatten().filter(|new| !**new).count();
        if dropped == 0 {
            return Ok(0);
        }
        let is_kept =
            |table: usize, root: u32| keep[table].as_ref().is_none_or(|keep| keep[root as usize]);
        decoded
            .issues
            .retain(|issue| is_kept(issue.root_table, issue.root));
        for table in &mut decoded.tables {
            let mask: BooleanArray = table
                .roots
                .iter()
                .map(|&root| Some(is_kept(table.root, root)))
                .collect();
            table.records = filter_record_batch(&table.records, &mask).map_err(|error| {
                Error::new(Kind::Unforeseen, format!("table `{}`", table.table.name))
                    .with_source(error)
            })?;
            // The positions in `roots` are void now; nothing after this looks at them.
            table.roots.clear();
        }
        Ok(dropped as u64)
    }

    fn mark_new(&mut self, table: &DecodedTable) -> Vec<bool> {
        let seen = self.0.entry(table.table.name).or_default();
        let keys = Keys::of(table.table.key, &table.records);
        (0..table.records.num_rows())
            .map(|row| keys.hash(row).is_none_or(|hash| seen.insert(hash)))
            .collect()
    }
}

/// The key columns of a batch.
struct Keys<'a>(Vec<&'a dyn Array>);

impl<'a> Keys<'a> {
    fn of(key: &[&str], records: &'a RecordBatch) -> Self {
        let columns = key.iter().filter_map(|name| records.column_by_name(name));
        Self(columns.map(AsRef::as_ref).collect())
    }

    /// A row's key, unless all that could tell it from others is missing.
    fn hash(&self, row: usize) -> Option<u128> {
        let last = self.0.last()?;
        if last.is_null(row) {
            return None;
        }
        let half = |salt: u64| {
            let mut hasher = DefaultHasher::new();
            salt.hash(&mut hasher);
            for column in &self.0 {
                match column.data_type() {
                    _ if column.is_null(row) => 0_u8.hash(&mut hasher),
                    DataType::Int64 => column
                        .as_primitive::<Int64Type>()
                        .value(row)
                        .hash(&mut hasher),
                    DataType::Utf8 => column.as_string::<i32>().value(row).hash(&mut hasher),
                    _ => 1_u8.hash(&mut hasher),
                }
            }
            u128::from(hasher.finish())
        };
        Some(half(0) << 64 | half(1))
    }
}
