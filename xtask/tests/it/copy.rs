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
        // Cargo identifies packages by their path in the workspace. In our own target folder, the
        // crates of the copy would be mistaken for ours.
        let target = root.join("target/copy/target");
        // A failed test leaves the copy in a usable state too.
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        if !*made {
            let _ = fs::remove_dir_all(&path);
            for part in PARTS {
                copy_all(&root.join(part), &path.join(part));
            }
            adopt_example(&path);
            take_dependencies(&programs(), &target.join("debug"));
            *made = true;
        }
        Self {
            path,
            target,
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

    /// Builds a program of the copy and runs it. Returns its output.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> String {
        // Of the whole workspace, with a target that has development dependencies: then dependencies
        // have the features that `cargo test --workspace` built them with.
        let whole = ["build", "--workspace", "--example", "bench"];
        self.cargo(&[&whole[..], &["--bin", program]].concat());
        let mut command = Command::new(self.target.join("debug").join(program));
        printed(command.args(arguments).current_dir(&self.path))
    }

    /// Runs cargo in the copy. Returns its output.
    pub(crate) fn cargo<T: AsRef<OsStr>>(&self, arguments: &[T]) -> String {
        let mut command = Command::new(env!("CARGO"));
        command
            .args(arguments)
            .current_dir(&self.path)
            .env("CARGO_TARGET_DIR", &self.target)
            // What is built once is built faster without.
            .env("CARGO_INCREMENTAL", "0");
        printed(&mut command)
    }
}

/// Runs a command that must succeed. Returns its output.
fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}:\n{printed}\n{errors}");
    printed
}

/// Makes the example of an own binary a member of the workspace, so that cargo builds its
/// dependencies only once. Outside of this copy it is a workspace of its own.
fn adopt_example(path: &Path) {
    let edit = |file: &str, from: &str, to: &str| {
        let file = path.join(file);
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{}", file.display());
        fs::write(file, text.replace(from, to)).unwrap();
    };
    edit(
        "Cargo.toml",
        "\"xtask\"]",
        "\"xtask\", \"examples/own-binary\"]",
    );
    edit("examples/own-binary/Cargo.toml", "\n[workspace]\n", "\n");
}

/// The folder with the programs that cargo built together with this test.
pub(crate) fn programs() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(2).unwrap().to_owned()
}

/// Takes over what cargo built of other people's crates, which saves half of the time to build the
/// copy. Cargo builds again what is missing.
///
/// Our own crates must not be taken over, because cargo would take those of the copy for ours.
fn take_dependencies(from: &Path, to: &Path) {
    let is_foreign = |name: &str| !name.contains("fortilake") && !name.contains("xtask");
    let is_library = |name: &str| is_foreign(name) && name.starts_with("lib");
    // Compilers replace their output, so a link is as good as a copy. Cargo writes into its own
    // files, and the link would be one to the same file.
    let folders: [(&str, Wanted<'_>, Take); 3] = [
        (".fingerprint", &is_foreign, copy_file),
        ("build", &is_foreign, copy_file),
        ("deps", &is_library, |from, to| fs::hard_link(from, to)),
    ];
    for (folder, is_wanted, take) in folders {
        let Ok(entries) = fs::read_dir(from.join(folder)) else {
            continue;
        };
        fs::create_dir_all(to.join(folder)).unwrap();
        for entry in entries {
            let name = entry.unwrap().file_name();
            if name.to_str().is_some_and(is_wanted) {
                let part = Path::new(folder).join(&name);
                take_all(&from.join(&part), &to.join(&part), take);
            }
        }
    }
}

type Wanted<'a> = &'a dyn Fn(&str) -> bool;

type Take = fn(&Path, &Path) -> std::io::Result<()>;

fn take_all(from: &Path, to: &Path, take: Take) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            take_all(&entry.path(), &to.join(entry.file_name()), take);
        }
    } else if !to.exists() {
        let _ = take(from, to);
    }
}

/// Copies a file together with its time, by which cargo decides what is up to date.
fn copy_file(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::copy(from, to)?;
    let time = fs::metadata(from)?.modified()?;
    fs::File::options()
        .append(true)
        .open(to)?
        .set_modified(time)
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
