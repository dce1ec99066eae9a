//! The ledger by examples. `histories` has random histories, and `tests/it` real processes.

mod histories;

use std::{sync::atomic::Ordering, thread, time::Duration};

use fortilake_client::{
    Window,
    ledger::{ErrorLimit, Ledger, Limits, Reservation, Spent, Ticket, Verdict},
};

use crate::{State, testing::Fixture};

const SECOND: i64 = 1_000_000;
const MARGIN: i64 = SECOND / 10;

fn calls(max: u32, seconds: u64) -> Limits {
    Limits {
        calls: vec![Window {
            max,
            per: Duration::from_secs(seconds),
        }],
        errors: None,
    }
}

fn with_errors(limits: Limits, max: u32, reserve: u32) -> Limits {
    Limits {
        errors: Some(ErrorLimit {
            max,
            per: Duration::from_hours(1),
            reserve,
        }),
        ..limits
    }
}

#[track_caller]
fn granted(reservation: fortilake_client::Result<Reservation>) -> Ticket {
    match reservation {
        Ok(Reservation::Granted(ticket)) => ticket,
        other => panic!("not granted: {other:?}"),
    }
}

fn call(state: &State, limits: &Limits, now: i64, verdict: Verdict) {
    let ticket = granted(state.reserve("acme", limits, now));
    state.settle(ticket, now, verdict).expect("it settles");
}

#[test]
fn a_call_holds_its_place_until_a_window_after_its_answer() {
    let fixture = Fixture::new();
    let (state, limits, begin) = (fixture.open(), calls(1, 60), fixture.now());
    let ticket = granted(state.reserve("acme", &limits, begin));
    let answered = begin + 5 * SECOND;
    state
        .settle(ticket, answered, Verdict::Good)
        .expect("it settles");
    let free = answered + 60 * SECOND + MARGIN;
    let at = |now| state.reserve("acme", &limits, now).expect("an answer");
    assert_eq!(at(answered), Reservation::At(free));
    assert_eq!(at(free - 1), Reservation::At(free));
    assert!(matches!(at(free), Reservation::Granted(_)));
}

#[test]
fn outlasts_the_process_and_is_shared() {
    let fixture = Fixture::new();
    let (limits, now) = (calls(2, 60), fixture.now());
    call(&fixture.open(), &limits, now, Verdict::Good);
    let (first, second) = (fixture.open(), fixture.open());
    call(&first, &limits, now, Verdict::Good);
    let full = second.reserve("acme", &limits, now).expect("an answer");
    assert_eq!(full, Reservation::At(now + 60 * SECOND + MARGIN));
    granted(second.reserve("another user", &limits, now));
}

#[test]
fn an_unsent_call_gives_its_place_back() {
    let fixture = Fixture::new();
    let (state, limits, now) = (fixture.open(), calls(1, 60), fixture.now());
    call(&state, &limits, now, Verdict::Unsent);
    call(&state, &limits, now, Verdict::Unsent);
    assert_eq!(state.usage("acme", &limits, now).expect("usage").calls, [0]);
}

#[test]
fn calls_in_flight_hold_the_error_budget() {
    let fixture = Fixture::new();
    let state = fixture.open();
    let (limits, now) = (with_errors(calls(100, 60), 10, 2), fixture.now());
    for _ in 0..5 {
        call(&state, &limits, now, Verdict::Error);
    }
    let tickets: Vec<_> = (0..3)
        .map(|_| granted(state.reserve("acme", &limits, now)))
        .collect();
    let held = state.reserve("acme", &limits, now).expect("an answer");
    assert!(matches!(held, Reservation::AfterAnswer(instant) if instant > now));
    state
        .settle(tickets[0], now, Verdict::Good)
        .expect("it settles");
    let last = granted(state.reserve("acme", &limits, now));
    for ticket in [tickets[1], tickets[2], last] {
        state
            .settle(ticket, now, Verdict::Error)
            .expect("it settles");
    }
    let spent = state.reserve("acme", &limits, now).expect("an answer");
    let until = now + 3600 * SECOND + MARGIN;
    assert_eq!(
        spent,
        Reservation::Spent {
            until,
            why: Spent::Errors
        }
    );
    assert_eq!(state.usage("acme", &limits, now).expect("usage").errors, 8);
}

