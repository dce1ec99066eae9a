//! The staging folder: where one process keeps files that are not published yet.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use fortilake_sink::{Error, Result};
use tracing::info;

use super::old_plan::Plan;
use super::{disk, lock};
use crate::token::token;

/// The folder `_fortilake/staging/TOKEN`, removed on drop.
///
/// A lock on a file in it tells other processes that the owner is alive. The system releases the lock however the
/// process ends, while a process id could belong to another process or another container by now.
#[derive(Debug)]
pub(super) struct Staging {
    path: PathBuf,
    /// Closed before the folder is removed, because some systems cannot remove open files.
    alive: Option<File>,
    /// The number of file names given out.
    number: AtomicU64,
    /// Set by tests to keep the folder on drop, as if the process had died.
    is_left: AtomicBool,
}

impl Staging {
    /// Creates a new folder below `folder`.
    ///
    /// The caller holds the same lock as the caller of [`sweep`]. Otherwise a sweep between creating and locking the
    /// folder would remove it as abandoned.
    pub(super) fn create(folder: &Path) -> Result<Self> {
        let path = folder.join(token());
        disk::make_folder(&path)?;
        let alive = lock::try_lock(&path.join("lock"))?;
        Ok(Self {
            path,
            alive,
            number: AtomicU64::new(0),
            is_left: AtomicBool::new(false),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A path for a new file in the folder.
    pub(super) fn file(&self) -> PathBuf {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        self.path.join(format!("{number}.part"))
    }

    #[cfg(test)]
    pub(super) fn leave(&self) {
        self.is_left.store(true, Ordering::Relaxed);
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        drop(self.alive.take());
        if !self.is_left.load(Ordering::Relaxed) {
            // `drop` cannot report an error, and the next process that opens the place tries again.
            let _ = disk::remove_folder(&self.path);
        }
    }
}

/// Removes the staging folders of dead processes, after finishing the publications that the first edition left there.
///
/// The caller holds the locks that keep other processes from publishing and from creating staging folders.
pub(super) fn sweep(root: &Path, folder: &Path) -> Result<()> {
    let failed = |error| Error::io("list the folder", folder, error);
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if !path.is_dir() {
            continue;
        }
        let alive = match lock::try_lock(&path.join("lock")) {
            Ok(Some(alive)) => alive,
            Ok(None) => continue,
            // The owner just ended and removed its folder.
            Err(_) if !path.exists() => continue,
            Err(error) => return Err(error),
        };
        if let Some(plan) = Plan::load(&path)? {
            info!(path = %path.display(), "finishing an interrupted publication");
            plan.resume(root, &path)?;
        } else {
            info!(path = %path.display(), "removing an abandoned staging folder");
        }
        drop(alive);
        disk::remove_folder(&path)?;
    }
    Ok(())
}
