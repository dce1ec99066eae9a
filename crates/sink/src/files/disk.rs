//! File operations that are on the disk when they return, with errors that name the path.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, Kind, Result};

pub(super) fn create_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|error| Error::io("create the folder", path, error))
}

/// Removes a folder with all that is in it; that somebody else does so too is no error.
pub(super) fn remove_folder(path: &Path) -> Result<()> {
    let mut tries = 0;
    loop {
        tries += 1;
        let error = match fs::remove_dir_all(path) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let is_raced = matches!(
            error.kind(),
            ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty
        );
        match error.kind() {
            ErrorKind::NotFound if !path.exists() => return Ok(()),
            _ if is_raced && tries < TRIES => {}
            _ => return Err(Error::io("remove the folder", path, error)),
        }
    }
}

/// How often a folder is removed that somebody else is removing, or has put something into.
const TRIES: u32 = 5;

/// Renames, replacing what is there.
pub(super) fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to)
        .map_err(|error| Error::io(format_args!("move `{}` to", from.display()), to, error))
}

/// Makes the names in a folder durable.
///
/// Only Unix lets a folder be synced; elsewhere the file system orders renames by itself.
pub(super) fn sync_folder(path: &Path) -> Result<()> {
    if cfg!(unix) {
        File::open(path)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| Error::io("sync the folder", path, error))?;
    }
    Ok(())
}

/// Writes JSON to `path` by way of `temporary`, which must be on the same file system.
pub(super) fn write_json(temporary: &Path, path: &Path, value: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|error| {
        let text = format!("cannot encode `{}`", path.display());
        Error::new(Kind::Internal, text).with_source(error)
    })?;
    text.push(b'\n');
    File::create(temporary)
        .and_then(|mut file| {
            file.write_all(&text)?;
            file.sync_all()
        })
        .map_err(|error| Error::io("write", temporary, error))?;
    rename(temporary, path)?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Reads JSON, or nothing where there is no file.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let text = match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read", path, error)),
        Ok(text) => text,
    };
    serde_json::from_slice(&text).map(Some).map_err(|error| {
        let text = format!("`{}` is damaged or from another version", path.display());
        Error::new(Kind::Config, text).with_source(error)
    })
}
