//! A journal in memory.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Journal, Records};
use crate::{Record, Result};

/// A [`Journal`] in memory, for runs without a state file. It is lost when it is dropped.
#[derive(Debug, Default)]
pub struct MemoryJournal(Mutex<Contents>);

#[derive(Debug, Default)]
struct Contents {
    records: HashMap<Arc<str>, (u64, Record)>,
    sequence: u64,
}

impl MemoryJournal {
    fn kept(&self) -> MutexGuard<'_, Contents> {
        // Each method changes the map in one step, so it is intact even if another thread panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for MemoryJournal {
    fn append(&self, key: &str, record: Record) -> Result<()> {
        let mut kept = self.kept();
        kept.sequence += 1;
        let sequence = kept.sequence;
        let entry = kept.records.entry(key.into());
        entry
            .and_modify(|(_, kept)| *kept = record.clone())
            .or_insert((sequence, record));
        Ok(())
    }

    fn flush(&self) -> Result<()> {
        Ok(())
    }

    fn read(&self, key: &str) -> Result<Option<Record>> {
        Ok(self
            .kept()
            .records
            .get(key)
            .map(|(_, record)| record.clone()))
    }

    fn records(&self) -> Result<Records<'_>> {
        let mut records: Vec<_> = self
            .kept()
            .records
            .iter()
            .map(|(key, (sequence, record))| (*sequence, key.clone(), record.clone()))
            .collect();
        records.sort_unstable_by_key(|(sequence, ..)| *sequence);
        let records = records
            .into_iter()
            .map(|(_, key, record)| Ok((key, record)));
        Ok(Box::new(records))
    }
}
