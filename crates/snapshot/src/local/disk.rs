//! File operations that are durable when they return, with errors that name the path.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use fortilake_sink::{Error, Result};

/// How often to try an operation while other processes remove its folder as empty, or add files to it.
const TRIES: u32 = 5;

/// Runs `work`, and a few times again while its result may be due to what another process did in between.
pub(super) fn again<T>(is_raced: impl Fn(&T) -> bool, mut work: impl FnMut() -> T) -> T {
    for _ in 1..TRIES {
        let done = work();
        if !is_raced(&done) {
            return done;
        }
    }
    work()
}

/// Creates a folder and its parents, and makes their names durable.
pub(crate) fn make_folder(path: &Path) -> Result<()> {
    make_missing_folders(path).map(drop)
}

/// Like [`make_folder`]; returns the folders that were missing, the outermost first.
pub(crate) fn make_missing_folders(path: &Path) -> Result<Vec<PathBuf>> {
    // Another process removed a parent because it was empty, or it created and removed the folder itself.
    let made = again(
        |made| is_failure(made, &[ErrorKind::NotFound, ErrorKind::AlreadyExists]),
        || try_make_folders(path),
    );
    made.map_err(|error| Error::io("create the folder", path, error))
}

/// Whether the reason of an error is that a file or folder does not exist.
pub(super) fn is_missing(error: &Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return error.kind() == ErrorKind::NotFound;
        }
        cause = error.source();
    }
    false
}

fn is_failure<T>(done: &io::Result<T>, kinds: &[ErrorKind]) -> bool {
    done.as_ref()
        .is_err_and(|error| kinds.contains(&error.kind()))
}

fn try_make_folders(path: &Path) -> io::Result<Vec<PathBuf>> {
    let missing = path
        .ancestors()
        .take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists());
    let mut missing: Vec<_> = missing.map(Path::to_owned).collect();
    missing.reverse();
    fs::create_dir_all(path)?;
    for parent in missing.iter().filter_map(|folder| folder.parent()) {
        try_sync_folder(parent)?;
    }
    Ok(missing)
}

/// Removes a folder and its content. It is not an error if another process removes it at the same time.
pub(crate) fn remove_folder(path: &Path) -> Result<()> {
    let removed = again(
        |removed| {
            is_failure(
                removed,
                &[ErrorKind::NotFound, ErrorKind::DirectoryNotEmpty],
            )
        },
        || match fs::remove_dir_all(path) {
            Err(error) if error.kind() == ErrorKind::NotFound && !path.exists() => Ok(()),
            removed => removed,
        },
    );
    removed.map_err(|error| Error::io("remove the folder", path, error))
}

/// Removes a file or link if it exists.
pub(crate) fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io("remove", path, error)),
        _ => Ok(()),
    }
}

/// Writes a whole file and syncs its content. Its name is durable only after a sync of the folder.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<()> {
    File::create(path)
        .and_then(|mut file| {
            file.write_all(content)?;
            file.sync_all()
        })
        .map_err(|error| Error::io("write", path, error))
}

/// Writes a whole file that need not outlive the process.
pub(crate) fn write_unsynced(path: &Path, content: &[u8]) -> Result<()> {
    fs::write(path, content).map_err(|error| Error::io("write", path, error))
}

/// Renames a file, replacing `to` if it exists, and makes the new name durable.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<()> {
    in_folder_of(to, || fs::rename(from, to))?
        .map_err(|error| Error::io(format_args!("move `{}` to", from.display()), to, error))?;
    sync_parent(to)
}

/// Hard-links a file to a new name. The inner result is that of the link, so the caller can check for an existing name.
pub(crate) fn link_new(from: &Path, to: &Path) -> Result<io::Result<()>> {
    in_folder_of(to, || fs::hard_link(from, to))
}

/// Creates the folder of `path` and runs `work`, again if another process removed the empty folder in between.
fn in_folder_of(path: &Path, mut work: impl FnMut() -> io::Result<()>) -> Result<io::Result<()>> {
    let is_gone = |done: &Result<io::Result<()>>| {
        done.as_ref()
            .is_ok_and(|done| is_failure(done, &[ErrorKind::NotFound]))
    };
    again(is_gone, || {
        if let Some(folder) = path.parent() {
            make_folder(folder)?;
        }
        Ok(work())
    })
}