#[test]
fn a_closed_window_stays_closed_for_everyone() {
    let fixture = Fixture::new();
    let (limits, now) = (calls(100, 60), fixture.now());
    let until = now + 30 * SECOND;
    fixture.open().close("acme", until).expect("it closes");
    let state = fixture.open();
    state
        .close("acme", now + SECOND)
        .expect("an earlier end changes nothing");
    let closed = state.reserve("acme", &limits, now).expect("an answer");
    assert_eq!(
        closed,
        Reservation::Spent {
            until,
            why: Spent::Closed
        }
    );
    assert_eq!(
        state
            .usage("acme", &limits, now)
            .expect("usage")
            .closed_until,
        Some(until)
    );
    granted(state.reserve("acme", &limits, until));
}

#[test]
fn calls_of_the_dead_are_no_errors_where_nothing_has_failed() {
    let fixture = Fixture::new();
    let (limits, now) = (with_errors(calls(100, 60), 4, 2), fixture.now());
    let (first, second) = (fixture.open(), fixture.open());
    granted(first.reserve("acme", &limits, now));
    granted(first.reserve("acme", &limits, now));
    drop(first);
    granted(second.reserve("acme", &limits, now));
    let usage = second.usage("acme", &limits, now).expect("usage");
    assert_eq!(
        (usage.errors, usage.in_flight, usage.calls),
        (0, 1, vec![3])
    );
}

#[test]
fn calls_of_the_dead_are_errors_where_the_api_was_failing() {
    let fixture = Fixture::new();
    let (limits, now) = (with_errors(calls(100, 60), 5, 2), fixture.now());
    let (first, second) = (fixture.open(), fixture.open());
    call(&second, &limits, now, Verdict::Error);
    granted(first.reserve("acme", &limits, now));
    granted(first.reserve("acme", &limits, now));
    let alive = second.reserve("acme", &limits, now).expect("an answer");
    assert!(matches!(alive, Reservation::AfterAnswer(instant) if instant < now + SECOND));
    drop(first);
    let found = now + 10 * SECOND;
    fixture.time.store(found, Ordering::SeqCst);
    let dead = second.reserve("acme", &limits, found).expect("an answer");
    // The one that was known is the first to leave the window.
    let until = now + 3600 * SECOND + MARGIN;
    assert_eq!(
        dead,
        Reservation::Spent {
            until,
            why: Spent::Errors
        }
    );
    let usage = second.usage("acme", &limits, found).expect("usage");
    assert_eq!(
        (usage.errors, usage.in_flight, usage.calls),
        (3, 0, vec![3])
    );
}

#[test]
fn what_no_window_reaches_is_pruned() {
    let fixture = Fixture::new();
    let (state, limits) = (fixture.open(), calls(10, 60));
    let day = 24 * 3600 * SECOND;
    for step in 0..400 {
        call(
            &state,
            &limits,
            fixture.now() + step * day / 100,
            Verdict::Error,
        );
    }
    let rows: i64 = rusqlite::Connection::open(state.path())
        .and_then(|file| file.query_row("SELECT count(*) FROM answers", (), |row| row.get(0)))
        .expect("the rows are counted");
    assert!(
        (200..400).contains(&rows),
        "{rows} rows for a day of 100 calls and errors"
    );
    let now = fixture.now() + 4 * day;
    assert_eq!(state.usage("acme", &limits, now).expect("usage").calls, [0]);
}

#[test]
fn threads_with_states_of_their_own_share_a_window_exactly() {
    let fixture = Fixture::new();
    let (limits, now) = (calls(100, 3600), fixture.now());
    let granted: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let state = fixture.open();
                    let granted = (0..60).filter(|_| {
                        let answer = state.reserve("acme", &limits, now).expect("an answer");
                        match answer {
                            Reservation::Granted(ticket) => {
                                state
                                    .settle(ticket, now, Verdict::Good)
                                    .expect("it settles");
                                true
                            }
                            _ => false,
                        }
                    });
                    granted.count()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("it ends"))
            .sum()
    });
    assert_eq!(granted, 100);
}
