//! A copy of the workspace that tests may change and build.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What makes up the workspace, as far as building it goes.
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

/// There is one copy, for each would be built anew: whether it was made, and who is at work in it.
static MADE: Mutex<bool> = Mutex::new(false);

/// The copy, while nobody else has it; what others have changed in it stays changed.
pub(crate) struct Copy {
    path: PathBuf,
    target: PathBuf,
    _guard: MutexGuard<'static, bool>,
}

impl Copy {
    /// Waits for the copy, and makes it if nobody has.
    pub(crate) fn take() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let path = root.join("target/copy/fortilake");
        // A test that failed has left the copy as any other test does.
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
            // Cargo tells packages apart by their path in the workspace, so in the folder that we are built in the
            // copy's crates would be taken for ours.
            target: root.join("target/copy/target"),
            _guard: made,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs cargo in the copy and returns what it printed.
    pub(crate) fn cargo<T: AsRef<OsStr>>(&self, arguments: &[T]) -> String {
        self.cargo_in("", arguments)
    }

    /// Runs cargo in a folder of the copy and returns what it printed.
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
        // What an example was built into is no part of it.
        if entry.file_name() != "target" {
            copy_all(&entry.path(), &to.join(entry.file_name()));
        }
    }
}
