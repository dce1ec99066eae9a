//! The ledger by examples. `histories` has random histories, and `tests/it` real processes.

mod clocks;
mod histories;

use std::{error::Error as _, thread, time::Duration};

use fortilake_client::{
    Window,
    ledger::{
        CallOutcome, ErrorLimit, ErrorReason, Ledger, Limits, PastError, Reservation, Spent, Ticket,
    },
};

use super::{POLL_INTERVAL, RECHECK};
use crate::{
    State,
    testing::{Fixture, Wait as _, in_each_database},
};

in_each_database!(
    a_call_holds_its_place_until_a_window_after_its_answer,
    outlasts_the_process_and_is_shared,
    an_unsent_call_gives_its_place_back,
    calls_in_flight_hold_the_error_budget,
    a_closed_window_stays_closed_for_everyone,
    calls_of_the_dead_are_no_errors_where_nothing_has_failed,
    calls_of_the_dead_are_errors_where_the_api_was_failing,
    what_no_window_reaches_is_pruned,
    threads_with_states_of_their_own_share_a_window_exactly,
    the_reasons_of_the_last_errors_outlast_the_process,
    an_error_and_a_closed_window_end_at_the_same_instant_for_everyone,
    calls_of_this_process_alone_are_not_polled_for,
    a_window_of_several_days_keeps_its_calls,
    entries_are_deleted_in_batches_and_old_reasons_with_them,
);

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

fn call(state: &State, limits: &Limits, outcome: CallOutcome) {
    let ticket = granted(state.reserve("acme", limits).wait());
    state
        .settle(ticket, outcome, None)
        .wait()
        .expect("it settles");
}

/// A duration of this many microseconds.
fn micros(micros: i64) -> Duration {
    Duration::from_micros(micros.try_into().expect("a length"))
}

fn a_call_holds_its_place_until_a_window_after_its_answer(fixture: &Fixture) {
    let (state, limits, begin) = (fixture.open(), calls(1, 60), fixture.now());
    let ticket = granted(state.reserve("acme", &limits).wait());
    let answered = begin + 5 * SECOND;
    fixture.set(answered);
    state
        .settle(ticket, CallOutcome::Good, None)
        .wait()
        .expect("it settles");
    let free = answered + 60 * SECOND + MARGIN;
    let at = |now| {
        fixture.set(now);
        state.reserve("acme", &limits).wait().expect("an answer")
    };
    let wait = micros(60 * SECOND + MARGIN);
    assert_eq!(at(answered), Reservation::After(wait));
    assert_eq!(at(free - 1), Reservation::After(micros(1)));
    assert!(matches!(at(free), Reservation::Granted(_)));
}

fn outlasts_the_process_and_is_shared(fixture: &Fixture) {
    let limits = calls(2, 60);
    call(&fixture.open(), &limits, CallOutcome::Good);
    let (first, second) = (fixture.open(), fixture.open());
    call(&first, &limits, CallOutcome::Good);
    let full = second.reserve("acme", &limits).wait().expect("an answer");
    assert_eq!(full, Reservation::After(micros(60 * SECOND + MARGIN)));
    granted(second.reserve("another user", &limits).wait());
}

fn an_unsent_call_gives_its_place_back(fixture: &Fixture) {
    let (state, limits) = (fixture.open(), calls(1, 60));
    call(&state, &limits, CallOutcome::Unsent);
    call(&state, &limits, CallOutcome::Unsent);
    assert_eq!(
        state.usage("acme", &limits).wait().expect("usage").calls,
        [0]
    );
}

fn calls_in_flight_hold_the_error_budget(fixture: &Fixture) {
    let state = fixture.open();
    let limits = with_errors(calls(100, 60), 10, 2);
    for _ in 0..5 {
        call(&state, &limits, CallOutcome::Error);
    }
    let tickets: Vec<_> = (0..3)
        .map(|_| granted(state.reserve("acme", &limits).wait()))
        .collect();
    let held = state.reserve("acme", &limits).wait().expect("an answer");
    assert!(matches!(held, Reservation::AfterAnswer(wait) if !wait.is_zero()));
    state
        .settle(tickets[0], CallOutcome::Good, None)
        .wait()
        .expect("it settles");
    let last = granted(state.reserve("acme", &limits).wait());
    for ticket in [tickets[1], tickets[2], last] {
        state
            .settle(ticket, CallOutcome::Error, None)
            .wait()
            .expect("it settles");
    }
    let spent = state.reserve("acme", &limits).wait().expect("an answer");
    let wait = micros(3600 * SECOND + MARGIN);
    assert_eq!(
        spent,
        Reservation::Spent {
            wait,
            why: Spent::Errors
        }
    );
    assert_eq!(
        state.usage("acme", &limits).wait().expect("usage").errors,
        8
    );
}

