//! The keys of the rows of one table, in little memory.

use std::collections::HashMap;

use fortilake_sink::KeyIn;
use hashbrown::{HashTable, hash_table::Entry};

/// A hash of a key.
///
/// With 96 bits, even a billion keys have a chance of one in 10^11 that two of them share a hash.
pub(super) type Key = [u32; 3];

/// Where a key was first seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FirstSeen {
    /// The number of the pages that were decoded together, counted from 0.
    pub(super) pages: u32,
    /// The position among their rows of that table.
    pub(super) row: u32,
}

/// Whether a key was seen before, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Earlier {
    Never,
    /// In the current scope.
    InScope(FirstSeen),
    /// In a scope before it.
    InOtherScope(FirstSeen),
}

/// The keys of all rows so far.
///
/// A million keys take about thirty megabytes. A map with the keys in it would need twice as much,
/// because it has room for up to twice as many keys as it contains.
#[derive(Debug)]
pub(super) struct Keys {
    unique_in: KeyIn,
    /// The keys in the order in which scopes saw them.
    seen: Vec<Known>,
    /// The position in `seen` of each key.
    positions: HashTable<u32>,
    /// Where the keys of the current scope begin in `seen`.
    scope: usize,
    /// For keys of the current scope that an earlier scope has too, the position in `seen` of the
    /// earlier one.
    before: HashMap<Key, u32>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    key: Key,
    first: FirstSeen,
}

impl Keys {
    pub(super) fn new(unique_in: KeyIn) -> Self {
        Self {
            unique_in,
            seen: Vec::new(),
            positions: HashTable::new(),
            scope: 0,
            before: HashMap::new(),
        }
    }

    /// Adds a key of the current scope.
    pub(super) fn add(&mut self, key: Key, first: FirstSeen) -> Earlier {
        let position = u32::try_from(self.seen.len()).unwrap_or(u32::MAX);
        let seen = &self.seen;
        let is_same = |&at: &u32| seen[at as usize].key == key;
        let hash_of = |&at: &u32| hash(seen[at as usize].key);
        let earlier = match self.positions.entry(hash(key), is_same, hash_of) {
            Entry::Vacant(entry) => {
                entry.insert(position);
                Earlier::Never
            }
            Entry::Occupied(mut entry) => {
                let at = *entry.get();
                let first = seen[at as usize].first;
                if at as usize >= self.scope {
                    return Earlier::InScope(first);
                }
                *entry.get_mut() = position;
                self.before.insert(key, at);
                Earlier::InOtherScope(first)
            }
        };
        self.seen.push(Known { key, first });
        earlier
    }

    /// Ends the current scope, whose rows are handed over.
    pub(super) fn keep_scope(&mut self) {
        self.before.clear();
        // A key that is unique only within its scope says nothing about rows of other scopes.
        if self.unique_in != KeyIn::Table {
            self.seen.clear();
            self.positions.clear();
        }
        self.scope = self.seen.len();
    }

    /// Ends the current scope, none of whose rows are handed over.
    pub(super) fn drop_scope(&mut self) {
        for at in self.scope..self.seen.len() {
            let key = self.seen[at].key;
            let is_this = |position: &u32| *position as usize == at;
            let Ok(mut entry) = self.positions.find_entry(hash(key), is_this) else {
                continue;
            };
            match self.before.get(&key) {
                Some(before) => *entry.get_mut() = *before,
                None => drop(entry.remove()),
            }
        }
        self.seen.truncate(self.scope);
        self.before.clear();
    }
}

fn hash(key: Key) -> u64 {
    u64::from(key[0]) << 32 | u64::from(key[1])
}

#[cfg(test)]
mod tests;
