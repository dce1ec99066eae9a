//! Baselines survive their crawls.

use rusqlite::Connection;

use super::Baseline;
use crate::{
    Kind,
    testing::{Fixture, in_each_database},
};

in_each_database!(the_newest_of_the_same_sources_is_kept);

fn baseline(snapshot: &str) -> Baseline {
    Baseline {
        snapshot: snapshot.to_owned(),
        figures: format!("{{\"products\": \"{}\"}}", "7".repeat(9000)),
    }
}

fn the_newest_of_the_same_sources_is_kept(fixture: &Fixture) {
    let state = fixture.open();
    assert_eq!(state.baseline("acme").expect("the state works"), None);
    state
        .set_baseline("acme", &baseline("one"))
        .expect("the state works");
    state
        .set_baseline("other", &baseline("two"))
        .expect("the state works");
    state
        .set_baseline("acme", &baseline("three"))
        .expect("the state works");
    drop(state);
    let state = fixture.open();
    assert_eq!(
        state.baseline("acme").expect("the state works"),
        Some(baseline("three"))
    );
    assert_eq!(
        state.baseline("other").expect("the state works"),
        Some(baseline("two"))
    );
    let keys = state.baseline_keys().expect("the state works");
    assert_eq!(keys, ["acme", "other"]);
}

#[test]
fn a_changed_figure_is_noticed() {
    let fixture = Fixture::new();
    let state = fixture.open();
    state
        .set_baseline("acme", &baseline("one"))
        .expect("the state works");
    let other = zstd::encode_all(b"{}".as_slice(), 0).expect("the state works");
    Connection::open(state.path().expect("a file"))
        .expect("the state works")
        .execute("UPDATE baselines SET body = ?", (other,))
        .expect("the state works");
    let error = state.baseline("acme").expect_err("it is damaged");
    assert_eq!(error.kind(), Kind::Damaged);
}
