//! The folder in which a snapshot is made before anyone sees it.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::info;

use super::disk;
use super::plan::Plan;
use super::root::{Lock, Root};
use crate::{Error, Result};

/// One sink's folder in `_fortilake/staging`, removed when it is dropped unless it holds a [`Plan`].
///
/// A locked file in it shows other processes that its owner lives.
#[derive(Debug)]
pub(super) struct Staging {
    path: PathBuf,
    /// Given up before the folder is removed, for some systems do not remove open files.
    alive: Option<File>,
    planned: bool,
}

impl Staging {
    /// Makes a folder for this sink and this snapshot.
    ///
    /// The root's lock keeps others from taking the folder for abandoned while its own lock is not held yet.
    pub(super) fn create(root: &Root, _lock: &Lock, snapshot: &str, sink: &str) -> Result<Self> {
        let process = std::process::id();
        loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let name = format!("{snapshot}-{sink}.{process}-{number}");
            let path = root.staging().join(name);
            match fs::create_dir(&path) {
                Ok(()) => {
                    let mut staging = Self {
                        path,
                        alive: None,
                        planned: false,
                    };
                    staging.alive = try_own(&staging.path)?;
                    return Ok(staging);
                }
                // A process of this number was there before.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::io("create the folder", &path, error)),
            }
        }
    }

    /// Finishes or removes what dead processes of this sink have left behind.
    pub(super) fn recover(root: &Root, lock: &Lock, sink: &str) -> Result<()> {
        let folder = root.staging();
        let failed = |error| Error::io("list the folder", &folder, error);
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let is_ours = entry
                .file_name()
                .to_str()
                .is_some_and(|name| made_by(name, sink));
            if !is_ours {
                continue;
            }
            let path = entry.path();
            let Some(alive) = try_own(&path)? else {
                continue;
            };
            if let Some(plan) = Plan::load(&path)? {
                info!(path = %path.display(), "finishing an interrupted publication");
                plan.resume(root, lock, &path)?;
            } else {
                info!(path = %path.display(), "removing an abandoned staging folder");
            }
            drop(alive);
            disk::remove_folder(&path)?;
        }
        Ok(())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Publishes the plan; from here on the folder stays until all of it is done.
    pub(super) fn publish(mut self, root: &Root, lock: &Lock, plan: &Plan) -> Result<()> {
        plan.store(&self.path)?;
        self.planned = true;
        plan.publish(root, lock, &self.path)?;
        self.remove()
    }

    pub(super) fn remove(mut self) -> Result<()> {
        // One attempt is enough; the drop need not repeat it.
        self.planned = true;
        drop(self.alive.take());
        disk::remove_folder(&self.path)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        drop(self.alive.take());
        if !self.planned {
            // There is nobody to tell, and the next sink of this name tries again.
            let _ = disk::remove_folder(&self.path);
        }
    }
}

/// Counts folders, for a name must not be used again while somebody may still be removing the folder
/// that had it.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// Whether a folder's name is `<snapshot>-<sink>.<process>-<number>`.
fn made_by(name: &str, sink: &str) -> bool {
    let parts = name
        .split_once('-')
        .and_then(|(_, rest)| rest.rsplit_once('.'));
    parts.is_some_and(|(name, _)| name == sink)
}

/// Takes the lock of a staging folder, or nothing if its owner lives.
fn try_own(folder: &Path) -> Result<Option<File>> {
    let path = folder.join("lock");
    let failed = |error| Error::io("lock", &path, error);
    let opened = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path);
    let file = match opened {
        Ok(file) => file,
        // Its owner has just ended, and taken the folder along.
        Err(error) if error.kind() == ErrorKind::NotFound && !folder.exists() => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}
