//! Folders with little disk space.

use std::{
    fs::{self, File},
    io::{self, BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Stdio},
};

use super::{BINARY, Folder};

/// How the space is limited.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bound {
    /// A small file system, if this user may mount one in a namespace of its own.
    Disk,
    /// A limit on the length of files, which every Unix has.
    FileSize,
}

/// A shell in a folder that has a subfolder with limited space.
///
/// Commands go through one long-lived shell, because the file system is mounted in the namespace of that shell and
/// disappears with it.
pub(crate) struct Tight {
    shell: Child,
    lines: ChildStdin,
    answers: BufReader<ChildStdout>,
    pub(crate) bound: Bound,
    /// Shell code before each command, which sets the limit.
    limit: String,
    inside: PathBuf,
    small: String,
}

impl Tight {
    /// Limits the space in `small`, a subfolder of `folder`; `None` if this system cannot do that.
    pub(crate) fn begin(folder: &Folder, small: &str, bound: Bound) -> Option<Self> {
        fs::create_dir_all(folder.join(small)).unwrap();
        let mut shell = match bound {
            Bound::Disk => {
                let mut shell = folder.program("unshare");
                shell.args(["-rm", "sh"]);
                shell
            }
            Bound::FileSize => folder.program("sh"),
        };
        let mut shell = shell
            .env("BINARY", BINARY)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let inside = format!("/proc/{}/root{}", shell.id(), folder.path.path().display());
        let mut tight = Self {
            lines: shell.stdin.take().unwrap(),
            answers: BufReader::new(shell.stdout.take().unwrap()),
            shell,
            bound,
            limit: String::new(),
            inside: match bound {
                Bound::Disk => inside.into(),
                Bound::FileSize => folder.path.path().to_owned(),
            },
            small: small.to_owned(),
        };
        let mounted = match bound {
            Bound::Disk => tight.say(&format!("mount -t tmpfs -o size=64m tmpfs {small}")),
            Bound::FileSize => Some(0),
        };
        (mounted == Some(0)).then_some(tight)
    }

    /// Leaves this much space: on the disk, or in each file.
    pub(crate) fn leave(&mut self, bytes: u64) {
        match self.bound {
            Bound::Disk => fill(&self.path(&format!("{}/ballast", self.small)), bytes),
            // `ulimit` counts blocks of 512 bytes. With SIGXFSZ ignored, a write beyond the limit fails with an error
            // instead of killing the process.
            Bound::FileSize => self.limit = format!("trap '' XFSZ; ulimit -f {};", bytes / 512),
        }
    }

    /// Removes the limit.
    pub(crate) fn make_room(&mut self) {
        match self.bound {
            Bound::Disk => {
                fs::remove_file(self.path(&format!("{}/ballast", self.small))).unwrap();
            }
            Bound::FileSize => self.limit.clear(),
        }
    }

    /// Makes all writes fail.
    pub(crate) fn lock(&mut self) {
        match self.bound {
            Bound::Disk => self.remount("ro"),
            Bound::FileSize => self.leave(0),
        }
    }

    /// Allows writes again.
    pub(crate) fn unlock(&mut self) {
        match self.bound {
            Bound::Disk => self.remount("rw"),
            Bound::FileSize => self.make_room(),
        }
    }

    fn remount(&mut self, mode: &str) {
        let done = self.say(&format!("mount -o remount,{mode} {}", self.small));
        assert_eq!(done, Some(0));
    }

    /// Runs the binary; returns its exit code and what it wrote to standard error.
    pub(crate) fn run(&mut self, line: &str) -> (Option<i32>, String) {
        // The shell writes the output to a file, because the limit does not apply to the shell itself.
        let limit = &self.limit;
        let code = self.say(&format!(
            "said=$({limit} exec \"$BINARY\" {line} 2>&1 >/dev/null); \
             code=$?; echo \"$said\" >said; (exit $code)"
        ));
        (code, fs::read_to_string(self.path("said")).unwrap())
    }

    /// The path under which the test sees a file of the shell's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.inside.join(name)
    }

    /// Runs a line in the shell; returns its exit code, or `None` if the shell has ended.
    fn say(&mut self, line: &str) -> Option<i32> {
        writeln!(self.lines, "{line}; echo $?").ok()?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        answer.trim().parse().ok()
    }
}

impl Drop for Tight {
    fn drop(&mut self) {
        // This also unmounts the file system.
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

/// Fills the disk with one file, except for this many bytes.
fn fill(path: &Path, bytes: u64) {
    let mut file = File::create(path).unwrap();
    let mut length = 0_u64;
    loop {
        match file.write(&[0; 4096]) {
            Ok(written) => length += written as u64,
            Err(error) if error.kind() == io::ErrorKind::StorageFull => break,
            Err(error) => panic!("{error}"),
        }
    }
    file.set_len(length - bytes).unwrap();
}
