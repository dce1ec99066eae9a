//! Crawls that are stopped by signals, and two crawls with the same state.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use crate::util::{Folder, SMALL, Simulator, send, text_of};

/// A running crawl and the lines that it prints to standard error.
struct Running {
    process: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStderr>>,
}

impl Running {
    fn start(folder: &Folder, line: &str) -> Self {
        let mut process = folder.command(line).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stderr.take().unwrap()).lines();
        Self { process, lines }
    }

    /// Reads lines until one contains this text.
    fn wait_for(&mut self, text: &str) {
        let found = self.lines.any(|line| line.unwrap().contains(text));
        assert!(found, "there was no {text:?}");
    }

    fn signal(&self, signal: &str) {
        send(signal, &self.process);
    }

    /// Waits for the end; returns the exit code and the remaining lines.
    fn end(mut self) -> (Option<i32>, String) {
        let patience = Instant::now() + Duration::from_secs(30);
        while self.process.try_wait().unwrap().is_none() {
            assert!(Instant::now() < patience, "it did not stop");
            std::thread::yield_now();
        }
        let rest: Vec<String> = self.lines.map(Result::unwrap).collect();
        (self.process.wait().unwrap().code(), rest.join("\n"))
    }
}

#[test]
fn a_signal_ends_a_crawl_that_can_go_on() {
    for signal in ["-INT", "-TERM", "-HUP"] {
        let simulator = Simulator::start(&format!("latency = \"200ms\"\n{SMALL}"));
        let folder = Folder::beside(&simulator);
        let mut crawl = Running::start(&folder, "-vv crawl --sink csv:out");
        crawl.wait_for("accounts/list");
        crawl.signal(signal);
        let (code, text) = crawl.end();
        assert_eq!(code, Some(130), "{signal}: {text}");
        assert!(text.contains("the same command resumes crawl"), "{text}");
        assert!(!folder.join("out/products.csv").exists());
        let text = folder.check("crawl --sink csv:out");
        assert!(
            text.starts_with("exit 0") && text.contains("resuming"),
            "{text}"
        );
        assert_eq!(folder.read("out/products.csv").lines().count(), 41);
    }
}

#[test]
fn a_second_signal_does_not_wait_for_answers() {
    let simulator = Simulator::start(&format!("latency = \"60s\"\n{SMALL}"));
    let folder = Folder::beside(&simulator).with("FORTILAKE_LOG", "trace");
    let mut crawl = Running::start(&folder, "crawl --sink csv:out");
    // The crawl listens to signals before it connects.
    crawl.wait_for("connecting to");
    crawl.signal("-INT");
    crawl.wait_for("once more to stop at once");
    crawl.signal("-INT");
    assert_eq!(crawl.end().0, Some(130));
    assert!(!folder.join("out/products.csv").exists());
}

#[test]
fn a_crawl_is_held_by_one_process() {
    let simulator = Simulator::start(&format!("latency = \"60s\"\n{SMALL}"));
    let folder = Folder::beside(&simulator).with("FORTILAKE_LOG", "trace");
    let mut first = Running::start(&folder, "crawl --sink csv:out");
    first.wait_for("connecting to");
    let output = folder.run("crawl --sink csv:other");
    let holder = first.process.id().to_string();
    first.signal("-KILL");
    first.end();
    let text = text_of(output.stderr);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains(&holder), "process {holder}: {text}");
    assert!(!folder.join("other").exists());
}