/// Makes the name of a file durable.
pub(crate) fn sync_parent(path: &Path) -> Result<()> {
    path.parent().map_or(Ok(()), sync_folder)
}

/// Makes the names in a folder durable, if the system and the file system support it.
pub(crate) fn sync_folder(path: &Path) -> Result<()> {
    try_sync_folder(path).map_err(|error| Error::io("sync the folder", path, error))
}

fn try_sync_folder(path: &Path) -> io::Result<()> {
    // Only Unix can open and sync a folder. On other systems the order of renames is left to the file system.
    if !cfg!(unix) {
        return Ok(());
    }
    let path = match path {
        path if path.as_os_str().is_empty() => Path::new("."),
        path => path,
    };
    tolerate(File::open(path).and_then(|folder| folder.sync_all()))
}

/// Accepts a file system that cannot sync folders (EINVAL, ENOTSUP). Refusing to publish there would help no one.
fn tolerate(synced: io::Result<()>) -> io::Result<()> {
    match synced {
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::InvalidInput | ErrorKind::Unsupported
            ) =>
        {
            Ok(())
        }
        synced => synced,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_system_that_cannot_sync_folders_is_no_error() {
        // EINVAL, EOPNOTSUPP (which is ENOTSUP), ENOSYS.
        for code in [22, 95, 38] {
            tolerate(Err(io::Error::from_raw_os_error(code))).unwrap();
        }
        // EIO, ENOSPC.
        for code in [5, 28] {
            tolerate(Err(io::Error::from_raw_os_error(code))).unwrap_err();
        }
    }

    #[test]
    fn a_folder_that_others_create_and_remove_can_be_created() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("shared");
        let ended = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    // As in a probe. Either fails if the other process was faster.
                    let _ = fs::create_dir(&path);
                    let _ = fs::remove_dir(&path);
                }
            });
            let made = (0..2_000).map(|_| {
                let made = make_folder(&path);
                let _ = fs::remove_dir(&path);
                made
            });
            let failed: Vec<_> = made.filter_map(Result::err).collect();
            ended.store(true, Ordering::Relaxed);
            assert!(failed.is_empty(), "{}: {failed:?}", failed.len());
        });
    }

    #[test]
    fn a_folder_is_removed_with_its_files_and_may_be_gone() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("folder");
        remove_folder(&path).unwrap();
        fs::create_dir(&path).unwrap();
        fs::write(path.join("f"), "").unwrap();
        remove_file(&path).unwrap_err();
        remove_folder(&path).unwrap();
        assert!(!path.exists());
        remove_file(&path).unwrap();
        fs::write(&path, "").unwrap();
        remove_folder(&path).unwrap_err();
    }

    #[test]
    fn what_always_fails_is_tried_a_few_times() {
        let root = tempfile::tempdir().unwrap();
        let tries = |kind: ErrorKind| {
            let mut tries = 0;
            let done = in_folder_of(&root.path().join("a/f"), || {
                tries += 1;
                Err(kind.into())
            });
            assert_eq!(done.unwrap().unwrap_err().kind(), kind);
            tries
        };
        assert_eq!(tries(ErrorKind::NotFound), TRIES);
        assert_eq!(tries(ErrorKind::StorageFull), 1);
        assert!(root.path().join("a").is_dir());
        // A link to nothing is no folder, and no other process has to do with it.
        #[cfg(unix)]
        {
            let link = root.path().join("link");
            std::os::unix::fs::symlink("nothing", &link).unwrap();
            make_folder(&link).unwrap_err();
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_folder_of_a_plain_name_is_the_current_one() {
        sync_parent(Path::new("f")).unwrap();
        sync_parent(Path::new("absent/f")).unwrap_err();
    }

    #[test]
    fn missing_folders_are_told_from_the_outside_in() {
        let root = tempfile::tempdir().unwrap();
        let made = make_missing_folders(&root.path().join("a/b")).unwrap();
        assert_eq!(made, [root.path().join("a"), root.path().join("a/b")]);
        assert!(
            make_missing_folders(&root.path().join("a/b"))
                .unwrap()
                .is_empty()
        );
    }
}
