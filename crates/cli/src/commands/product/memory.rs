//! Stores the outcome of each registered unit in the state file, and locks out a second run.

use std::{
    error::Error,
    fs::{File, OpenOptions, TryLockError},
};

use anyhow::{Context as _, anyhow};
use fortilake_operations::{RegistrationStore, UnitState};
use fortilake_state::{SinkStore, State};

use crate::exit::{CommandError, Result};

/// The outcomes of the units that one API user has registered.
pub(super) struct OutcomeStore(SinkStore);

impl OutcomeStore {
    /// Opens the outcomes of this API user. Other users' units are kept apart.
    pub(super) fn of(state: &State, user: &str) -> Result<Self> {
        Ok(Self(state.sink_store(&format!("register {user}"))?))
    }
}

impl RegistrationStore for OutcomeStore {
    fn load(
        &self,
        key: &str,
    ) -> std::result::Result<Option<UnitState>, Box<dyn Error + Send + Sync>> {
        let kept = self.0.get(key)?;
        Ok(kept
            .map(|state| serde_json::from_slice(&state))
            .transpose()?)
    }

    fn save(
        &self,
        key: &str,
        state: &UnitState,
    ) -> std::result::Result<(), Box<dyn Error + Send + Sync>> {
        match state {
            // A unit without an entry is waiting, so this outcome needs none.
            UnitState::Waiting => self.0.delete(key)?,
            state => self.0.put(key, &serde_json::to_vec(state)?)?,
        }
        Ok(())
    }
}

/// A lock that one registration holds per state; the system releases it when the process dies.
///
/// Two registrations of the same file at once would each send every unit, because neither would
/// know of the other's calls in flight.
pub(super) struct RegistrationLock(#[expect(dead_code, reason = "held, not read")] File);

impl RegistrationLock {
    /// Takes the lock; an error if another process holds it. Does not wait.
    pub(super) fn take(state: &State) -> Result<Self> {
        // A lease instead of a file lock would not do: a process that was stopped for longer than its
        // lease would send a unit that another one has sent meanwhile.
        let file = state.path().ok_or_else(|| {
            CommandError::not_started(anyhow!(
                "products cannot be registered with a state in PostgreSQL"
            ))
            .hint("use a state folder for it: `--state DIR`")
        })?;
        let path = file.with_file_name("register.lock");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let opened = options
            .open(&path)
            .with_context(|| format!("`{}` cannot be opened", path.display()));
        let file = opened.map_err(CommandError::failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(CommandError::busy(anyhow!(
                "another registration is using the same state folder"
            ))
            .hint("wait until it has finished, then run the same command again")),
            Err(TryLockError::Error(error)) => Err(CommandError::failed(error)),
        }
    }
}
