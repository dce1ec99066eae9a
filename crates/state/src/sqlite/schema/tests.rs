//! Migrations, and files of other versions and programs.

use rusqlite::Connection;

use super::{MIGRATIONS, begin, migrate};
use crate::{Kind, testing::Fixture};

#[test]
fn an_older_file_is_migrated_and_keeps_what_it_has() {
    let fixture = Fixture::new();
    let path = fixture.path().join("file");
    let mut file = Connection::open(&path).expect("it opens");
    begin(&file, &path).expect("it begins");
    let first = "CREATE TABLE things (name TEXT); INSERT INTO things VALUES ('kept')";
    migrate(&mut file, &path, &[first]).expect("it begins");
    let second = "ALTER TABLE things ADD COLUMN size INTEGER NOT NULL DEFAULT 3";
    migrate(&mut file, &path, &[first, second]).expect("it migrates");
    migrate(&mut file, &path, &[first, second]).expect("it exists");
    let row: (String, i64) = file
        .query_row("SELECT name, size FROM things", (), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .expect("a row");
    assert_eq!(row, ("kept".to_owned(), 3));
}

#[test]
fn a_migration_that_fails_leaves_the_older_version() {
    let fixture = Fixture::new();
    let path = fixture.path().join("file");
    let mut file = Connection::open(&path).expect("it opens");
    begin(&file, &path).expect("it begins");
    let first = "CREATE TABLE things (name TEXT)";
    migrate(&mut file, &path, &[first]).expect("it begins");
    let broken = "CREATE TABLE more (name TEXT); CREATE TABLE things (name TEXT)";
    migrate(&mut file, &path, &[first, broken]).expect_err("the table is there");
    let fixed = "CREATE TABLE more (name TEXT)";
    migrate(&mut file, &path, &[first, fixed]).expect("it migrates");
}

#[test]
fn a_newer_file_is_refused_with_both_versions() {
    let fixture = Fixture::new();
    let state = fixture.open();
    let path = state.path().expect("a file").to_owned();
    drop(state);
    let newer = MIGRATIONS.len() + 7;
    let file = Connection::open(&path).expect("it opens");
    file.pragma_update(None, "user_version", newer.to_string())
        .expect("it is written");
    drop(file);
    let error = fixture.try_open().err().expect("it is refused");
    assert_eq!(error.kind(), Kind::Newer);
    let expected = format!(
        "the state file `{}` has version {newer}, but this program supports versions up to {}",
        path.display(),
        MIGRATIONS.len()
    );
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_file_of_another_program_is_refused() {
    let fixture = Fixture::new();
    let path = fixture.path().join("state.sqlite");
    let file = Connection::open(&path).expect("it opens");
    file.execute_batch("CREATE TABLE theirs (name TEXT)")
        .expect("it is written");
    drop(file);
    let error = fixture.try_open().err().expect("it is refused");
    assert_eq!(error.kind(), Kind::Damaged);
}
