//! Tests of running and killing programs.

#![cfg(unix)]

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::{Finished, KEPT, Process};

const LIMIT: Duration = Duration::from_hours(1);

fn start(script: &str) -> Process {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]).stdin(Stdio::null());
    Process::start(command).unwrap()
}

fn ended(errors: impl Into<Vec<u8>>) -> Finished {
    Finished {
        status: None,
        errors: errors.into(),
    }
}

#[tokio::test]
async fn the_status_comes_with_the_last_lines() {
    let ended = start("echo out; echo why >&2; exit 3")
        .wait("t", LIMIT)
        .await;
    let ended = ended.unwrap();
    assert_eq!(ended.status.unwrap().code(), Some(3));
    assert_eq!(ended.last_lines().unwrap(), "why");
}

#[tokio::test]
async fn long_output_neither_blocks_nor_is_kept_whole() {
    let script =
        "yes noise | head -n 200000; yes trouble | head -n 200000 >&2; echo the end >&2; exit 1";
    let ended = start(script).wait("t", LIMIT).await.unwrap();
    let lines = ended.last_lines().unwrap();
    assert!(lines.len() < KEPT);
    assert!(lines.starts_with("trouble\n"), "{lines}");
    assert!(lines.ends_with("trouble\nthe end"), "{lines}");
}

#[tokio::test(start_paused = true)]
async fn a_program_that_never_ends_is_killed() {
    let ended = start("exec sleep 60").wait("t", LIMIT).await.unwrap();
    assert!(ended.status.is_none());
}

#[tokio::test]
async fn background_processes_are_not_waited_for() {
    let mut process = start("sleep 60 & echo why >&2; exit 3");
    process.child.wait().await.unwrap();
    process.errors.read("t").await;
    // With the clock paused, timeouts pass at once, but only when nothing else is ready.
    tokio::time::pause();
    let ended = process.wait("t", LIMIT).await.unwrap();
    assert_eq!(ended.status.unwrap().code(), Some(3));
    assert_eq!(ended.last_lines().unwrap(), "why");
}

#[test]
fn last_lines_are_safe_to_show() {
    assert_eq!(ended("").last_lines(), None);
    assert_eq!(ended(" \n\n").last_lines(), None);
    assert_eq!(
        ended("\x1b[31mred\x07\r\nü\t\u{9b}\n")
            .last_lines()
            .unwrap(),
        "[31mred\nü"
    );
    assert_eq!(ended(b"\xff!".to_vec()).last_lines().unwrap(), "\u{fffd}!");
    let full = format!("{}\nwhole line\n", "x".repeat(KEPT - 12));
    assert_eq!(full.len(), KEPT);
    assert_eq!(ended(full).last_lines().unwrap(), "whole line");
    let one = "x".repeat(KEPT);
    assert_eq!(ended(one.clone()).last_lines().unwrap(), one);
}
