//! Child processes for tests: this test program, started again.
//!
//! The parent passes a role in the environment and selects only the test [`child`].

use std::{
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Instant,
};

use fortilake_client::ledger::{CallOutcome, Ledger, Reservation};
use fortilake_state::Journal;

use crate::util::{Wait as _, begin, hundred_an_hour, open, page};

const ROLE: &str = "FORTILAKE_STATE_TEST_ROLE";
const DIRECTORY: &str = "FORTILAKE_STATE_TEST_DIRECTORY";
const PAGES: &str = "FORTILAKE_STATE_TEST_PAGES";

/// Starts a child process with this role.
pub(crate) fn spawn(role: &str, directory: &Path) -> Child {
    Command::new(env::current_exe().expect("the test program"))
        .args(["child::child", "--exact", "--quiet", "--nocapture"])
        .env(ROLE, role)
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it begins")
}

#[test]
fn child() {
    let Ok(role) = env::var(ROLE) else { return };
    let directory = PathBuf::from(env::var_os(DIRECTORY).expect("a directory"));
    let mut out = io::stdout().lock();
    writeln!(out).expect("the parent reads the output");
    match role.as_str() {
        "call" => call(&directory, &mut out),
        "die in a call" => {
            let state = open(&directory).expect("it opens");
            state
                .reserve("acme", &hundred_an_hour())
                .wait()
                .expect("an answer");
            std::process::abort();
        }
        "append" => append(&directory, &mut out),
        "append many" => append_many(&directory, &mut out),
        role => panic!("no role is named {role}"),
    }
}

/// Makes as many calls as the ledger allows, and prints the number.
fn call(directory: &Path, out: &mut impl Write) {
    let state = open(directory).expect("it opens");
    let mut calls = 0;
    while let Reservation::Granted(ticket) = state
        .reserve("acme", &hundred_an_hour())
        .wait()
        .expect("an answer")
    {
        state
            .settle(ticket, CallOutcome::Good, None)
            .wait()
            .expect("it settles");
        calls += 1;
    }
    writeln!(out, "calls {calls}").expect("the parent reads the output");
}

/// Appends pages until it is killed, and prints the time after each.
fn append(directory: &Path, out: &mut impl Write) {
    let state = open(directory).expect("it opens");
    let journal = begin(
        &state,
        &state
            .crawls()
            .expect("the list is readable")
            .len()
            .to_string(),
    );
    let begin = Instant::now();
    for number in 0.. {
        let key = format!("page {number}");
        journal
            .append(&key, page(&key))
            .expect("the write succeeds");
        let micros = begin.elapsed().as_micros();
        if writeln!(out, "appended {micros}").is_err() {
            return;
        }
    }
}

/// Appends many pages and reads them back, and prints the time and the memory that this took.
fn append_many(directory: &Path, out: &mut impl Write) {
    let pages = env::var(PAGES).map_or(40_000, |pages| pages.parse().expect("a number"));
    let state = open(directory).expect("it opens");
    let journal = begin(&state, "many");
    let filling = "all products of a large partner, ".repeat(120);
    let start = Instant::now();
    for number in 0..pages {
        let key = format!("acme products/list {{\"accountId\":{number}}} 0");
        journal
            .append(&key, page(&format!("{number} {filling}")))
            .expect("the write succeeds");
    }
    let appended = start.elapsed();
    journal.flush().expect("it is written");
    let written = start.elapsed();
    let mut read: u64 = 0;
    for record in journal.records().expect("it is read") {
        record.expect("it is intact");
        read += 1;
    }
    let all = start.elapsed();
    writeln!(out, "times {appended:?} {written:?} {all:?}").expect("the parent reads the output");
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.map_or("0", |peak| peak.trim().trim_end_matches(" kB"));
    writeln!(out, "read {read} {peak}").expect("the parent reads the output");
}
