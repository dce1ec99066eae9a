//! The list of crawls, and opening a crawl in several processes.

use std::sync::atomic::Ordering;

use super::Status;
use crate::{
    Journal, Kind, State,
    testing::{Fixture, in_each_database, new_crawl, page},
};

in_each_database!(
    a_crawl_is_what_was_said_of_it,
    a_second_process_is_told_who_works_on_a_crawl,
    the_hold_of_the_dead_is_free,
    an_unknown_crawl_is_missing,
    two_crawls_cannot_have_one_id,
    the_newest_are_retained,
    deliveries_are_kept_by_sink,
);

fn ids(state: &State) -> Vec<String> {
    let crawls = state.crawls().expect("the list is readable");
    crawls.into_iter().map(|crawl| crawl.id).collect()
}

fn done(state: &State, id: &str) {
    let journal = state.begin(&new_crawl(id)).expect("it begins");
    journal.append("a", page("{}")).expect("the write succeeds");
    journal
        .finish(Status::Published, "{}")
        .expect("it finishes");
}

fn a_crawl_is_what_was_said_of_it(fixture: &Fixture) {
    let state = fixture.open();
    let begun = fixture.now();
    let journal = state.begin(&new_crawl("one")).expect("it begins");
    journal.append("a", page("{}")).expect("the write succeeds");
    fixture.time.fetch_add(5, Ordering::SeqCst);
    journal
        .finish(Status::Published, r#"{"rows": 3}"#)
        .expect("it finishes");
    let crawl = journal.crawl().expect("it exists");
    assert_eq!(crawl.snapshot, "snapshot of one");
    assert_eq!(
        (crawl.created_at, crawl.finished_at),
        (begun, Some(begun + 5))
    );
    assert_eq!((crawl.status, crawl.records), (Status::Published, 1));
    assert_eq!(crawl.summary.as_deref(), Some(r#"{"rows": 3}"#));
    assert_eq!(
        state.crawl("one").expect("the list is readable"),
        Some(crawl)
    );
    assert_eq!(state.crawl("two").expect("the list is readable"), None);
}

fn a_second_process_is_told_who_works_on_a_crawl(fixture: &Fixture) {
    let (first, second) = (fixture.open(), fixture.open());
    let journal = first.begin(&new_crawl("one")).expect("it begins");
    let error = second
        .take_up("one")
        .expect_err("another process has it open");
    assert_eq!(error.kind(), Kind::Held);
    let message = error.to_string();
    let expected = format!(
        "crawl `one` is in use by process {} on `",
        std::process::id()
    );
    assert!(message.starts_with(&expected), "{message}");
    assert!(
        message.ends_with("` since 2026-01-01T00:00:00Z"),
        "{message}"
    );
    assert_eq!(
        second
            .remove("one")
            .expect_err("another process has it open")
            .kind(),
        Kind::Held
    );
    assert_eq!(second.retain(0).expect("it skips open crawls"), [""; 0]);
    drop(journal);
    second.take_up("one").expect("no process has it open");
}

fn the_hold_of_the_dead_is_free(fixture: &Fixture) {
    let first = fixture.open();
    let journal = first.begin(&new_crawl("one")).expect("it begins");
    let second = fixture.open();
    drop((journal, first));
    // As if the process had died before releasing it.
    fixture.execute("UPDATE crawls SET holder = 1");
    second.take_up("one").expect("no process has it open");
}

fn an_unknown_crawl_is_missing(fixture: &Fixture) {
    let state = fixture.open();
    let error = state.take_up("one").expect_err("it does not exist");
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (Kind::Missing, "there is no crawl `one`")
    );
    assert_eq!(
        state.remove("one").expect_err("it does not exist").kind(),
        Kind::Missing
    );
}

fn two_crawls_cannot_have_one_id(fixture: &Fixture) {
    let state = fixture.open();
    done(&state, "one");
    state.begin(&new_crawl("one")).expect_err("it exists");
}

fn the_newest_are_retained(fixture: &Fixture) {
    let state = fixture.open();
    for id in ["one", "two", "three", "four"] {
        done(&state, id);
    }
    assert_eq!(state.retain(2).expect("it removes"), ["two", "one"]);
    assert_eq!(ids(&state), ["four", "three"]);
}

#[test]
fn a_removed_crawl_leaves_nothing_and_gives_room_back() {
    let fixture = Fixture::new();
    let state = fixture.open();
    done(&state, "kept");
    let journal = state.begin(&new_crawl("one")).expect("it begins");
    journal
        .set_delivery("csv:out", "staged")
        .expect("the write succeeds");
    for number in 0..5000 {
        journal
            .append(&format!("page {number}"), page(&number.to_string()))
            .expect("the write succeeds");
    }
    drop(journal);
    let count = |sql| -> i64 {
        let file = rusqlite::Connection::open(state.path().expect("a file")).expect("it opens");
        file.query_row(sql, (), |row| row.get(0)).expect("a number")
    };
    let before = count("PRAGMA page_count");
    state.remove("one").expect("it is removed");
    assert_eq!(ids(&state), ["kept"]);
    assert_eq!(count("SELECT count(*) FROM pages"), 1);
    assert_eq!(count("SELECT count(*) FROM deliveries"), 0);
    let after = count("PRAGMA page_count");
    assert!(after < before / 4, "{after} pages of {before}");
    let journal = state.take_up("kept").expect("no process has it open");
    assert_eq!(journal.read("a").expect("it reads"), Some(page("{}")));
}

fn deliveries_are_kept_by_sink(fixture: &Fixture) {
    let state = fixture.open();
    let journal = state.begin(&new_crawl("one")).expect("it begins");
    for (sink, text) in [
        ("parquet:out", "staged"),
        ("csv:out", "staged"),
        ("csv:out", "published"),
    ] {
        journal
            .set_delivery(sink, text)
            .expect("the write succeeds");
    }
    let expected = [("csv:out", "published"), ("parquet:out", "staged")];
    let expected = expected.map(|(sink, text)| (sink.to_owned(), text.to_owned()));
    assert_eq!(
        journal.deliveries().expect("the list is readable"),
        expected
    );
    let crawl = journal.crawl().expect("it exists");
    assert_eq!(
        state.deliveries(&crawl).expect("the list is readable"),
        expected
    );
}
