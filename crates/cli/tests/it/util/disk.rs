//! Places where little can be written.

use std::{
    fs::{self, File},
    io::{self, BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Stdio},
};

use super::{BINARY, Folder};

/// What keeps a process from writing on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bound {
    /// A small disk, where the system lets us mount one that only we see.
    Disk,
    /// A limit to the length of files, which every Unix has.
    FileSize,
}

/// A shell in a folder, one folder of which takes only so much.
pub(crate) struct Tight {
    shell: Child,
    lines: ChildStdin,
    answers: BufReader<ChildStdout>,
    pub(crate) bound: Bound,
    /// Before each command.
    limit: String,
    inside: PathBuf,
    small: String,
}

impl Tight {
    /// Bounds what can be written into `small`, which is a name in `folder`; nothing if that cannot be done here.
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

    /// From now on there is this much room: on the disk, or in each file.
    pub(crate) fn leave(&mut self, bytes: u64) {
        match self.bound {
            Bound::Disk => fill(&self.path(&format!("{}/ballast", self.small)), bytes),
            // In the shell's blocks; a process that ignores the signal is told by an error.
            Bound::FileSize => self.limit = format!("trap '' XFSZ; ulimit -f {};", bytes / 512),
        }
    }

    /// From now on there is room for everything.
    pub(crate) fn make_room(&mut self) {
        match self.bound {
            Bound::Disk => {
                fs::remove_file(self.path(&format!("{}/ballast", self.small))).unwrap();
            }
            Bound::FileSize => self.limit.clear(),
        }
    }

    /// From now on nothing at all can be written.
    pub(crate) fn lock(&mut self) {
        match self.bound {
            Bound::Disk => self.remount("ro"),
            Bound::FileSize => self.leave(0),
        }
    }

    /// From now on it can be again.
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

    /// The exit code of the program, and what it said.
    pub(crate) fn run(&mut self, line: &str) -> (Option<i32>, String) {
        // What it says goes through the shell, for which there is room.
        let limit = &self.limit;
        let code = self.say(&format!(
            "said=$({limit} exec \"$BINARY\" {line} 2>&1 >/dev/null); \
             code=$?; echo \"$said\" >said; (exit $code)"
        ));
        (code, fs::read_to_string(self.path("said")).unwrap())
    }

    /// Where the test finds what the shell has by this name.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.inside.join(name)
    }

    /// The exit code of a line; nothing if the shell is gone.
    fn say(&mut self, line: &str) -> Option<i32> {
        writeln!(self.lines, "{line}; echo $?").ok()?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        answer.trim().parse().ok()
    }
}

impl Drop for Tight {
    fn drop(&mut self) {
        // With it goes the disk that only it has seen.
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

/// Fills the disk with one file, and leaves so many bytes.
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
