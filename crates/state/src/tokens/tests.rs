//! Tokens survive the process, and removed ones leave no trace.

use fortilake_auth::{StoredToken, TokenStore};

use crate::testing::{Fixture, Wait as _, in_each_database};

in_each_database!(a_token_outlasts_the_process);

fn token(text: &str) -> StoredToken {
    StoredToken {
        access_token: text.into(),
        refresh_token: None,
        expires_at: 9,
        issued_at: 4,
    }
}

fn a_token_outlasts_the_process(fixture: &Fixture) {
    let kept = StoredToken {
        refresh_token: Some("EXAMPLE-refresh".into()),
        ..token("EXAMPLE-access")
    };
    fixture.open().save("user", "iam", &kept).wait();
    let state = fixture.open();
    assert_eq!(state.load("user", "iam").wait(), Some(kept));
    assert_eq!(state.load("user", "organization").wait(), None);
    assert_eq!(state.load("another", "iam").wait(), None);
    state.save("user", "iam", &token("EXAMPLE-newer")).wait();
    assert_eq!(
        state.load("user", "iam").wait(),
        Some(token("EXAMPLE-newer"))
    );
    TokenStore::remove(&state, "user", "iam").wait();
    assert_eq!(state.load("user", "iam").wait(), None);
}

#[test]
fn a_removed_token_is_nowhere_in_the_file() {
    let fixture = Fixture::new();
    let state = fixture.open();
    let secret = "EXAMPLE-".repeat(2000);
    let path = state.path().expect("a file").to_owned();
    state.save("user", "iam", &token(&secret)).wait();
    TokenStore::remove(&state, "user", "iam").wait();
    drop(state);
    let bytes = std::fs::read(path).expect("it reads");
    let found = bytes
        .windows(16)
        .any(|bytes| bytes == &secret.as_bytes()[..16]);
    assert!(!found, "the token is still there");
}

#[test]
fn a_damaged_token_is_none() {
    let fixture = Fixture::new();
    let state = fixture.open();
    state.save("user", "iam", &token("EXAMPLE-access")).wait();
    let file = rusqlite::Connection::open(state.path().expect("a file")).expect("it opens");
    file.execute("UPDATE tokens SET access_token = 'EXAMPLE-bccess'", ())
        .expect("it is written");
    assert_eq!(state.load("user", "iam").wait(), None);
}
