//! Probing: checks that a folder can be published into before the first API call is made.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use fortilake_sink::{Error, Result};

use super::disk;
use crate::token::token;

/// Creates, links and removes a file in each of `folders`, and leaves nothing behind.
///
/// The file is synced in the first folder only. The others are nearly always on the same file system, and a sync can
/// take longer than all the rest.
pub(super) fn probe(root: &Path, folders: &[String]) -> Result<()> {
    let mut made = Vec::new();
    let probed = folders.iter().enumerate().try_for_each(|(at, folder)| {
        let folder = if folder.is_empty() {
            root.to_owned()
        } else {
            root.join(folder)
        };
        probe_or_make(&folder, at == 0, &mut made)
    });
    // A folder stays if another process put a file into it in the meantime.
    for folder in made.iter().rev() {
        let _ = fs::remove_dir(folder);
    }
    probed
}

fn probe_or_make(folder: &Path, syncs: bool, made: &mut Vec<PathBuf>) -> Result<()> {
    // Another process that probes may have created the folder, and removed it again. It may even be there again now.
    let is_raced = |probed: &Result<()>| probed.as_ref().is_err_and(disk::is_missing);
    disk::again(is_raced, || {
        // Another process may publish into a folder that is made here, so its name is durable, too.
        made.extend(disk::make_missing_folders(folder)?);
        probe_folder(folder, syncs)
    })
}

/// The prefix of the files that a probe creates.
const PREFIX: &str = "_probe-";

fn probe_folder(folder: &Path, syncs: bool) -> Result<()> {
    // `sweep` of another process may have removed our probe files. If the folder itself is gone, the caller creates it.
    let is_raced =
        |probed: &Result<()>| probed.as_ref().is_err_and(disk::is_missing) && folder.is_dir();
    disk::again(is_raced, || try_folder(folder, syncs))
}

/// The depth of the deepest folder that is probed, `_fortilake/claims/latest`.
const DEPTH: u32 = 3;

/// Removes files that probes of dead processes left below `root`.
///
/// It may also remove a file of a probe that is running, because probe files have no lock. That probe tries again.
pub(super) fn sweep(root: &Path) -> Result<()> {
    sweep_folder(root, DEPTH)
}

fn sweep_folder(folder: &Path, depth: u32) -> Result<()> {
    let failed = |error| Error::io("list the folder", folder, error);
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if name.is_some_and(|name| name.starts_with(PREFIX)) {
            disk::remove_file(&path)?;
        } else if depth > 0 && path.is_dir() && !path.is_symlink() {
            sweep_folder(&path, depth - 1)?;
        }
    }
    Ok(())
}

fn try_folder(folder: &Path, syncs: bool) -> Result<()> {
    let from = folder.join(format!("{PREFIX}{}", token()));
    let to = from.with_extension("put");
    let content = b"fortilake\n";
    let put = if syncs {
        disk::write(&from, content)
            .and_then(|()| put(&from, &to))
            .and_then(|()| disk::sync_folder(folder))
    } else {
        disk::write_unsynced(&from, content).and_then(|()| put(&from, &to))
    };
    let removed = disk::remove_file(&from).and_then(|()| disk::remove_file(&to));
    put.and(removed)
}

fn put(from: &Path, to: &Path) -> Result<()> {
    match fs::hard_link(from, to) {
        Ok(()) => Ok(()),
        Err(error) if lacks_links(&error) => {
            fs::rename(from, to).map_err(|error| Error::io("create", to, error))
        }
        Err(error) => Err(Error::io("create", to, error)),
    }
}

/// Whether the error may mean that the file system has no links of this kind.
pub(super) fn lacks_links(error: &io::Error) -> bool {
    // Linux reports EPERM on file systems without links, and EMLINK if a file already has the maximum number.
    matches!(
        error.kind(),
        ErrorKind::PermissionDenied | ErrorKind::Unsupported | ErrorKind::TooManyLinks
    )
}

/// Whether symbolic links can be created in `folder`, or in its nearest existing parent.
///
/// If the folder is not writable, this cannot be found out. The result is then true, because writing fails later
/// anyway.
pub(super) fn has_links(folder: &Path) -> bool {
    let there = |folder: &&Path| folder.as_os_str().is_empty() || folder.is_dir();
    let Some(folder) = folder.ancestors().find(there) else {
        return true;
    };
    let path: PathBuf = folder.join(format!("{PREFIX}{}", token()));
    match symlink("target", &path) {
        Ok(()) => disk::remove_file(&path).is_ok(),
        Err(error) if error.kind() == ErrorKind::Unsupported => false,
        // No permission: if creating a file fails too, the folder is not writable, and links may well be supported.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            disk::write_unsynced(&path, b"").is_err() || disk::remove_file(&path).is_err()
        }
        Err(_) => true,
    }
}

#[cfg(unix)]
pub(super) fn symlink(target: &str, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, path)
}

// Elsewhere, as on Windows, links need a privilege that most users do not have, and few programs expect them.
#[cfg(not(unix))]
pub(super) fn symlink(_target: &str, _path: &Path) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}
