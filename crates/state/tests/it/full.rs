//! A full disk, on systems where this program may mount a small one.

use std::{
    io::{self, Write},
    path::Path,
    process::{Command, Stdio},
};

use fortilake_state::{Journal, Kind};
use tempfile::TempDir;

use crate::util::{begin, open, page, records};

/// A small mounted file system, unmounted on drop.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount(size: &str) -> Option<Self> {
        let directory = tempfile::tempdir().expect("a directory");
        let options = format!("size={size}");
        mount(&["-t", "tmpfs", "-o", &options, "tmpfs"], directory.path())
            .then_some(Self(directory))
    }

    fn grow(&self, size: &str) {
        let options = format!("remount,size={size}");
        assert!(mount(&["-o", &options], self.0.path()), "it cannot grow");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

fn mount(arguments: &[&str], path: &Path) -> bool {
    let status = Command::new("mount")
        .args(arguments)
        .arg(path)
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

#[test]
fn a_full_disk_is_told_and_nothing_that_was_kept_is_lost() {
    let Some(disk) = SmallDisk::mount("3m") else {
        let _ = writeln!(io::stderr(), "skipped: no small disk can be mounted here");
        return;
    };
    let directory = disk.0.path().join("state");
    let state = open(&directory).expect("it opens");
    let journal = begin(&state, "one");
    let mut kept = 0;
    let error = loop {
        let body = format!("{kept} {}", "filling ".repeat(kept % 50));
        let appended = journal.append(&kept.to_string(), page(&body));
        // Flush each record, so that the test knows which ones were written.
        match appended.and_then(|()| journal.flush()) {
            Ok(()) => kept += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), Kind::Full, "{error:?}");
    assert!(
        error
            .to_string()
            .starts_with("no space left to write pages in `"),
        "{error}"
    );
    assert!(kept > 10);
    let again = journal
        .append("more", page(""))
        .expect_err("the journal keeps its error");
    assert_eq!(again.kind(), Kind::Full);
    drop((journal, state));
    disk.grow("30m");
    let state = open(&directory).expect("it opens");
    let journal = state.take_up("one").expect("no process has it open");
    assert!(records(&journal).expect("it is intact").len() >= kept);
    journal.append("more", page("")).expect("there is room");
    journal.flush().expect("there is room");
}
