//! Tests that start a server of PostgreSQL. The module's name is what `cargo xtask interop` looks for.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use fortilake_auth::{Clock, StoredToken, TokenStore as _};
use fortilake_client::{
    Window,
    ledger::{CallOutcome, ErrorLimit, Ledger as _, Limits, Reservation, Ticket},
};

use crate::{
    Journal as _, Kind, State, Status,
    postgres::{
        schema::MIGRATIONS,
        testing::{Database, FOREVER},
    },
    testing::{Wait as _, new_crawl, page},
};

mod migrations;

const SECOND: i64 = 1_000_000;
const START: i64 = 1_767_225_600_000_000;

/// A database, and a clock that the test sets.
struct World {
    database: Database,
    time: Arc<AtomicI64>,
}

impl World {
    fn new() -> Self {
        Self {
            database: Database::new(),
            time: Arc::new(AtomicI64::new(START)),
        }
    }

    /// A state whose lease lasts this long. It is not renewed by itself within the test.
    fn open(&self, lease: Duration) -> State {
        self.open_as(MIGRATIONS, lease)
    }

    /// As [`open`](Self::open), by a program that upgrades the tables with these statements.
    fn open_as(&self, migrations: &'static [&'static str], lease: Duration) -> State {
        let time = self.time.clone();
        let clock = Arc::new(move || time.load(Ordering::SeqCst).to_string().into());
        let wall: Clock = Arc::new(|| START);
        let opened = self.database.open_as(migrations, clock, lease, &wall);
        State(Arc::new(opened.expect("the state opens")))
    }

    fn pass(&self, micros: i64) {
        self.time.fetch_add(micros, Ordering::SeqCst);
    }
}

const HOUR: Duration = Duration::from_hours(1);

fn limits(calls: u32, errors: u32) -> Limits {
    Limits {
        calls: vec![Window {
            max: calls,
            per: HOUR,
        }],
        errors: Some(ErrorLimit {
            max: errors,
            per: HOUR,
            reserve: 0,
        }),
    }
}

#[track_caller]
fn granted(state: &State, limits: &Limits) -> Ticket {
    match state.reserve("acme", limits).wait() {
        Ok(Reservation::Granted(ticket)) => ticket,
        other => panic!("not granted: {other:?}"),
    }
}

#[test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
fn a_process_that_wakes_up_after_a_takeover_cannot_write() {
    let world = World::new();
    let (first, second) = (world.open(HOUR), world.open(FOREVER));
    let stopped = first.begin(&new_crawl("one")).expect("it begins");
    stopped.append("a", page("1")).expect("it is appended");
    stopped.flush().expect("it is written");
    let held = second.take_up("one").expect_err("its lease lasts");
    assert_eq!(held.kind(), Kind::Held);
    let hint = held.hint().expect("a hint");
    assert!(hint.ends_with("the crawl is free in 3601 s"), "{hint}");
    world.pass(3601 * SECOND);
    assert!(!second.crawls().expect("a list")[0].is_open);
    let resumed = second.take_up("one").expect("the lease has run out");
    resumed.append("b", page("2")).expect("it is appended");
    resumed.flush().expect("it is written");
    stopped
        .append("a", page("3"))
        .expect("it is not written yet");
    let lost = |result: crate::Result<()>| {
        let error = result.expect_err("another process has the crawl");
        assert_eq!(error.kind(), Kind::Lost, "{error}");
    };
    lost(stopped.flush());
    lost(stopped.set_status(Status::Paused));
    lost(stopped.set_delivery("csv", "published"));
    let refused = first.reserve("acme", &limits(9, 9)).wait();
    let error = refused.expect_err("a process without its crawl makes no calls");
    let cause = std::error::Error::source(&error)
        .expect("a cause")
        .to_string();
    assert!(cause.contains("has taken over"), "{cause}");
    // That it ends must not free the crawl of the other one.
    drop((stopped, first));
    let crawl = second.crawl("one").expect("a list").expect("it exists");
    assert!(crawl.is_open);
    assert_eq!((crawl.records, crawl.status), (2, Status::Running));
    assert_eq!(resumed.read("a").expect("it reads"), Some(page("1")));
}

