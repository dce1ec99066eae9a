//! The contract of both journals, and the guarantees of the journal on disk.

use std::{sync::Arc, thread};

use super::{Journal, MemoryJournal};
use crate::{
    CrawlJournal, Record, RecordKind,
    testing::{Fixture, in_each_database, new_crawl, page},
};

in_each_database!(
    reads_what_was_just_appended,
    reads_what_is_written,
    a_second_record_takes_the_place_of_the_first,
    iterates_in_the_order_of_appending,
    a_dropped_journal_is_written_and_goes_on,
    threads_append_and_read_side_by_side,
    what_waits_is_bounded,
    a_record_is_written_without_anybody_waiting,
);

/// Checks the journal in memory, and the one of the fixture.
fn check_both(fixture: &Fixture, check: impl Fn(&dyn Journal)) {
    check(&MemoryJournal::default());
    check(&begin(fixture, "one"));
}

fn begin(fixture: &Fixture, id: &str) -> CrawlJournal {
    fixture.open().begin(&new_crawl(id)).expect("it begins")
}

fn read(journal: &dyn Journal, key: &str) -> Option<Record> {
    journal.read(key).expect("it reads")
}

fn keys(journal: &dyn Journal) -> Vec<String> {
    let records = journal.records().expect("it is read");
    records
        .map(|record| record.expect("it reads").0.to_string())
        .collect()
}

fn reads_what_was_just_appended(fixture: &Fixture) {
    check_both(fixture, |journal| {
        journal
            .append("units/list 0", page("{}"))
            .expect("the write succeeds");
        assert_eq!(read(journal, "units/list 0"), Some(page("{}")));
        assert_eq!(read(journal, "units/list 1"), None);
        assert!(
            journal
                .read("units/list 0")
                .expect("the read succeeds")
                .is_some()
        );
        assert!(
            journal
                .read("units/list 1")
                .expect("the read succeeds")
                .is_none()
        );
    });
}

fn reads_what_is_written(fixture: &Fixture) {
    check_both(fixture, |journal| {
        let failure = Record {
            kind: RecordKind::Failure,
            body: "refused, näturally".into(),
            observed_at: -1,
        };
        journal.append("a", page("")).expect("the write succeeds");
        journal
            .append("b", failure.clone())
            .expect("the write succeeds");
        journal.flush().expect("it is written");
        assert_eq!(read(journal, "a"), Some(page("")));
        assert_eq!(read(journal, "b"), Some(failure));
        assert!(journal.read("b").expect("the read succeeds").is_some());
    });
}

fn a_second_record_takes_the_place_of_the_first(fixture: &Fixture) {
    check_both(fixture, |journal| {
        for (key, body) in [("a", "1"), ("b", "2"), ("a", "3")] {
            journal.append(key, page(body)).expect("the write succeeds");
        }
        assert_eq!(read(journal, "a"), Some(page("3")));
        assert_eq!(keys(journal), ["a", "b"]);
        journal.append("b", page("4")).expect("the write succeeds");
        journal.append("c", page("5")).expect("the write succeeds");
        assert_eq!(keys(journal), ["a", "b", "c"]);
        assert_eq!(read(journal, "b"), Some(page("4")));
    });
}

fn iterates_in_the_order_of_appending(fixture: &Fixture) {
    check_both(fixture, |journal| {
        let expected: Vec<_> = (0..3000)
            .map(|number| format!("page {}", number * 7 % 3000))
            .collect();
        for key in &expected {
            journal.append(key, page(key)).expect("the write succeeds");
        }
        assert_eq!(keys(journal), expected);
    });
}

fn a_dropped_journal_is_written_and_goes_on(fixture: &Fixture) {
    let journal = begin(fixture, "one");
    journal.append("a", page("1")).expect("the write succeeds");
    drop(journal);
    begin(fixture, "another")
        .append("a", page("of another"))
        .expect("the write succeeds");
    let journal = fixture
        .open()
        .take_up("one")
        .expect("no process has it open");
    journal.append("b", page("2")).expect("the write succeeds");
    assert_eq!(keys(&journal), ["a", "b"]);
    assert_eq!(read(&journal, "a"), Some(page("1")));
}

fn threads_append_and_read_side_by_side(fixture: &Fixture) {
    let journal = begin(fixture, "one");
    thread::scope(|scope| {
        for worker in 0..4 {
            let journal = &journal;
            scope.spawn(move || {
                for number in 0..500 {
                    let key = format!("{worker}/{number}");
                    journal
                        .append(&key, page(&key))
                        .expect("the write succeeds");
                    assert_eq!(read(journal, &key), Some(page(&key)));
                    if number % 100 == 0 {
                        journal.flush().expect("it is written");
                    }
                }
            });
        }
    });
    assert_eq!(keys(&journal).len(), 2000);
}

fn what_waits_is_bounded(fixture: &Fixture) {
    let journal = begin(fixture, "one");
    let body: Arc<str> = "x".repeat(1 << 20).into();
    for number in 0..200 {
        let record = Record {
            body: body.clone(),
            ..page("")
        };
        journal
            .append(&number.to_string(), record)
            .expect("the write succeeds");
        assert!(journal.writer.waiting_bytes() <= super::writer::WAITING + body.len());
    }
    assert_eq!(keys(&journal).len(), 200);
}

fn a_record_is_written_without_anybody_waiting(fixture: &Fixture) {
    let journal = begin(fixture, "one");
    journal.append("a", page("1")).expect("the write succeeds");
    let begin = std::time::Instant::now();
    let other = fixture.open();
    loop {
        let crawl = other
            .crawl("one")
            .expect("the list is readable")
            .expect("it exists");
        if crawl.records == 1 {
            break;
        }
        assert!(
            begin.elapsed().as_secs() < 10,
            "no record was written in time"
        );
        thread::yield_now();
    }
}
