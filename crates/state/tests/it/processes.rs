//! Several processes that share a state, and killed ones.

use std::{
    io::{BufRead, BufReader},
    process::Child,
};

use fortilake_client::ledger::Ledger;
use fortilake_state::Journal;

use crate::{
    child::spawn,
    util::{Wait as _, hundred_an_hour, open, records},
};

fn lines(child: &mut Child) -> impl Iterator<Item = String> {
    let out = child.stdout.take().expect("it is piped");
    BufReader::new(out).lines().map(|line| line.expect("text"))
}

#[test]
fn processes_share_a_window_exactly() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut children: Vec<_> = (0..3).map(|_| spawn("call", directory.path())).collect();
    let mut calls = 0;
    for child in &mut children {
        let said: Vec<_> = lines(child).collect();
        assert!(child.wait().expect("it ends").success());
        let said = said
            .iter()
            .find_map(|line| line.strip_prefix("calls ")?.parse::<u32>().ok());
        calls += said.expect("it says how often it called");
    }
    assert_eq!(calls, 100);
}

#[test]
fn a_call_of_a_killed_process_is_counted() {
    let directory = tempfile::tempdir().expect("a directory");
    for _ in 0..3 {
        let mut child = spawn("die in a call", directory.path());
        assert!(!child.wait().expect("it ends").success());
    }
    let state = open(directory.path()).expect("it opens");
    let usage = state
        .usage("acme", &hundred_an_hour())
        .wait()
        .expect("usage");
    assert_eq!((usage.calls, usage.in_flight), (vec![3], 0));
}

/// A kill may lose records of the last microseconds, up to this many. Records are written at once,
/// but the disk and the scheduler take time.
const LATEST: u128 = 1_000_000;

#[test]
fn a_kill_loses_only_the_last_moment() {
    let directory = tempfile::tempdir().expect("a directory");
    for (crawl, lifetime) in [1_300_000, 1_700_000].into_iter().enumerate() {
        let mut child = spawn("append", directory.path());
        let mut appended: Vec<u128> = Vec::new();
        for line in lines(&mut child) {
            if let Some(micros) = line.strip_prefix("appended ") {
                appended.push(micros.parse().expect("a number"));
            }
            if appended.last().is_some_and(|&last| last > lifetime) {
                break;
            }
        }
        child.kill().expect("it is killed");
        child.wait().expect("it ends");
        let state = open(directory.path()).expect("it opens");
        let journal = state
            .take_up(&crawl.to_string())
            .expect("dead processes hold no crawl");
        let records = records(&journal).expect("it is intact");
        for (number, (key, record)) in records.iter().enumerate() {
            assert_eq!(*key, format!("page {number}"));
            assert_eq!(*record.body, **key);
        }
        let last = appended.last().copied().unwrap_or_default();
        let old = appended
            .iter()
            .filter(|&&micros| micros + LATEST < last)
            .count();
        assert!(
            old > 0 && records.len() >= old,
            "{} of {old} are left",
            records.len()
        );
        journal
            .append("later", records[0].1.clone())
            .expect("the crawl continues");
    }
}

#[test]
fn many_pages_need_little_memory() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut child = spawn("append many", directory.path());
    let said: Vec<_> = lines(&mut child).collect();
    assert!(child.wait().expect("it ends").success());
    let read = said.iter().find_map(|line| line.strip_prefix("read "));
    let (pages, peak) = read.and_then(|read| read.split_once(' ')).expect("it says");
    let (pages, peak): (u64, u64) = (pages.parse().expect("pages"), peak.parse().expect("kB"));
    assert!(pages >= 40_000);
    // Each page has 4 kB of text, and up to 64 MB may be unwritten.
    assert!(peak < 128 << 10, "{peak} kB for {pages} pages: {said:?}");
}