fn a_closed_window_stays_closed_for_everyone(fixture: &Fixture) {
    let limits = calls(100, 60);
    let wait = micros(30 * SECOND);
    fixture
        .open()
        .close("acme", wait)
        .wait()
        .expect("it closes");
    let state = fixture.open();
    state
        .close("acme", micros(SECOND))
        .wait()
        .expect("an earlier end changes nothing");
    let closed = state.reserve("acme", &limits).wait().expect("an answer");
    assert_eq!(
        closed,
        Reservation::Spent {
            wait,
            why: Spent::Closed
        }
    );
    assert_eq!(
        state
            .usage("acme", &limits)
            .wait()
            .expect("usage")
            .closed_for,
        Some(wait)
    );
    fixture.set(fixture.now() + 30 * SECOND);
    granted(state.reserve("acme", &limits).wait());
}

fn calls_of_the_dead_are_no_errors_where_nothing_has_failed(fixture: &Fixture) {
    let limits = with_errors(calls(100, 60), 4, 2);
    let (first, second) = (fixture.open(), fixture.open());
    granted(first.reserve("acme", &limits).wait());
    granted(first.reserve("acme", &limits).wait());
    drop(first);
    granted(second.reserve("acme", &limits).wait());
    let usage = second.usage("acme", &limits).wait().expect("usage");
    assert_eq!(
        (usage.errors, usage.in_flight, usage.calls),
        (0, 1, vec![3])
    );
}

fn calls_of_the_dead_are_errors_where_the_api_was_failing(fixture: &Fixture) {
    let (limits, now) = (with_errors(calls(100, 60), 5, 2), fixture.now());
    let (first, second) = (fixture.open(), fixture.open());
    call(&second, &limits, CallOutcome::Error);
    granted(first.reserve("acme", &limits).wait());
    granted(first.reserve("acme", &limits).wait());
    let alive = second.reserve("acme", &limits).wait().expect("an answer");
    assert!(matches!(alive, Reservation::AfterAnswer(wait) if wait < micros(SECOND)));
    drop(first);
    fixture.set(now + 10 * SECOND);
    let dead = second.reserve("acme", &limits).wait().expect("an answer");
    // The error that was known before the crash leaves the window first.
    let wait = micros(3590 * SECOND + MARGIN);
    assert_eq!(
        dead,
        Reservation::Spent {
            wait,
            why: Spent::Errors
        }
    );
    let usage = second.usage("acme", &limits).wait().expect("usage");
    assert_eq!(
        (usage.errors, usage.in_flight, usage.calls),
        (3, 0, vec![3])
    );
}

fn what_no_window_reaches_is_pruned(fixture: &Fixture) {
    let (state, limits, begin) = (fixture.open(), calls(10, 60), fixture.now());
    let day = 24 * 3600 * SECOND;
    for step in 0..400 {
        fixture.set(begin + step * day / 100);
        call(&state, &limits, CallOutcome::Error);
    }
    let rows = fixture.number("SELECT count(*) FROM answers");
    assert!(
        (200..400).contains(&rows),
        "{rows} rows for a day of 100 calls and errors"
    );
    fixture.set(begin + 4 * day);
    assert_eq!(
        state.usage("acme", &limits).wait().expect("usage").calls,
        [0]
    );
}

