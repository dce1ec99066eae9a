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
fn an_interrupted_publication_is_removed_by_crawls_and_repeated_by_the_next_crawl() {
    let tenant = Tenant::start(SCENARIO);
    // Tries again if the kill came too late and the publication was complete.
    let folder = loop {
        let folder = tenant.folder("");
        let sinks = SINKS.map(|sink| folder.join(sink));
        let is_begun = || sinks.iter().any(|sink| published::is_begun(sink));
        if kill_when(&folder, is_begun) && is_begun() {
            break folder;
        }
    };
    let id = newest(&folder);
    let shown = folder.check(&format!("crawls show {id}"));
    assert!(shown.contains("[[sink]] 1 (csv): interrupted"), "{shown}");
    for sink in SINKS.map(|sink| folder.join(sink)) {
        let staged = published::staged(&sink);
        assert!(staged.is_empty(), "{staged:?}");
        // A snapshot with a manifest must be complete. Without a manifest, readers do not see it.
        if published::manifest(&sink).is_some() {
            published::check_digests(&sink);
        }
    }

    // The crawl has all its pages, so it is published without calls, and then a new crawl reads.
    let calls = tenant.calls();
    let text = folder.check("crawl");
    assert!(text.starts_with("exit 0"), "{text}");
    assert!(
        text.contains("publishing it first, without making calls"),
        "{text}"
    );
    assert!(tenant.calls() > calls, "{text}");
    published::check_exact(&folder.join(SINKS[0]), &tenant.simulator.truth());
    let shown = folder.check(&format!("crawls show {id}"));
    assert!(shown.contains("status:    published"), "{shown}");
    assert!(shown.contains("[[sink]] 1 (csv): published"), "{shown}");
    assert!(shown.contains("[[sink]] 2 (parquet): published"), "{shown}");
}

#[test]
fn an_incomplete_publication_is_removed() {
    let tenant = Tenant::start(&format!("latency = \"60s\"\n{SCENARIO}"));
    let folder = tenant.folder("");
    let sinks = SINKS.map(|sink| folder.join(sink));
    let is_staged = || sinks.iter().all(|sink| !published::staged(sink).is_empty());
    assert!(kill_when(&folder, || is_staged() && tenant.calls() > 0));
    assert!(is_staged());
    let listed = folder.check("crawls");
    assert!(
        listed.starts_with("exit 0") && listed.contains("interrupted"),
        "{listed}"
    );
    for sink in &sinks {
        assert!(published::staged(sink).is_empty());
        assert!(published::manifest(sink).is_none());
    }
}
