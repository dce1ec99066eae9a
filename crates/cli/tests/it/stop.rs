//! Crawls that are stopped by signals, and two crawls with the same state.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use crate::util::{BINARY, Folder, SMALL, Simulator, send};

/// A running crawl and the lines that it prints to standard error.
struct Running {
    process: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStderr>>,
}

impl Running {
    fn start(folder: &Folder, line: &str) -> Self {
        let mut process = folder
            .stoppable(line)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stderr.take().unwrap()).lines();
        Self { process, lines }
    }

    /// Reads lines until one contains this text.
    fn wait_for(&mut self, text: &str) {
        let found = self.lines.any(|line| line.unwrap().contains(text));
        assert!(found, "no line contains {text:?}");
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
fn a_crawl_that_was_stopped_by_a_signal_can_be_resumed() {
    for signal in ["-INT", "-TERM", "-HUP"] {
        let simulator = Simulator::start(&format!("latency = \"200ms\"\n{SMALL}"));
        let folder = Folder::beside(&simulator);
        let mut crawl = Running::start(&folder, "-vv crawl --sink csv:out");
        crawl.wait_for("accounts/list");
        crawl.signal(signal);
        let (code, text) = crawl.end();
        assert_eq!(code, Some(130), "{signal}: {text}");
        let hint = "run the same command again to resume crawl";
        assert!(text.contains(hint), "{text}");
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
fn a_second_signal_does_not_wait_for_responses() {
    let simulator = Simulator::start(&format!("latency = \"60s\"\n{SMALL}"));
    let folder = Folder::beside(&simulator).with("FORTILAKE_LOG", "trace");
    let mut crawl = Running::start(&folder, "crawl --sink csv:out");
    // The crawl listens to signals before it connects.
    crawl.wait_for("connecting to");
    crawl.signal("-INT");
    crawl.wait_for("press Ctrl-C again to quit now");
    crawl.signal("-INT");
    assert_eq!(crawl.end().0, Some(130));
    assert!(!folder.join("out/products.csv").exists());
}

#[test]
fn a_crawl_that_does_not_stop_in_time_is_ended() {
    let simulator = Simulator::start(&format!("latency = \"60s\"\n{SMALL}"));
    let folder = Folder::beside(&simulator).with("FORTILAKE_LOG", "trace");
    let (api, auth) = ("FORTICLOUD_API_URL", "FORTICLOUD_AUTH_URL");
    let file = format!(
        "[[source]]\nname = \"acme\"\ntype = \"forticloud\"\n\
         api_url = \"{}\"\nauth_url = \"{}\"\n\
         username = {{ env = \"FORTICLOUD_USERNAME\" }}\n\
         password = {{ env = \"FORTICLOUD_PASSWORD\" }}\n\
         [crawl]\nstop_timeout = \"1s\"\n",
        simulator.variable(api),
        simulator.variable(auth)
    );
    let folder = folder.file("fortilake.toml", &file);
    let mut crawl = Running::start(&folder, "crawl --sink csv:out");
    crawl.wait_for("connecting to");
    crawl.signal("-TERM");
    let (code, text) = crawl.end();
    assert_eq!(code, Some(130), "{text}");
    assert!(text.contains("1 s after the signal"), "{text}");
}

#[test]
fn two_signals_at_once_are_one() {
    let simulator = Simulator::start(&format!("latency = \"500ms\"\n{SMALL}"));
    let folder = Folder::beside(&simulator);
    let mut crawl = Running::start(&folder, "-vv crawl --sink csv:out");
    crawl.wait_for("accounts/list");
    crawl.signal("-TERM");
    crawl.signal("-TERM");
    let (code, text) = crawl.end();
    assert_eq!(code, Some(130), "{text}");
    assert!(
        text.contains("run the same command again to resume crawl"),
        "{text}"
    );
}

/// Only Linux tells which signals are ignored.
#[cfg(target_os = "linux")]
#[test]
fn a_signal_that_is_ignored_at_the_start_stays_ignored() {
    let simulator = Simulator::start(&format!("latency = \"100ms\"\n{SMALL}"));
    let folder = Folder::beside(&simulator);
    let mut shell = folder.program("sh");
    shell.args([
        "-c",
        "trap '' HUP INT; exec \"$BINARY\" -vv crawl --sink csv:out",
    ]);
    let mut process = shell
        .env("BINARY", BINARY)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(process.stderr.take().unwrap()).lines();
    let mut crawl = Running { process, lines };
    crawl.wait_for("accounts/list");
    crawl.signal("-HUP");
    crawl.signal("-INT");
    let (code, text) = crawl.end();
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn only_one_process_can_work_on_a_crawl() {
    let simulator = Simulator::start(&format!("latency = \"60s\"\n{SMALL}"));
    let folder = Folder::beside(&simulator).with("FORTILAKE_LOG", "trace");
    let mut first = Running::start(&folder, "crawl --sink csv:out");
    first.wait_for("connecting to");
    let text = folder.check("crawl --sink csv:other");
    let holder = first.process.id().to_string();
    first.signal("-KILL");
    first.end();
    let (before, after) = text.split_once(" on `").expect(&text);
    let (_, after) = after.split_once('`').expect(&text);
    let text = format!("{before} on `HOST`{after}").replace(&holder, "HOLDER");
    insta::assert_snapshot!(text, @"
    exit 75
    --- stderr
    error: crawl `SNAPSHOT-ID` is in use by process HOLDER on `HOST` since TIME

    hint: wait for that process, or end it and try again
    ");
    assert!(!folder.join("other").exists());
}
