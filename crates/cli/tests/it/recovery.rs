//! `fortilake crawls` finishes or removes what a process left that died while publishing.

use std::{
    process::{Child, Stdio},
    thread,
    time::Duration,
};

use crate::util::{Folder, SINKS, published, tenant::Tenant, text_of};

const SCENARIO: &str = "[organization]\nous = 2\naccounts = 3\nproducts = 60\n";

/// Starts a crawl and kills it once the condition holds; returns whether it was killed before it ended.
fn kill_when(folder: &Folder, is_so: impl Fn() -> bool) -> bool {
    let mut crawl = folder.command("crawl");
    let mut crawl = crawl.stderr(Stdio::null()).spawn().unwrap();
    let is_alive = |crawl: &mut Child| crawl.try_wait().unwrap().is_none();
    while !is_so() && is_alive(&mut crawl) {
        thread::sleep(Duration::from_micros(100));
    }
    // Killing fails if the process has already ended, which is fine.
    let _ = crawl.kill();
    crawl.wait().unwrap().code().is_none()
}

/// The id of the newest crawl.
fn newest(folder: &Folder) -> String {
    let listed = text_of(folder.run("crawls").stdout);
    listed.split(' ').next().unwrap().to_owned()
}

#[test]
fn an_interrupted_publication_is_finished_by_looking() {
    let tenant = Tenant::start(SCENARIO);
    // The last step of publishing may be done before the kill; then it is tried again.
    let (folder, begun) = loop {
        let folder = tenant.folder("");
        let sinks = SINKS.map(|sink| folder.join(sink));
        let is_begun = || sinks.iter().any(|sink| published::is_begun(sink));
        let killed = kill_when(&folder, is_begun);
        let begun: Vec<_> = sinks
            .iter()
            .filter(|sink| published::is_begun(sink))
            .cloned()
            .collect();
        if killed && !begun.is_empty() {
            break (folder, begun);
        }
    };
    let id = newest(&folder);
    for sink in SINKS {
        assert!(published::staged(&folder.join(sink)).is_empty());
    }
    for sink in &begun {
        published::check_digests(sink);
        assert_eq!(published::manifest(sink).unwrap()["crawl"]["id"], id);
    }
    let shown = folder.check(&format!("crawls show {id}"));
    insta::assert_snapshot!(shown, @r"
    exit 0
    --- stdout
    crawl:     SNAPSHOT-ID
    snapshot:  SNAPSHOT
    status:    running
    began:     TIME
    calls:     9
    made by:   fortilake 0.1.0
    sink:      [[sink]] 1 (csv): interrupted
    sink:      [[sink]] 2 (parquet): interrupted
    ");

    // The crawl has all its pages, so it is published without calls, and then a new crawl reads.
    let calls = tenant.calls();
    let text = folder.check("crawl");
    assert!(text.starts_with("exit 0"), "{text}");
    assert_eq!(tenant.calls(), calls);
    published::check_exact(&folder.join(SINKS[0]), &tenant.simulator.truth());
    let shown = folder.check(&format!("crawls show {id}"));
    assert!(shown.contains("[[sink]] 1 (csv): published"), "{shown}");
    assert!(shown.contains("[[sink]] 2 (parquet): published"), "{shown}");
}

#[test]
fn what_was_not_whole_is_cleared_away() {
    let tenant = Tenant::start(&format!("latency = \"60s\"\n{SCENARIO}"));
    let folder = tenant.folder("");
    let sinks = SINKS.map(|sink| folder.join(sink));
    let is_staged = || sinks.iter().all(|sink| !published::staged(sink).is_empty());
    assert!(kill_when(&folder, || is_staged() && tenant.calls() > 0));
    assert!(is_staged());
    let listed = folder.check("crawls");
    assert!(
        listed.starts_with("exit 0") && listed.contains("running"),
        "{listed}"
    );
    for sink in &sinks {
        assert!(published::staged(sink).is_empty());
        assert!(published::manifest(sink).is_none());
    }
}
