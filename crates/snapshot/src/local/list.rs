//! Listing files recursively, and removing folders that became empty.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use fortilake_sink::{Error, Result};

use crate::layout::OWN;

/// All files and links below `folder`, as sorted paths relative to `root`. Links are not followed.
pub(super) fn files(root: &Path, folder: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let failed = |error| Error::io("list the folder", &folder, error);
        let entries = match fs::read_dir(&folder) {
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                continue;
            }
            entries => entries.map_err(failed)?,
        };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let is_folder = entry.file_type().map_err(failed)?.is_dir();
            if is_folder {
                folders.push(entry.path());
            } else {
                files.extend(relative(root, &entry.path()));
            }
        }
    }
    files.sort();
    Ok(files)
}

/// The path relative to `root`, with `/` on every system; `None` if it is not UTF-8, because then it is not our file.
fn relative(root: &Path, path: &Path) -> Option<String> {
    let parts = path.strip_prefix(root).ok()?.components();
    let parts: Option<Vec<_>> = parts.map(|part| part.as_os_str().to_str()).collect();
    Some(parts?.join("/"))
}

/// Removes the parent folders of `path` that are empty now, up to `root` or our own folder.
///
/// It stops at the first folder that cannot be removed, because it is not empty or we lack the permission.
pub(super) fn remove_empty_folders(root: &Path, path: &Path) {
    let own = root.join(OWN);
    let above = path.ancestors().skip(1);
    let ours =
        above.take_while(|folder| folder.starts_with(root) && *folder != root && *folder != own);
    for folder in ours {
        if fs::remove_dir(folder).is_err() {
            return;
        }
    }
}
