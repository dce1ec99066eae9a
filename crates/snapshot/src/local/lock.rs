//! File locks with a deadline. A suspended process keeps its locks, so waiting without one could last forever.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use fortilake_sink::{Error, Kind, Result};
use tokio::time::Instant;

use super::{blocking, disk};

/// How long to wait between two tries. There is no portable way to wait for a lock with a deadline.
const STEP: Duration = Duration::from_millis(20);

/// Takes the lock on `path`. Fails if it is not free within `patience`.
pub(super) async fn take(path: PathBuf, patience: Duration) -> Result<File> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(file) = try_take(path.clone()).await? {
            return Ok(file);
        }
        if Instant::now() >= deadline {
            let text = format!(
                "cannot lock `{}`: another process has held it for {} s; check whether that process is suspended",
                path.display(),
                patience.as_secs()
            );
            return Err(Error::new(Kind::Unavailable, text));
        }
        tokio::time::sleep(STEP).await;
    }
}

/// Takes the lock on `path`; `None` if another process holds it.
pub(super) async fn try_take(path: PathBuf) -> Result<Option<File>> {
    blocking(move || {
        // Another process may have removed the folder because it was empty. It may even be there again now.
        let is_raced = |taken: &Result<_>| taken.as_ref().is_err_and(disk::is_missing);
        disk::again(is_raced, || {
            if let Some(folder) = path.parent() {
                disk::make_folder(folder)?;
            }
            try_lock(&path)
        })
    })
    .await
}

/// Like [`try_take`], for a thread where blocking is allowed and a folder that exists.
pub(super) fn try_lock(path: &Path) -> Result<Option<File>> {
    let failed = |error| Error::io("lock", path, error);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}
