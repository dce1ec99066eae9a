//! Files and folders that are still there after a crash.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

use fortilake_sink::{Error, Result};
use serde_json::Value;

/// Whether files can be written to `root`; nothing is left behind.
pub(super) fn probe(root: &Path) -> Result<()> {
    let is_new = !root.exists();
    create(root)?;
    let file = root.join(format!(".probe-{}", std::process::id()));
    write(&file, b"")?;
    fs::remove_file(&file).map_err(|error| Error::io("remove", &file, error))?;
    if is_new {
        // Somebody else may have put something there meanwhile.
        let _ = fs::remove_dir(root);
    }
    Ok(())
}

pub(super) fn create(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(|error| Error::io("create", folder, error))
}

/// Removes a folder; no error if it is not there.
pub(super) fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(Error::io("remove", folder, error))
        }
        _ => Ok(()),
    }
}

/// The names in a folder.
pub(super) fn list(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).map_err(|error| Error::io("read", folder, error))?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.collect())
}

/// What is in a file, if it is there and whole.
pub(super) fn read_json(file: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(file).ok()?).ok()
}

/// Writes a file and brings it onto the disk.
pub(super) fn write(file: &Path, content: &[u8]) -> Result<()> {
    let written = File::create(file).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()
    });
    written.map_err(|error| Error::io("write", file, error))
}

/// Replaces a file in one step: whoever reads it has the old content or the new.
pub(super) fn replace(file: &Path, content: &[u8]) -> Result<()> {
    let name = file.file_name().unwrap_or_default().display();
    let fresh = file.with_file_name(format!(".{name}-{}", std::process::id()));
    write(&fresh, content)?;
    fs::rename(&fresh, file).map_err(|error| Error::io("replace", file, error))?;
    sync(file.parent().unwrap_or(file))
}

/// Brings a folder and the files in it onto the disk.
pub(super) fn sync_all(folder: &Path) -> Result<()> {
    for name in list(folder)? {
        sync(&folder.join(name))?;
    }
    sync(folder)
}

/// Brings a file, or the names in a folder, onto the disk.
///
/// A rename is only a change of names: without this, it may be undone when the power fails.
pub(super) fn sync(path: &Path) -> Result<()> {
    match File::open(path).and_then(|file| file.sync_all()) {
        Err(error) if !cannot_be_synced(path, &error) => Err(Error::io("sync", path, error)),
        _ => Ok(()),
    }
}

/// Some systems and file systems cannot sync a folder, and then nothing is to be done.
fn cannot_be_synced(path: &Path, error: &std::io::Error) -> bool {
    let is_unsupported = matches!(
        error.kind(),
        ErrorKind::InvalidInput | ErrorKind::Unsupported
    );
    path.is_dir() && (is_unsupported || cfg!(windows))
}
