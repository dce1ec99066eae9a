//! Tables of older and newer versions.

use std::thread;

use fortilake_client::ledger::Ledger as _;

use crate::{
    Journal as _, Kind, State, Status,
    postgres::{
        schema::MIGRATIONS,
        testing::{Database, FOREVER},
    },
    testing::{Wait as _, new_crawl, page},
};

use super::{HOUR, SECOND, World, granted, limits};

/// A second version, which changes a table and its rows.
const SECOND_VERSION: &[&str] = &[
    MIGRATIONS[0],
    "ALTER TABLE crawls ADD COLUMN size bigint; UPDATE crawls SET size = 3 * number;
     ALTER TABLE crawls ALTER COLUMN size SET NOT NULL, ALTER COLUMN size SET DEFAULT 0",
];

/// Another second version, which fails after a change.
const BROKEN_VERSION: &[&str] = &[
    MIGRATIONS[0],
    "DROP TABLE baselines; CREATE TABLE crawls ()",
];

fn open(database: &Database, migrations: &'static [&'static str]) -> crate::Result<State> {
    let opened = database.try_open_as(migrations)?;
    Ok(State(std::sync::Arc::new(opened)))
}

#[test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
fn tables_of_the_first_version_are_upgraded_and_keep_what_they_have() {
    let database = Database::new();
    let first = open(&database, &MIGRATIONS[..1]).expect("it creates the tables");
    let journal = first.begin(&new_crawl("one")).expect("it begins");
    journal.append("a", page("1")).expect("it is appended");
    journal.flush().expect("it is written");
    journal.set_status(Status::Paused).expect("it is set");
    granted(&first, &limits(9, 9));
    drop((journal, first));
    assert_eq!(database.number("SELECT number FROM version"), 1);
    let second = open(&database, SECOND_VERSION).expect("it upgrades the tables");
    assert_eq!(database.number("SELECT number FROM version"), 2);
    assert_eq!(database.number("SELECT size FROM crawls"), 3);
    let journal = second.take_up("one").expect("the crawl is there");
    assert_eq!(journal.read("a").expect("it reads"), Some(page("1")));
    let usage = second.usage("acme", &limits(9, 9)).wait().expect("usage");
    assert_eq!(usage.calls, vec![1], "the call that was in flight counts");
    drop((journal, second));
    // The upgrade is not repeated.
    drop(open(&database, SECOND_VERSION).expect("it opens"));
    let error = open(&database, MIGRATIONS)
        .err()
        .expect("the first version is older");
    assert_eq!(error.kind(), Kind::Newer);
}

#[test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
fn an_upgrade_that_fails_changes_nothing() {
    let database = Database::new();
    drop(open(&database, &MIGRATIONS[..1]).expect("it creates the tables"));
    let error = open(&database, BROKEN_VERSION)
        .err()
        .expect("the table exists");
    assert_eq!(
        error.to_string(),
        "cannot prepare the tables of the state",
        "{error:?}"
    );
    assert_eq!(database.number("SELECT number FROM version"), 1);
    assert_eq!(database.number("SELECT count(*) FROM baselines"), 0);
    drop(open(&database, SECOND_VERSION).expect("it upgrades the tables"));
}

#[test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
fn processes_that_start_at_once_create_and_upgrade_the_tables_once() {
    let database = Database::new();
    for migrations in [&MIGRATIONS[..1], SECOND_VERSION] {
        thread::scope(|scope| {
            let starts: Vec<_> = (0..6)
                .map(|_| scope.spawn(|| open(&database, migrations).map(drop)))
                .collect();
            for started in starts {
                let opened = started.join().expect("it does not panic");
                opened.expect("each of them opens the state");
            }
        });
    }
    assert_eq!(database.number("SELECT count(*) FROM version"), 1);
    assert_eq!(database.number("SELECT number FROM version"), 2);
}

#[test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
fn tables_that_an_older_program_uses_are_not_upgraded() {
    let database = Database::new();
    let older = open(&database, MIGRATIONS).expect("it creates the tables");
    let error = open(&database, SECOND_VERSION)
        .err()
        .expect("they are in use");
    assert_eq!(error.kind(), Kind::Held);
    let text = error.to_string();
    assert!(
        text.contains("from version 1 to 2, because process "),
        "{text}"
    );
    drop(older);
    drop(open(&database, SECOND_VERSION).expect("it upgrades the tables"));
}

#[test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
fn a_process_that_wakes_up_after_an_upgrade_makes_no_calls() {
    let world = World::new();
    let silent = world.open(HOUR);
    world.pass(2 * 3600 * SECOND);
    let upgraded = world.open_as(SECOND_VERSION, FOREVER);
    let refused = silent.reserve("acme", &limits(9, 9)).wait();
    let error = refused.expect_err("the tables are newer");
    let cause = std::error::Error::source(&error)
        .expect("a cause")
        .to_string();
    assert!(cause.contains("has version 2"), "{cause}");
    granted(&upgraded, &limits(9, 9));
}

#[test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
fn tables_of_a_newer_version_are_refused() {
    let world = World::new();
    drop(world.open(HOUR));
    world.database.execute("UPDATE version SET number = 8");
    let error = world.database.try_open().err().expect("it is refused");
    assert_eq!(error.kind(), Kind::Newer);
    let text = error.to_string();
    let expected = format!(
        "has version 8, but this program supports versions up to {}",
        MIGRATIONS.len()
    );
    assert!(text.ends_with(&expected), "{text}");
}