#[test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
fn a_process_that_wakes_up_before_anybody_took_over_goes_on() {
    let world = World::new();
    let state = world.open(HOUR);
    let journal = state.begin(&new_crawl("one")).expect("it begins");
    world.pass(2 * 3600 * SECOND);
    journal.append("a", page("1")).expect("it is appended");
    journal.flush().expect("nobody else has the crawl");
    granted(&state, &limits(9, 9));
    // The reservation has renewed the lease.
    let other = world.open(HOUR);
    let error = other.take_up("one").expect_err("the lease lasts again");
    assert_eq!(error.kind(), Kind::Held);
}

#[test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
fn an_error_that_a_silent_process_reports_late_still_counts() {
    let world = World::new();
    let limits = limits(2, 2);
    let (silent, other) = (world.open(HOUR), world.open(FOREVER));
    let ticket = granted(&silent, &limits);
    world.pass(3601 * SECOND);
    // Its call is taken for answered without an error, because nothing has failed so far.
    let in_flight = granted(&other, &limits);
    let usage = other.usage("acme", &limits).wait().expect("usage");
    assert_eq!((usage.in_flight, usage.errors), (2, 0));
    let full = other.reserve("acme", &limits).wait().expect("an answer");
    assert!(!matches!(full, Reservation::Granted(_)), "{full:?}");
    let usage = other.usage("acme", &limits).wait().expect("usage");
    assert_eq!((usage.in_flight, usage.errors), (1, 0));
    let settled = silent.settle(ticket, CallOutcome::Error, None).wait();
    settled.expect("it settles");
    let usage = other.usage("acme", &limits).wait().expect("usage");
    assert_eq!(
        (usage.in_flight, usage.errors, usage.calls),
        (1, 1, vec![2])
    );
    let again = silent.settle(ticket, CallOutcome::Error, None).wait();
    again.expect("it is ignored");
    let settled = other.settle(in_flight, CallOutcome::Good, None).wait();
    settled.expect("it settles");
    let usage = other.usage("acme", &limits).wait().expect("usage");
    assert_eq!(
        (usage.in_flight, usage.errors, usage.calls),
        (0, 1, vec![2])
    );
}

#[test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
fn a_clock_that_is_set_back_delays_calls_by_one_window_at_most() {
    let world = World::new();
    let state = world.open(FOREVER);
    let limits = limits(1, 9);
    let ticket = granted(&state, &limits);
    let settled = state.settle(ticket, CallOutcome::Good, None).wait();
    settled.expect("it settles");
    let close = state.close("acme", Duration::from_mins(1)).wait();
    close.expect("it closes");
    world.pass(-365 * 24 * 3600 * SECOND);
    let answer = state.reserve("acme", &limits).wait().expect("an answer");
    let Reservation::Spent { wait, .. } = answer else {
        panic!("{answer:?}");
    };
    let window = HOUR + Duration::from_millis(100);
    assert_eq!(wait, window);
    world.pass(window.as_micros().try_into().expect("an hour"));
    granted(&state, &limits);
}

#[test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
fn the_clocks_of_machines_change_nothing() {
    let database = Database::new();
    let open = |ahead: i64| {
        let wall: Clock = Arc::new(move || fortilake_auth::system_time() + ahead);
        let clock = Arc::new(|| crate::postgres::CLOCK.into());
        State(Arc::new(database.open_with(clock, HOUR, &wall)))
    };
    let (right, wrong) = (open(0), open(600 * SECOND));
    let limits = limits(2, 9);
    let (one, two) = (granted(&right, &limits), granted(&wrong, &limits));
    for (state, ticket) in [(&right, one), (&wrong, two)] {
        let settled = state.settle(ticket, CallOutcome::Good, None).wait();
        settled.expect("it settles");
    }
    let wait = |state: &State| match state.reserve("acme", &limits).wait() {
        Ok(Reservation::After(wait)) => wait,
        other => panic!("{other:?}"),
    };
    assert!(wait(&right).abs_diff(wait(&wrong)) < Duration::from_secs(10));
    // A token expires at the same instant for both.
    let token = StoredToken {
        access_token: "EXAMPLE-access".into(),
        refresh_token: None,
        issued_at: fortilake_auth::system_time(),
        expires_at: fortilake_auth::system_time() + 3600 * SECOND,
    };
    right.save("user", "iam", &token).wait();
    let theirs = wrong.load("user", "iam").wait().expect("a token");
    let moved = theirs.expires_at - token.expires_at;
    assert!((moved - 600 * SECOND).abs() < 10 * SECOND, "{moved}");
}

