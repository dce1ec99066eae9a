//! Finds rows with the key of an earlier row.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use arrow_array::{Array, BooleanArray, RecordBatch, cast::AsArray, types::Int64Type};
use arrow_schema::DataType;
use arrow_select::filter::filter_record_batch;
use fortilake_models::{Decoded, DecodedTable};

use super::{
    keys::{Earlier, FirstSeen, Key, Keys},
    models::Picked,
};
use crate::{Error, Result, error::Kind, tables::key_in};

/// The keys of all rows so far, by table.
///
/// A key is stored as a hash with the position of its first row. The first row itself is not stored:
/// a repeated key is rare enough to read the earlier page from the journal again. Keys of the
/// current scope count only once the scope is kept. No row of an unreadable scope is handed over, so
/// its keys must not hide the rows of another scope.
#[derive(Debug, Default)]
pub(super) struct Seen(HashMap<&'static str, Keys>);

/// An outermost row with the key of an earlier row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Repeat {
    /// The position of the table in [`Decoded::tables`].
    pub(super) table: usize,
    pub(super) row: u32,
    pub(super) first: FirstSeen,
}

/// Whether a row is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RowState {
    New,
    /// The same scope listed it before.
    Repeated,
    /// An earlier scope listed it.
    Shared,
    /// It is a product that is not published. Its key is not stored.
    Unpicked,
}

/// The outermost rows of pages, sorted into new and repeated ones.
#[derive(Debug)]
pub(super) struct Sorted {
    fates: Vec<Option<Vec<RowState>>>,
    /// The rows that are not new.
    pub(super) repeats: Vec<Repeat>,
}

impl Seen {
    /// Looks for outermost rows with the key of an earlier row. `pages` is the number of the pages
    /// that were decoded together.
    ///
    /// Rows that `picked` leaves out are dropped like repeated ones.
    pub(super) fn sort(&mut self, pages: u32, decoded: &Decoded, picked: &Picked) -> Sorted {
        let mut repeats = Vec::new();
        let mut fates = Vec::new();
        for (position, table) in decoded.tables.iter().enumerate() {
            let is_outermost = table.root == position;
            let picked = picked.get(position).and_then(Option::as_deref);
            fates.push(
                is_outermost.then(|| self.mark(pages, position, table, picked, &mut repeats)),
            );
        }
        Sorted { fates, repeats }
    }

    /// Ends the current scope, whose rows are handed over.
    pub(super) fn keep_scope(&mut self) {
        self.0.values_mut().for_each(Keys::keep_scope);
    }

    /// Ends the current scope, none of whose rows are handed over.
    pub(super) fn drop_scope(&mut self) {
        self.0.values_mut().for_each(Keys::drop_scope);
    }

    fn mark(
        &mut self,
        pages: u32,
        position: usize,
        table: &DecodedTable,
        picked: Option<&[bool]>,
        repeats: &mut Vec<Repeat>,
    ) -> Vec<RowState> {
        let name = table.table.name;
        let keys = self.0.entry(name);
        let keys = keys.or_insert_with(|| Keys::new(key_in(table.table)));
        let columns = KeyColumns::of(table.table.key, &table.records);
        let mut fate = |row: u32| {
            if picked.is_some_and(|picked| !picked[row as usize]) {
                return RowState::Unpicked;
            }
            let Some(key) = columns.hash(row as usize) else {
                return RowState::New;
            };
            let (fate, first) = match keys.add(key, FirstSeen { pages, row }) {
                Earlier::Never => return RowState::New,
                Earlier::InScope(first) => (RowState::Repeated, first),
                Earlier::InOtherScope(first) => (RowState::Shared, first),
            };
            repeats.push(Repeat {
                table: position,
                row,
                first,
            });
            fate
        };
        let rows = u32::try_from(table.records.num_rows()).unwrap_or(u32::MAX);
        (0..rows).map(&mut fate).collect()
    }
}

impl Sorted {
    /// How many rows the same scope had listed before.
    pub(super) fn repeated(&self) -> u64 {
        self.count(RowState::Repeated)
    }

    /// How many rows an earlier scope listed, which hands them over.
    pub(super) fn shared(&self) -> u64 {
        self.count(RowState::Shared)
    }

    /// How many rows each page listed, without those that the same scope had listed before.
    pub(super) fn listed(&self, decoded: &Decoded) -> Vec<u64> {
        let mut listed = Vec::new();
        for (table, fates) in decoded.tables.iter().zip(&self.fates) {
            let Some(fates) = fates else { continue };
            listed.resize(table.page_ends.len(), 0);
            let mut start = 0;
            for (count, &end) in listed.iter_mut().zip(&table.page_ends) {
                let page = fates[start..end].iter();
                let new = page.filter(|fate| matches!(fate, RowState::New | RowState::Shared));
                *count += new.count() as u64;
                start = end;
            }
        }
        listed
    }

    fn count(&self, fate: RowState) -> u64 {
        let fates = self.fates.iter().flatten().flatten();
        fates.filter(|is| **is == fate).count() as u64
    }

    /// Whether a row is not new.
    pub(super) fn drops_rows(&self) -> bool {
        let mut fates = self.fates.iter().flatten().flatten();
        fates.any(|fate| *fate != RowState::New)
    }

    /// Drops the outermost rows that are not new, with all rows that belong to them.
    pub(super) fn drop_rows(&self, decoded: &mut Decoded) -> Result<()> {
        if !self.drops_rows() {
            return Ok(());
        }
        let is_kept = |table: usize, root: u32| {
            let fates = self.fates[table].as_ref();
            // An issue about an element that is not a row belongs to no row, so it is always kept.
            let fate = fates.and_then(|fates| fates.get(root as usize));
            fate.is_none_or(|fate| *fate == RowState::New)
        };
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
                Error::new(
                    Kind::Unforeseen,
                    format!("rows of table `{}` cannot be filtered", table.table.name),
                )
                .with_source(error)
            })?;
            // The positions in `roots` no longer match, and nothing after this uses them.
            table.roots.clear();
        }
        Ok(())
    }
}

/// The key columns of a batch.
struct KeyColumns<'a>(Vec<&'a dyn Array>);

impl<'a> KeyColumns<'a> {
    fn of(key: &[&str], records: &'a RecordBatch) -> Self {
        let columns = key.iter().filter_map(|name| records.column_by_name(name));
        Self(columns.map(AsRef::as_ref).collect())
    }

    /// The hash of a row's key. `None` if the last key column is null, since the row then cannot be
    /// told from others.
    fn hash(&self, row: usize) -> Option<Key> {
        let last = self.0.last()?;
        if last.is_null(row) {
            return None;
        }
        let part = |salt: u64| {
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
            hasher.finish()
        };
        let (first, second) = (part(0), part(1));
        // 96 of the 128 bits are enough; see `Key`.
        let ([high, middle], [low, _]) = (halves(first), halves(second));
        Some([high, middle, low])
    }
}

/// A hash as two numbers of 32 bits.
fn halves(hash: u64) -> [u32; 2] {
    [hash >> 32, hash & u64::from(u32::MAX)].map(|half| u32::try_from(half).unwrap_or_default())
}

#[cfg(test)]
mod tests;
