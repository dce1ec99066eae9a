//! Full disks are reported, nothing is published in part, and nothing is lost once there is space again.

use std::{collections::BTreeMap, path::PathBuf};

use crate::util::{
    Folder, SINKS,
    disk::{Bound, Tight},
    published,
    tenant::{Tenant, journaled},
};

const SCENARIO: &str = "page_size = 8\nlatency = \"20ms\"\n\
    [organization]\nous = 2\naccounts = 3\nproducts = 60\n";

/// A folder with little space, in each of the ways that this system allows.
fn tight(small: &str) -> Vec<(Tenant, Folder, Tight)> {
    let made = [Bound::Disk, Bound::FileSize].map(|bound| {
        let tenant = Tenant::start(SCENARIO);
        let folder = tenant.folder("");
        let tight = Tight::begin(&folder, small, bound)?;
        Some((tenant, folder, tight))
    });
    let made: Vec<_> = made.into_iter().flatten().collect();
    assert!(!made.is_empty());
    made
}

/// The number of rows in each published file. A file that cannot be read completely fails the test.
fn found(tight: &Tight) -> BTreeMap<PathBuf, usize> {
    let [csv, parquet] = SINKS.map(|sink| tight.path(sink));
    let tables = published::list(&csv, "csv").into_iter().map(|path| {
        let table = published::read_csv(&path);
        assert!(table.crawls.len() <= 1, "{}", path.display());
        (path, table.rows.len())
    });
    let files = published::parquet_files(&parquet).into_iter();
    let files = files.map(|path| {
        let rows = published::read_parquet(&path);
        (path, rows)
    });
    tables.chain(files).collect()
}

/// Checks that everything is published and nothing is left in the staging folders.
fn check_whole(tight: &Tight, tenant: &Tenant) {
    for sink in SINKS {
        published::check_digests(&tight.path(sink));
        let staged = published::staged(&tight.path(sink));
        assert!(staged.is_empty(), "left behind: {staged:?}");
    }
    published::check_exact(&tight.path(SINKS[0]), &tenant.simulator.truth());
}

#[test]
fn the_state_has_no_room() {
    for (tenant, _folder, mut tight) in tight("state") {
        let mut known = Vec::new();
        let mut stopped = 0;
        // From too little space for an empty state to enough for some pages.
        for kilobytes in [8, 96, 192, 256, 320, 384, 448, 512, 768, 1024] {
            let calls = tenant.calls();
            tight.leave(kilobytes * 1024);
            let (code, said) = tight.run("crawl");
            tight.make_room();
            tenant.check_calls(calls, &known);
            if code == Some(0) {
                break;
            }
            assert_eq!(code, Some(1), "{kilobytes} kB: {said}");
            assert!(said.contains("/state"), "{said}");
            assert!(said.contains("\nhint: "), "{said}");
            // The crawl may have been published before the state could not record it any more.
            if !found(&tight).is_empty() {
                check_whole(&tight, &tenant);
            }
            known = journaled(&tight.path("state"));
            stopped += 1;
        }
        assert!(stopped >= 3, "{stopped}");
        let (code, said) = tight.run("crawl");
        assert_eq!(code, Some(0), "{said}");
        check_whole(&tight, &tenant);
    }
}

/// The command that the hint suggests; `crawl` if it names none.
fn way_out(said: &str) -> &str {
    let (_, hint) = said.split_once("\nhint: ").unwrap();
    let command = hint.split_once("`fortilake ");
    command.map_or("crawl", |(_, rest)| rest.split('`').next().unwrap())
}

#[test]
fn the_published_folder_has_no_room() {
    publish_with(&[0, 16, 64, 224]);
}

#[test]
#[ignore = "slow; `cargo xtask soak` runs it"]
fn the_published_folder_has_no_room_at_any_point() {
    publish_with(&[0, 16, 64, 128, 192, 224, 256, 288, 320, 352]);
}

/// Crawls into a folder with room for so many kilobytes.
fn publish_with(rooms: &[u64]) {
    for (tenant, _folder, mut tight) in tight("out") {
        assert_eq!(tight.run("crawl").0, Some(0));
        check_whole(&tight, &tenant);
        let mut failed = 0;
        for kilobytes in rooms {
            let before = found(&tight);
            tight.leave(kilobytes * 1024);
            let (code, said) = tight.run("crawl");
            let after = found(&tight);
            for (path, rows) in before {
                assert_eq!(after.get(&path), Some(&rows), "{}", path.display());
            }
            tight.make_room();
            if code == Some(0) {
                continue;
            }
            failed += 1;
            assert_eq!(code, Some(1), "{kilobytes} kB: {said}");
            assert!(said.contains("\nhint: "), "{said}");
            if tight.bound == Bound::Disk {
                assert!(said.contains("cannot write `out/"), "{said}");
            }
            let known = journaled(&tight.path("state"));
            let calls = tenant.calls();
            let (code, said) = tight.run(way_out(&said));
            assert_eq!(code, Some(0), "{said}");
            tenant.check_calls(calls, &known);
            check_whole(&tight, &tenant);
        }
        assert!(failed >= 3, "{failed}");
    }
}

#[test]
fn a_folder_that_cannot_be_written() {
    for small in ["state", "out"] {
        for (tenant, _folder, mut tight) in tight(small) {
            assert_eq!(tight.run("crawl").0, Some(0));
            let before = found(&tight);
            tight.lock();
            let (code, said) = tight.run("crawl");
            assert!(matches!(code, Some(1 | 2)), "{code:?}: {said}");
            assert!(said.contains("/state") || said.contains("`out/"), "{said}");
            assert_eq!(found(&tight), before);
            tight.unlock();
            let (code, said) = tight.run("crawl");
            assert_eq!(code, Some(0), "{said}");
            check_whole(&tight, &tenant);
        }
    }
}