#[test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
fn tokens_are_not_readable_in_the_database() {
    let world = World::new();
    let token = StoredToken {
        access_token: "EXAMPLE-access".into(),
        refresh_token: Some("EXAMPLE-refresh".into()),
        issued_at: START,
        expires_at: START,
    };
    let state = world.open(HOUR);
    state.save("user", "iam", &token).wait();
    let count = |sql: &str| world.database.number(sql);
    let found = "SELECT count(*) FROM tokens WHERE position('EXAMPLE'::bytea IN sealed) > 0";
    assert_eq!(count("SELECT count(*) FROM tokens"), 1);
    assert_eq!(count(found), 0);
    // A token in another user's row is none of theirs.
    world
        .database
        .execute("UPDATE tokens SET user_id = 'other'");
    assert_eq!(state.load("other", "iam").wait(), None);
    world.database.execute("UPDATE tokens SET user_id = 'user'");
    assert_eq!(state.load("user", "iam").wait(), Some(token));
}

#[test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
fn changed_and_missing_pages_are_damage() {
    for sql in [
        "UPDATE pages SET body = body || '\\x00'::bytea WHERE key = 'b'",
        "UPDATE pages SET observed_at = observed_at + 1 WHERE key = 'b'",
        "DELETE FROM pages WHERE key = 'b'",
        "UPDATE notes SET size = size + 1",
        "DELETE FROM answers",
    ] {
        let world = World::new();
        let state = world.open(HOUR);
        let journal = state.begin(&new_crawl("one")).expect("it begins");
        for key in ["a", "b", "c", " note"] {
            let kind = match key {
                " note" => crate::RecordKind::Note,
                _ => crate::RecordKind::Page,
            };
            let record = crate::Record { kind, ..page(key) };
            journal.append(key, record).expect("it is appended");
        }
        journal.flush().expect("it is written");
        let ticket = granted(&state, &limits(1, 9));
        let settled = state.settle(ticket, CallOutcome::Good, None).wait();
        settled.expect("it settles");
        state.check().expect("it is intact");
        world.database.execute(sql);
        if sql.ends_with("answers") {
            let reserved = state.reserve("acme", &limits(1, 9)).wait();
            reserved.expect_err("an empty window would be wrong");
        } else {
            let error = state.check().expect_err("it is damaged");
            assert_eq!(error.kind(), Kind::Damaged, "{sql}");
        }
    }
}

#[test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
fn a_missing_privilege_is_named_with_the_statement_that_grants_it() {
    let database = Database::new().of_new_user();
    let error = database.try_open().err().expect("it is refused");
    assert_eq!(error.kind(), Kind::Refused);
    let hint = error.hint().expect("a hint");
    assert!(hint.starts_with("run `CREATE SCHEMA "), "{hint}");
    let statement = hint.trim_start_matches("run `").trim_end_matches('`');
    Database::new().execute(statement);
    drop(database.try_open().expect("the statement helps"));
}

#[test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
fn a_user_who_may_only_read_is_refused() {
    let owner = Database::new();
    drop(owner.try_open().expect("the owner creates the tables"));
    let schema = format!("\"{}\"", owner.schema);
    let user = owner.schema.replace(' ', "_");
    let database = owner.of_new_user();
    let grant = |what: &str| Database::new().execute(&format!("GRANT {what} TO {user}"));
    grant(&format!("USAGE ON SCHEMA {schema}"));
    grant(&format!("SELECT ON ALL TABLES IN SCHEMA {schema}"));
    let error = database.try_open().err().expect("it is refused");
    assert_eq!(error.kind(), Kind::Refused);
    assert!(
        error.to_string().contains("may not read and write"),
        "{error}"
    );
    grant(&format!("ALL ON ALL TABLES IN SCHEMA {schema}"));
    grant(&format!("ALL ON ALL SEQUENCES IN SCHEMA {schema}"));
    drop(database.try_open().expect("the statements help"));
}
