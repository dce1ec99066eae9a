//! What outlasts a run.

use std::error::Error as StdError;

use super::{Fate, Registration};
use crate::{Error, Result};

/// Remembers what became of units, so that the next run sends none twice.
///
/// It may keep what it is told in clear: neither keys nor fates hold secrets.
pub trait Memory: Send + Sync {
    /// What has become of the unit with this key, if anything is remembered.
    fn load(&self, key: &str) -> Result<Option<Fate>, Box<dyn StdError + Send + Sync>>;

    /// Remembers that before it returns; [`Fate::Waiting`] may be forgotten.
    fn save(&self, key: &str, fate: &Fate) -> Result<(), Box<dyn StdError + Send + Sync>>;
}

impl Registration {
    /// Goes by what earlier runs have left: what they registered or were refused is not sent, and
    /// what they had no answer for is looked up first.
    pub fn recall(&mut self, memory: &dyn Memory) -> Result<()> {
        for position in 0..self.entries.len() {
            let entry = &self.entries[position];
            if entry.fate != Fate::Waiting {
                continue;
            }
            let known = memory.load(&self.key(entry)).map_err(Error::memory)?;
            if let Some(fate) = known {
                self.entries[position].fate = fate;
            }
        }
        Ok(())
    }

    /// Has the memory forget these units, for whoever wants to register them once more.
    pub fn forget(&self, memory: &dyn Memory) -> Result<()> {
        self.entries
            .iter()
            .try_for_each(|entry| self.save(memory, entry, &Fate::Waiting))
    }

    /// Remembers what is known of these units now.
    pub(super) fn remember(&self, memory: &dyn Memory, positions: &[usize]) -> Result<()> {
        let entries = positions.iter().filter_map(|at| self.entries.get(*at));
        entries
            .into_iter()
            .try_for_each(|entry| self.save(memory, entry, &entry.fate))
    }

    /// Forgets what was refused: a run that came to its end has said so, and whoever mends the
    /// unit wants it to be sent.
    pub(super) fn forget_refused(&self, memory: &dyn Memory) -> Result<()> {
        let refused = |entry: &&super::Entry| matches!(entry.fate, Fate::Refused { .. });
        self.entries
            .iter()
            .filter(refused)
            .try_for_each(|entry| self.save(memory, entry, &Fate::Waiting))
    }

    fn save(&self, memory: &dyn Memory, entry: &super::Entry, fate: &Fate) -> Result<()> {
        let saved = memory.save(&self.key(entry), fate);
        saved.map_err(Error::memory)
    }
}
