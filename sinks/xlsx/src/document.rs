//! The file of the workbook: what is there, and how it is replaced.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use fortilake_sink::{Error, Kind, Result};
use tempfile::{Builder, NamedTempFile};

use crate::identity::Identity;

#[cfg(test)]
mod tests;

/// How the name of the hidden file ends, in which a workbook is written.
const SUFFIX: &str = ".part";

/// The file of a workbook.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    path: PathBuf,
}

impl Document {
    /// The workbook at `path`, which need not exist.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if the path cannot be that of a workbook.
    pub(crate) fn new(path: &Path) -> Result<Self> {
        let refuse = |text: String| Err(Error::new(Kind::Config, text));
        let shown = path.display();
        if let Some(scheme) = path.to_str().and_then(fortilake_snapshot::scheme) {
            return refuse(format!(
                "`{scheme}://` is not supported by the sink `xlsx`; option `path` must be a file"
            ));
        }
        let is_workbook = path
            .extension()
            .is_some_and(|it| it.eq_ignore_ascii_case("xlsx"));
        if !is_workbook {
            return refuse(format!(
                "option `path` is `{shown}`, but it must end in `.xlsx`, so that Excel can open it"
            ));
        }
        if path.is_dir() {
            return refuse(format!(
                "option `path` must be a file, but `{shown}` is a folder"
            ));
        }
        // A rename would replace a link and not the file that it points to.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        Ok(Self { path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Which crawl the workbook has; `None` if there is no workbook.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if there is a file that this sink did not write. It is not ours to replace.
    pub(crate) fn identity(&self) -> Result<Option<Identity>> {
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            file => file.map_err(|error| Error::io("open", &self.path, error))?,
        };
        let identity = Identity::read(io::BufReader::new(file));
        identity.map(Some).ok_or_else(|| {
            let text = format!(
                "`{}` was not written by fortilake, so it is not replaced; choose another path, or move the file away",
                self.path.display()
            );
            Error::new(Kind::Config, text)
        })
    }

    /// Creates the hidden file beside the workbook.
    pub(crate) fn begin(&self) -> Result<NamedTempFile> {
        let folder = self.folder();
        fs::create_dir_all(folder)
            .map_err(|error| Error::io("create the folder", folder, error))?;
        let (prefix, mut builder) = (self.prefix(), Builder::new());
        builder.prefix(&prefix).suffix(SUFFIX);
        #[cfg(unix)]
        {
            // Without it, only the owner could read the workbook. The system takes away what the umask says.
            use std::os::unix::fs::PermissionsExt as _;
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let failed = |error| Error::io("create a file in", folder, error);
        let file = builder.tempfile_in(folder).map_err(failed)?;
        // The lock tells other processes that this one is alive. On file systems without locks, this
        // fails, and so does the check of another process, which then leaves the file alone.
        let _ = file.as_file().try_lock();
        Ok(file)
    }

    /// Replaces the workbook by the hidden file, and returns its size.
    pub(crate) fn replace(&self, file: NamedTempFile) -> Result<u64> {
        let failed = |error| Error::io("write", &self.path, error);
        if let Ok(old) = fs::metadata(&self.path) {
            file.as_file()
                .set_permissions(old.permissions())
                .map_err(failed)?;
        }
        file.as_file().sync_all().map_err(failed)?;
        let bytes = file.as_file().metadata().map_err(failed)?.len();
        file.persist(&self.path)
            .map_err(|error| failed(error.error))?;
        self.sync_folder()?;
        Ok(bytes)
    }

    /// Checks that the workbook can be replaced, and leaves nothing behind.
    pub(crate) fn probe(&self) -> Result<()> {
        let missing = self
            .folder()
            .ancestors()
            .take_while(|it| !it.as_os_str().is_empty() && !it.exists());
        let missing: Vec<_> = missing.map(Path::to_owned).collect();
        let probed = self.begin().and_then(|file| {
            let name = file.path().with_extension("probe");
            let moved = file
                .persist(&name)
                .map_err(|error| Error::io("create", &name, error.error));
            moved.and_then(|_| {
                fs::remove_file(&name).map_err(|error| Error::io("remove", &name, error))
            })
        });
        for folder in missing {
            // It stays if another process uses it by now.
            let _ = fs::remove_dir(folder);
        }
        probed
    }

    /// Removes the hidden files that dead processes left.
    pub(crate) fn sweep(&self) -> Result<()> {
        let folder = self.folder();
        let failed = |error| Error::io("list the folder", folder, error);
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(failed)?,
        };
        let prefix = self.prefix();
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let is_ours = entry.file_name().to_str().is_some_and(|name| {
                name.starts_with(&*prefix.to_string_lossy()) && name.ends_with(SUFFIX)
            });
            if is_ours && is_unlocked(&entry.path()) {
                // Another process may have removed it first.
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(())
    }

    fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }

    /// How the names of the hidden files begin.
    fn prefix(&self) -> OsString {
        let mut prefix = OsString::from(".");
        prefix.push(self.path.file_name().unwrap_or_default());
        prefix.push(".");
        prefix
    }

    /// Makes the new name durable, if the system and the file system support it.
    fn sync_folder(&self) -> Result<()> {
        if !cfg!(unix) {
            return Ok(());
        }
        let folder = self.folder();
        match File::open(folder).and_then(|folder| folder.sync_all()) {
            Err(error)
                if !matches!(
                    error.kind(),
                    ErrorKind::InvalidInput | ErrorKind::Unsupported
                ) =>
            {
                Err(Error::io("sync the folder", folder, error))
            }
            _ => Ok(()),
        }
    }
}

/// Whether no process holds the lock of a file.
fn is_unlocked(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| file.try_lock().is_ok())
}
