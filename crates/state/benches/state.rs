//! What the state does for every call of a crawl: a place in the ledger, and a page in the journal.

use std::{sync::Arc, time::Duration};

use divan::{Bencher, counter::BytesCount};
use fortilake_auth::real_time;
use fortilake_client::{
    Window,
    ledger::{CallOutcome, ErrorLimit, Ledger, Limits, Reservation},
};
use fortilake_state::{Journal, NewCrawl, Record, RecordKind, State};
use tempfile::TempDir;
use tokio::runtime::Builder;

fn main() {
    divan::main();
}

fn state() -> (TempDir, State) {
    let folder = tempfile::tempdir().expect("a folder");
    let state = State::open(folder.path(), real_time()).expect("it opens");
    (folder, state)
}

/// A call when the ledger has so many calls of the last hour.
#[divan::bench(args = [0, 1_000, 10_000])]
fn call(bencher: Bencher<'_, '_>, earlier: u32) {
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    let limits = Limits {
        calls: vec![Window {
            max: u32::MAX,
            per: Duration::from_hours(1),
        }],
        errors: Some(ErrorLimit {
            max: 10,
            per: Duration::from_hours(1),
            reserve: 2,
        }),
    };
    let (_folder, state) = state();
    let call = || {
        let reserved = runtime.block_on(state.reserve("acme", &limits));
        let Ok(Reservation::Granted(ticket)) = reserved else {
            panic!("the window has a place: {reserved:?}");
        };
        let settled = runtime.block_on(state.settle(ticket, CallOutcome::Good, None));
        settled.expect("it settles");
    };
    (0..earlier).for_each(|_| call());
    bencher.bench_local(call);
}

/// Pages of 60 kB, until all of them are on disk.
#[divan::bench(args = [1, 100])]
fn append(bencher: Bencher<'_, '_>, pages: u32) {
    let (_folder, state) = state();
    let new = NewCrawl {
        id: "bench".to_owned(),
        snapshot: "20260101T000000Z".to_owned(),
        fingerprint: "acme".to_owned(),
        version: "0.1.0".to_owned(),
    };
    let journal = state.begin(&new).expect("it begins");
    // About as compressible as a page of products.
    let member = |at: u32| format!(r#"{{"serialNumber":"FGT60F{:010}","level":6}},"#, at * 7919);
    let body: Arc<str> = (0..1300).map(member).collect::<String>().into();
    let bytes = body.len() * pages as usize;
    let mut key = 0_u64;
    bencher.counter(BytesCount::new(bytes)).bench_local(|| {
        for _ in 0..pages {
            key += 1;
            let record = Record {
                kind: RecordKind::Page,
                body: body.clone(),
                observed_at: 1_767_225_600_000_000,
            };
            journal
                .append(&format!("page {key}"), record)
                .expect("it takes the page");
        }
        journal.flush().expect("it writes the pages");
    });
}