fn threads_with_states_of_their_own_share_a_window_exactly(fixture: &Fixture) {
    let limits = calls(100, 3600);
    let granted: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let state = fixture.open();
                    let granted = (0..60).filter(|_| {
                        let answer = state.reserve("acme", &limits).wait().expect("an answer");
                        match answer {
                            Reservation::Granted(ticket) => {
                                state
                                    .settle(ticket, CallOutcome::Good, None)
                                    .wait()
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

fn the_reasons_of_the_last_errors_outlast_the_process(fixture: &Fixture) {
    let limits = with_errors(calls(100, 60), 10, 2);
    let reason = |http| ErrorReason {
        call: "`products/list` for accountId 710112".to_owned(),
        http,
        message: "boom".to_owned(),
    };
    let state = fixture.open();
    for http in [Some(500), None] {
        let ticket = granted(state.reserve("acme", &limits).wait());
        state
            .settle(ticket, CallOutcome::Error, Some(&reason(http)))
            .wait()
            .expect("it settles");
        fixture.set(fixture.now() + 600 * SECOND);
    }
    drop(state);
    let state = fixture.open();
    let past = |http, seconds| PastError {
        ago: micros(seconds * SECOND),
        reason: reason(http),
    };
    let usage = state.usage("acme", &limits).wait().expect("usage");
    assert_eq!(usage.last_errors, [past(None, 600), past(Some(500), 1200)]);
    assert_eq!(state.last_errors().expect("errors"), usage.last_errors);
    let other = state.usage("another", &limits).wait().expect("usage");
    assert_eq!(other.last_errors, []);
    fixture.set(fixture.now() + 3000 * SECOND);
    let usage = state.usage("acme", &limits).wait().expect("usage");
    assert_eq!(usage.last_errors, [past(None, 3600)]);
}

#[test]
fn a_damaged_reason_is_skipped() {
    let fixture = Fixture::new();
    let (state, limits) = (fixture.open(), with_errors(calls(100, 60), 10, 2));
    let ticket = granted(state.reserve("acme", &limits).wait());
    let reason = ErrorReason {
        call: "`units/list`".to_owned(),
        http: Some(500),
        message: "boom".to_owned(),
    };
    let settled = state.settle(ticket, CallOutcome::Error, Some(&reason));
    settled.wait().expect("it settles");
    assert_eq!(state.last_errors().expect("errors").len(), 1);
    fixture.execute("UPDATE error_reasons SET message = 'other'");
    assert_eq!(state.last_errors().expect("errors"), []);
}

fn an_error_and_a_closed_window_end_at_the_same_instant_for_everyone(fixture: &Fixture) {
    let (state, begin) = (fixture.open(), fixture.now());
    let limits = with_errors(calls(100, 60), 10, 2);
    let ticket = granted(state.reserve("acme", &limits).wait());
    let reason = ErrorReason {
        call: "`units/list`".to_owned(),
        http: Some(500),
        message: String::new(),
    };
    let settled = state.settle(ticket, CallOutcome::Error, Some(&reason));
    settled.wait().expect("it settles");
    let closed = state.close("acme", Duration::from_mins(1)).wait();
    closed.expect("it closes");
    let usage = |at| {
        fixture.set(at);
        state.usage("acme", &limits).wait().expect("usage")
    };
    let open_again = begin + 60 * SECOND;
    assert_eq!(usage(open_again - 1).closed_for, Some(micros(1)));
    assert_eq!(usage(open_again).closed_for, None);
    let forgiven = begin + 3600 * SECOND + MARGIN;
    let before = usage(forgiven - 1);
    assert_eq!((before.errors, before.last_errors.len()), (1, 1));
    let after = usage(forgiven);
    assert_eq!((after.errors, after.last_errors.len()), (0, 0));
}

fn calls_of_this_process_alone_are_not_polled_for(fixture: &Fixture) {
    let (state, limits) = (fixture.open(), calls(1, 3600));
    granted(state.reserve("acme", &limits).wait());
    let full = |state: &State| state.reserve("acme", &limits).wait().expect("an answer");
    // The end of a call of this process wakes whoever waits for it; that of another one does not.
    assert_eq!(full(&state), Reservation::AfterAnswer(RECHECK));
    let other = fixture.open();
    assert_eq!(full(&other), Reservation::AfterAnswer(POLL_INTERVAL));
}

fn a_window_of_several_days_keeps_its_calls(fixture: &Fixture) {
    let days = 3;
    let (state, begin) = (fixture.open(), fixture.now());
    let limits = calls(1000, days * 24 * 3600);
    let hour = 3600 * SECOND;
    for step in 0..150 {
        fixture.set(begin + step * hour / 2);
        call(&state, &limits, CallOutcome::Good);
    }
    // The window reaches back 144 half hours, and a little more.
    let usage = state.usage("acme", &limits).wait().expect("usage");
    assert_eq!(usage.calls, [145]);
}

fn entries_are_deleted_in_batches_and_old_reasons_with_them(fixture: &Fixture) {
    let (state, limits, begin) = (fixture.open(), calls(10, 60), fixture.now());
    let count = |table| fixture.number(&format!("SELECT count(*) FROM {table}"));
    let reason = ErrorReason {
        call: "`units/list`".to_owned(),
        http: None,
        message: String::new(),
    };
    let day = 24 * 3600 * SECOND;
    for step in 0..128 {
        // Everything but the last call is more than a day old.
        fixture.set(begin + i64::from(step == 127) * 2 * day);
        let ticket = granted(state.reserve("acme", &calls(1000, 60)).wait());
        let settled = state.settle(ticket, CallOutcome::Error, Some(&reason));
        settled.wait().expect("it settles");
        if step == 126 {
            // Nothing was old enough at the 64th call, and at others nothing is deleted.
            assert_eq!((count("answers"), count("error_reasons")), (254, 127));
        }
    }
    // The 128th call deletes the 127 old calls and the 127 old errors, and keeps 64 reasons.
    assert_eq!((count("answers"), count("error_reasons")), (2, 64));
    let usage = state.usage("acme", &limits).wait().expect("usage");
    assert_eq!(usage.calls, [1]);
}

#[test]
fn a_changed_number_is_damage() {
    for sql in [
        "UPDATE clock SET uptime_offset = uptime_offset + 1",
        "UPDATE clock SET ahead = ahead + 1",
        "UPDATE users SET latest = latest + 1",
        "UPDATE users SET errors_first = errors_first + 1",
        "UPDATE answers SET at = at + 1",
    ] {
        let fixture = Fixture::new();
        let (state, limits) = (fixture.open(), calls(1, 60));
        call(&state, &limits, CallOutcome::Error);
        let file = rusqlite::Connection::open(state.path().expect("a file")).expect("it opens");
        let changed = file.execute(sql, ()).expect("it is written");
        assert!(changed > 0, "{sql}");
        let reserved = state.reserve("acme", &limits).wait();
        let error = reserved.expect_err("the damage is found");
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        assert!(cause.contains("damaged"), "{sql}: {cause}");
    }
}
