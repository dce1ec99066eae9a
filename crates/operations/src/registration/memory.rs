//! The states of units that outlive a run.

use std::error::Error as StdError;

use super::{Registration, UnitState};
use fortilake_client::{Error, Result};

/// Remembers the states of units between runs, so that no unit is sent twice.
///
/// An implementation may store keys and states as plain text: they contain no secrets.
pub trait RegistrationStore: Send + Sync {
    /// Returns the remembered state of the unit with this key, if there is one.
    fn load(&self, key: &str) -> Result<Option<UnitState>, Box<dyn StdError + Send + Sync>>;

    /// Remembers the state, durably by the time it returns. [`UnitState::Waiting`] may be forgotten
    /// instead.
    fn save(&self, key: &str, state: &UnitState) -> Result<(), Box<dyn StdError + Send + Sync>>;
}

impl Registration {
    /// Loads the states that earlier runs left. Units that they registered or that were refused are
    /// not sent, and units with an unknown outcome are looked up first.
    pub fn recall(&mut self, memory: &dyn RegistrationStore) -> Result<()> {
        for position in 0..self.entries.len() {
            let entry = &self.entries[position];
            if entry.state != UnitState::Waiting {
                continue;
            }
            let load = |key: &str| memory.load(key).map_err(Error::memory);
            let known = match load(&self.key(entry))? {
                None | Some(UnitState::Waiting) => load(&Self::unknown_key(entry))?,
                known => known,
            };
            if let Some(state) = known {
                self.entries[position].state = state;
            }
        }
        Ok(())
    }

    /// Removes these units from the memory, so that they can be registered again.
    ///
    /// Units with an unknown outcome stay, because they may still be registered.
    pub fn forget(&self, memory: &dyn RegistrationStore) -> Result<()> {
        self.entries.iter().try_for_each(|entry| {
            let known = memory.load(&self.key(entry)).map_err(Error::memory)?;
            match known {
                Some(UnitState::Sent { .. }) => Ok(()),
                _ => memory
                    .save(&self.key(entry), &UnitState::Waiting)
                    .map_err(Error::memory),
            }
        })
    }

    /// Saves the current states of these units.
    pub(super) fn remember(
        &self,
        memory: &dyn RegistrationStore,
        positions: &[usize],
    ) -> Result<()> {
        let entries = positions.iter().filter_map(|at| self.entries.get(*at));
        entries
            .into_iter()
            .try_for_each(|entry| self.save(memory, entry, &entry.state))
    }

    /// Removes refused units from the memory. The run has completed and reported them, so a user
    /// who corrects one can have it sent again.
    pub(super) fn forget_refused(&self, memory: &dyn RegistrationStore) -> Result<()> {
        let refused = |entry: &&super::Entry| matches!(entry.state, UnitState::Refused { .. });
        self.entries
            .iter()
            .filter(refused)
            .try_for_each(|entry| self.save(memory, entry, &UnitState::Waiting))
    }

    fn save(
        &self,
        memory: &dyn RegistrationStore,
        entry: &super::Entry,
        state: &UnitState,
    ) -> Result<()> {
        // Saved first, and removed last, so that a process that dies in between leaves the unit
        // unknown.
        let unknown = Self::unknown_key(entry);
        if let UnitState::Sent { .. } = state {
            memory.save(&unknown, state).map_err(Error::memory)?;
        }
        memory
            .save(&self.key(entry), state)
            .map_err(Error::memory)?;
        match state {
            UnitState::Sent { .. } => Ok(()),
            _ => memory
                .save(&unknown, &UnitState::Waiting)
                .map_err(Error::memory),
        }
    }
}
