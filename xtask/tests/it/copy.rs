//! A copy of the workspace that tests may change and build.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The parts of the workspace that are needed to build it.
const PARTS: [&str; 8] = [
    ".cargo",
    "Cargo.lock",
    "Cargo.toml",
    "crates",
    "examples",
    "fixtures",
    "sinks",
    "xtask",
];

/// There is only one copy, because every copy has to be built from scratch. The flag says whether
/// it exists; the lock is held while a test uses it.
static MADE: Mutex<bool> = Mutex::new(false);

/// Exclusive use of the copy. Changes by earlier tests are kept.
pub(crate) struct Copy {
    path: PathBuf,
    target: PathBuf,
    _guard: MutexGuard<'static, bool>,
}

impl Copy {
    /// Waits until no other test uses the copy, and creates it if necessary.
    pub(crate) fn take() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let path = root.join("target/copy/fortilake");
        // A failed test leaves the copy in a usable state too.
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        if !*made {
            let _ = fs::remove_dir_all(&path);
            for part in PARTS {
                copy_all(&root.join(part), &path.join(part));
            }
            *made = true;
        }
        Self {
            path,
            // Cargo identifies packages by their path in the workspace. In our own target folder,
            // the crates of the copy would be mistaken for ours.
            target: root.join("target/copy/target"),
            _guard: made,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder that cargo builds the copy in.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Runs cargo in the copy. Returns its output.
    pub(crate) fn cargo<T: AsRef<OsStr>>(&self, arguments: &[T]) -> String {
        self.cargo_in("", arguments)
    }

    /// Runs cargo in a folder of the copy. Returns its output.
    pub(crate) fn cargo_in<T: AsRef<OsStr>>(&self, folder: &str, arguments: &[T]) -> String {
        let output = Command::new(env!("CARGO"))
            .args(arguments)
            .current_dir(self.path.join(folder))
            .env("CARGO_TARGET_DIR", &self.target)
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        let line: Vec<_> = arguments
            .iter()
            .map(|part| part.as_ref().display().to_string())
            .collect();
        assert!(
            output.status.success(),
            "cargo {}:\n{printed}\n{errors}",
            line.join(" ")
        );
        printed
    }
}

fn copy_all(from: &Path, to: &Path) {
    if from.is_file() {
        fs::copy(from, to).unwrap();
        return;
    }
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        // The build output of an example is not copied.
        if !entry.path().join("CACHEDIR.TAG").exists() {
            copy_all(&entry.path(), &to.join(entry.file_name()));
        }
    }
}
