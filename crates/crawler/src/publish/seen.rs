//! Finds rows with the key of an earlier row.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::{DefaultHasher, Hash, Hasher},
};

use arrow_array::{Array, BooleanArray, RecordBatch, cast::AsArray, types::Int64Type};
use arrow_schema::DataType;
use arrow_select::filter::filter_record_batch;
use fortilake_models::{Decoded, DecodedTable};
use fortilake_sink::KeyIn;

use super::models::Picked;
use crate::{Error, Result, error::Kind, tables::key_in};

/// The keys of all rows so far, by table.
///
/// A key is stored as a 128-bit hash with the position of its first row, so a million rows take
/// about fifty megabytes. The first row itself is not stored: a repeated key is rare enough to read
/// the earlier page from the journal again. Keys of the current scope count only once the scope is
/// kept. No row of an unreadable scope is handed over, so its keys must not hide the rows of
/// another scope.
#[derive(Debug, Default)]
pub(super) struct Seen(HashMap<&'static str, Keys>);

#[derive(Debug)]
struct Keys {
    unique_in: KeyIn,
    earlier: HashMap<Key, FirstSeen>,
    current: HashMap<Key, FirstSeen>,
}

/// A hash of a key. It is two halves because a `u128` would be padded in the maps.
type Key = [u64; 2];

/// Where a key was first seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct FirstSeen {
    /// The number of the page, counted from 0.
    pub(super) page: u32,
    /// The position among the page's rows of that table.
    pub(super) row: u32,
}

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

/// The outermost rows of a page, sorted into new and repeated ones.
#[derive(Debug)]
pub(super) struct Sorted {
    fates: Vec<Option<Vec<RowState>>>,
    /// The rows that are not new.
    pub(super) repeats: Vec<Repeat>,
}

impl Seen {
    /// Looks for outermost rows with the key of an earlier row. `page` is the number of this page.
    ///
    /// Rows that `picked` leaves out are dropped like repeated ones.
    pub(super) fn sort(&mut self, page: u32, decoded: &Decoded, picked: &Picked) -> Sorted {
        let mut repeats = Vec::new();
        let mut fates = Vec::new();
        for (position, table) in decoded.tables.iter().enumerate() {
            let is_outermost = table.root == position;
            let picked = picked.get(position).and_then(Option::as_deref);
            fates
                .push(is_outermost.then(|| self.mark(page, position, table, picked, &mut repeats)));
        }
        Sorted { fates, repeats }
    }

    /// Ends the current scope, whose rows are handed over.
    pub(super) fn keep_scope(&mut self) {
        for keys in self.0.values_mut() {
            let current = std::mem::take(&mut keys.current);
            // A key that is unique only within its scope says nothing about rows of other scopes.
            if keys.unique_in != KeyIn::Table {
                continue;
            }
            if keys.earlier.is_empty() {
                // A single scope can be large, as in `decode`, and a second map would double the memory.
                keys.earlier = current;
            } else {
                keys.earlier.extend(current);
            }
        }
    }

    /// Ends the current scope, none of whose rows are handed over.
    pub(super) fn drop_scope(&mut self) {
        for keys in self.0.values_mut() {
            keys.current.clear();
        }
    }

    fn mark(
        &mut self,
        page: u32,
        position: usize,
        table: &DecodedTable,
        picked: Option<&[bool]>,
        repeats: &mut Vec<Repeat>,
    ) -> Vec<RowState> {
        let seen = self.0.entry(table.table.name).or_insert_with(|| Keys {
            unique_in: key_in(table.table),
            earlier: HashMap::new(),
            current: HashMap::new(),
        });
        let columns = KeyColumns::of(table.table.key, &table.records);
        let mut fate = |row: u32| {
            if picked.is_some_and(|picked| !picked[row as usize]) {
                return RowState::Unpicked;
            }
            let Some(key) = columns.hash(row as usize) else {
                return RowState::New;
            };
            let (fate, first) = match seen.current.entry(key) {
                Entry::Occupied(entry) => (RowState::Repeated, *entry.get()),
                Entry::Vacant(entry) => {
                    entry.insert(FirstSeen { page, row });
                    match seen.earlier.get(&key) {
                        Some(first) => (RowState::Shared, *first),
                        None => return RowState::New,
                    }
                }
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
            hasher.finish()
        };
        Some([half(0), half(1)])
    }
}
