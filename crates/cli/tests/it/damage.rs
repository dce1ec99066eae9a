//! A damaged state file is named, the message says what to do, and nothing wrong is published from it.

use std::fs;

use crate::util::{Folder, SINKS, published, tenant::Tenant};

const SCENARIO: &str = "page_size = 8\n[organization]\nous = 2\naccounts = 3\nproducts = 60\n";

/// A crawl that paused halfway, and the bytes of its state file.
fn paused() -> (Tenant, Folder, Vec<u8>) {
    let tenant = Tenant::start(SCENARIO);
    let folder = tenant.folder("");
    let text = folder.check("crawl --max-calls 15");
    assert!(text.starts_with("exit 75"), "{text}");
    let state = fs::read(folder.join("state/state.sqlite")).unwrap();
    // Nothing is left in the write-ahead log, so the file holds the whole state.
    assert!(!folder.join("state/state.sqlite-wal").exists());
    (tenant, folder, state)
}

/// Resumes the crawl with this state, and returns whether the damage was noticed.
///
/// If it was not noticed, the published tables must be correct all the same.
fn is_noticed(tenant: &Tenant, folder: &Folder, state: &[u8]) -> bool {
    for left in ["state", "out"] {
        // There is no `out` before the first call.
        let _ = fs::remove_dir_all(folder.join(left));
    }
    fs::create_dir(folder.join("state")).unwrap();
    fs::write(folder.join("state/state.sqlite"), state).unwrap();
    let text = folder.check("crawl");
    let csv = folder.join(SINKS[0]);
    if text.starts_with("exit 0\n") {
        published::check_exact(&csv, &tenant.simulator.truth());
        return false;
    }
    assert!(
        text.starts_with("exit 1\n") || text.starts_with("exit 2\n"),
        "{text}"
    );
    assert!(
        text.contains("the state file `FOLDER/state/state.sqlite`"),
        "{text}"
    );
    assert!(text.contains("\nhint: "), "{text}");
    assert!(published::list(&csv, "csv").is_empty(), "{text}");
    assert!(published::parquet_files(&folder.join(SINKS[1])).is_empty());
    true
}

#[test]
fn a_flipped_bit() {
    flip_bits(16);
}

#[test]
#[ignore = "slow; `cargo xtask soak` runs it"]
fn a_flipped_bit_anywhere() {
    flip_bits(128);
}

fn flip_bits(flips: usize) {
    let (tenant, folder, state) = paused();
    let mut noticed = 0;
    for flip in 0..flips {
        // The flips are spread over the file, and over the bits of a byte.
        let mut state = state.clone();
        let at = (flip * state.len() / flips + flip * 37) % state.len();
        state[at] ^= 1 << (flip % 8);
        noticed += usize::from(is_noticed(&tenant, &folder, &state));
    }
    // Many flips hit unused parts of the file, which cannot be noticed.
    assert!(noticed >= flips / 8, "{noticed} flips were noticed");
}

#[test]
fn a_page_that_is_not_what_was_journaled() {
    let (tenant, folder, state) = paused();
    // A page's body is stored right after its key. Some keys are in freed space, where no body is.
    let key = b"acme products/list";
    let keys = state.windows(key.len()).enumerate();
    let keys: Vec<_> = keys.filter(|(_, found)| found == key).collect();
    let noticed = keys.iter().filter(|(at, _)| {
        let mut state = state.clone();
        // The body may also be in another page of the SQLite file, so not every change hits one.
        state.get_mut(at + 200).is_some_and(|byte| {
            *byte ^= 1;
            true
        }) && is_noticed(&tenant, &folder, &state)
    });
    assert!(noticed.count() >= 5, "of {} keys", keys.len());
}

#[test]
fn a_file_that_was_cut() {
    let (tenant, folder, state) = paused();
    let parts = 12;
    for part in 0..parts {
        let length = state.len() * part / parts;
        assert!(is_noticed(&tenant, &folder, &state[..length]), "{length}");
    }
    assert!(is_noticed(&tenant, &folder, &state[..state.len() - 1]));
    assert!(is_noticed(&tenant, &folder, &state[..10]));
    insta::assert_snapshot!(folder.check("crawl"), @r"
    exit 1
    --- stderr
    error: the state file `FOLDER/state/state.sqlite` is damaged: its header is invalid

    hint: move `FOLDER/state/state.sqlite` away, together with `FOLDER/state/state.sqlite-wal` and `FOLDER/state/state.sqlite-shm` if they exist; you lose the crawls that could be resumed or replayed, the tokens, and the record of the last hour's calls, so wait an hour before the next crawl; published snapshots are not affected
    ");
}

#[test]
fn verify_finds_damage_that_nothing_else_notices() {
    let (_tenant, folder, mut state) = paused();
    assert!(folder.check("crawls verify").starts_with("exit 0\n"));
    // The keys of pages are only protected by a checksum, which only `verify` compares.
    let key = b"acme products/list";
    let last = state.len() - key.len();
    for at in 0..last {
        if state[at..].starts_with(key) {
            state[at] ^= 1;
        }
    }
    fs::write(folder.join("state/state.sqlite"), state).unwrap();
    let text = folder.check("crawls verify");
    assert!(text.starts_with("exit 1\n"), "{text}");
    assert!(text.contains("is damaged"), "{text}");
}
