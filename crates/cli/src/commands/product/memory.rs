//! Stores the outcome of each registered unit in the state file, and locks out a second run.

use std::{
    error::Error,
    fs::{File, OpenOptions, TryLockError},
};

use anyhow::{Context as _, anyhow};
use fortilake_crawler::{
    client::operations::{Fate, Memory},
    state::{SinkStore, State},
};

use crate::exit::{Failure, Result};

/// The units of one API user.
pub(super) struct Remembered(SinkStore);

impl Remembered {
    /// What is remembered for this user of the API.
    pub(super) fn of(state: &State, user: &str) -> Result<Self> {
        Ok(Self(state.sink_store(&format!("register {user}"))?))
    }
}

impl Memory for Remembered {
    fn load(&self, key: &str) -> std::result::Result<Option<Fate>, Box<dyn Error + Send + Sync>> {
        let kept = self.0.get(key)?;
        Ok(kept.map(|fate| serde_json::from_slice(&fate)).transpose()?)
    }

    fn save(
        &self,
        key: &str,
        fate: &Fate,
    ) -> std::result::Result<(), Box<dyn Error + Send + Sync>> {
        match fate {
            // A unit without an entry is waiting, so this outcome needs none.
            Fate::Waiting => self.0.delete(key)?,
            fate => self.0.put(key, &serde_json::to_vec(fate)?)?,
        }
        Ok(())
    }
}

/// A lock that one registration holds per state; the system releases it when the process dies.
///
/// Two of the same file would send each unit twice.
pub(super) struct Turn(#[expect(dead_code, reason = "held, not read")] File);

impl Turn {
    /// Takes it, if nobody has it.
    pub(super) fn take(state: &State) -> Result<Self> {
        let path = state.path().with_file_name("register.lock");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let opened = options
            .open(&path)
            .with_context(|| format!("`{}` cannot be opened", path.display()));
        let file = opened.map_err(Failure::failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(Failure::not_started(anyhow!(
                "another registration is at work"
            ))
            .hint("wait for its end")),
            Err(TryLockError::Error(error)) => Err(Failure::failed(error)),
        }
    }
}
