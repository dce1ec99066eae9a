//! A file with a wrong byte, or cut short: reading returns the correct values or an error.

use std::{fs, path::Path};

use fortilake_auth::{StoredToken, TokenStore};
use fortilake_client::ledger::{CallOutcome, Ledger, LedgerUsage, Reservation};
use fortilake_state::{Crawl, Journal, Kind, Record, Status};
use tempfile::TempDir;

use crate::util::{NOW, Wait as _, begin, hundred_an_hour, open, page, records};

/// Everything that can be read from the file.
#[derive(Debug)]
struct Contents {
    crawls: Vec<Crawl>,
    records: Vec<(String, Record)>,
    deliveries: Vec<(String, String)>,
    usage: LedgerUsage,
    reservation: Reservation,
    value: Option<Vec<u8>>,
}

impl Contents {
    /// Everything except the records, which are too long for a message.
    fn rest(&self) -> impl PartialEq + std::fmt::Debug {
        (
            self.crawls.clone(),
            self.deliveries.clone(),
            self.usage.clone(),
            self.reservation,
            self.value.clone(),
        )
    }
}

fn fill(directory: &Path) {
    let state = open(directory).expect("it opens");
    for user in ["acme", "another"] {
        for _ in 0..100 {
            let answer = state
                .reserve(user, &hundred_an_hour())
                .wait()
                .expect("an answer");
            let Reservation::Granted(ticket) = answer else {
                panic!("not granted: {answer:?}")
            };
            state
                .settle(ticket, CallOutcome::Good, None)
                .wait()
                .expect("it settles");
        }
        TokenStore::save(&state, user, "iam", &token()).wait();
    }
    state
        .sink_store("csv")
        .and_then(|store| store.put("key", b"value"))
        .expect("the write succeeds");
    for id in ["older", "one"] {
        let journal = begin(&state, id);
        for number in 0..60 {
            journal
                .append(&format!("page {number}"), page(&noise(number * 6)))
                .expect("the write succeeds");
        }
        journal
            .append("long", page(&noise(9000)))
            .expect("the write succeeds");
        journal
            .set_delivery("csv:out", "published")
            .expect("the write succeeds");
        journal
            .finish(Status::Published, r#"{"rows": 60}"#)
            .expect("it finishes");
    }
}

/// Text that hardly compresses.
fn noise(length: usize) -> String {
    let mut state = 1_u64;
    let next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        char::from(b'!' + u8::try_from((state >> 33) % 90).expect("below 90"))
    };
    std::iter::repeat_with(next).take(length).collect()
}

fn token() -> StoredToken {
    StoredToken {
        access_token: "EXAMPLE-access".into(),
        refresh_token: None,
        expires_at: NOW,
        issued_at: NOW,
    }
}

fn read(directory: &Path) -> Result<Contents, Option<Kind>> {
    let kind = |error: fortilake_state::Error| Some(error.kind());
    let ledger = |error: fortilake_client::Error| {
        let source = std::error::Error::source(&error)?;
        let source = source.downcast_ref::<fortilake_state::Error>()?;
        Some(source.kind())
    };
    let state = open(directory).map_err(kind)?;
    let limits = hundred_an_hour();
    let usage = state.usage("acme", &limits).wait().map_err(ledger)?;
    let reservation = state.reserve("acme", &limits).wait().map_err(ledger)?;
    // A damaged token is only a missing token.
    let loaded = TokenStore::load(&state, "acme", "iam").wait();
    assert!(loaded.is_none_or(|loaded| loaded == token()));
    let value = state
        .sink_store("csv")
        .and_then(|store| store.get("key"))
        .map_err(kind)?;
    let crawls = state.crawls().map_err(kind)?;
    let journal = state.take_up("one").map_err(kind)?;
    let records = records(&journal).map_err(kind)?;
    for (key, record) in &records {
        // If an index has lost a key, the page is requested again, which costs one call.
        let found = journal.read(key).map_err(kind)?;
        assert!(found.is_none_or(|found| found == *record));
    }
    Ok(Contents {
        records,
        deliveries: journal.deliveries().map_err(kind)?,
        crawls,
        usage,
        reservation,
        value,
    })
}

fn image() -> (Vec<u8>, Contents) {
    let directory = tempfile::tempdir().expect("a directory");
    fill(directory.path());
    let bytes = fs::read(directory.path().join("state.sqlite")).expect("it reads");
    let contents = read(directory.path()).expect("it is intact");
    assert_eq!((contents.crawls.len(), contents.records.len()), (2, 61));
    (bytes, contents)
}

fn with_file(bytes: &[u8]) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("state.sqlite"), bytes).expect("it is written");
    directory
}

#[test]
fn a_flipped_byte_is_found_or_harmless() {
    let (bytes, truth) = image();
    let (mut found, mut harmless) = (0, 0);
    // Test every byte of the header, which has 100 bytes, and then steps of a prime number, to
    // reach all kinds of positions.
    let places = (0..100).chain((100..bytes.len()).step_by(307));
    for (place, bit) in places.zip([0, 7, 3, 5, 1, 6, 2, 4].into_iter().cycle()) {
        let mut damaged = bytes.clone();
        damaged[place] ^= 1 << bit;
        let directory = with_file(&damaged);
        match read(directory.path()) {
            Ok(contents) => {
                let at = format!("byte {place}, bit {bit}");
                assert!(contents.records == truth.records, "{at}: other records");
                let (rest, true_rest) = (contents.rest(), truth.rest());
                assert_eq!(rest, true_rest, "{at}");
                harmless += 1;
            }
            Err(kind) => {
                let told = matches!(kind, Some(Kind::Damaged | Kind::Newer));
                assert!(told, "byte {place}, bit {bit}: {kind:?}");
                found += 1;
            }
        }
    }
    assert!(
        found > 100 && harmless > 10,
        "{found} found, {harmless} harmless"
    );
}

#[test]
fn a_file_cut_short_is_found() {
    let (bytes, _) = image();
    for length in [
        0,
        1,
        99,
        100,
        4095,
        4096,
        8192,
        bytes.len() / 2,
        bytes.len() - 1,
    ] {
        let directory = with_file(&bytes[..length]);
        let error = read(directory.path()).expect_err("something is missing");
        assert_eq!(error, Some(Kind::Damaged), "{length} bytes left");
    }
}

#[test]
fn damage_is_named_with_the_way_out() {
    let (mut bytes, _) = image();
    bytes[3] ^= 1;
    let directory = with_file(&bytes);
    let error = open(directory.path()).err().expect("it is refused");
    let path = directory.path().join("state.sqlite");
    let shown = path.display();
    assert!(
        error
            .to_string()
            .starts_with(&format!("the state file `{shown}` is damaged: "))
    );
    let hint = error.hint().expect("the error has a hint");
    assert!(hint.starts_with(&format!("move `{shown}` away")), "{hint}");
    fs::rename(&path, directory.path().join("damaged")).expect("it is moved");
    open(directory.path()).expect("a new one is begun");
}
