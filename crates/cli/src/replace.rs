//! Replaces a file that other programs read.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Replaces the file by a rename, so that no reader sees half of it.
///
/// A path that is not a regular file, such as `/dev/stderr` or a pipe, is written to directly: a
/// rename would replace the device by a file.
pub(crate) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let Some(temporary) = temporary(path) else {
        return fs::write(path, text);
    };
    fs::write(&temporary, text)?;
    fs::rename(&temporary, path)
}

/// Checks that the file can be replaced, and leaves it as it is.
pub(crate) fn check(path: &Path) -> io::Result<()> {
    let Some(temporary) = temporary(path) else {
        return fs::OpenOptions::new().write(true).open(path).map(drop);
    };
    fs::write(&temporary, "")?;
    fs::remove_file(&temporary)
}

/// The name of the file until it is complete; `None` for what is not a regular file.
fn temporary(path: &Path) -> Option<PathBuf> {
    let is_file = fs::metadata(path).map_or(true, |metadata| metadata.is_file());
    let mut name = path.file_name().filter(|_| is_file)?.to_owned();
    name.push(".part");
    Some(path.with_file_name(name))
}
