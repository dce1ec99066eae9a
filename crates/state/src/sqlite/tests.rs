//! Opening a state: file modes, and damaged or foreign files.

use std::fs;

use super::FILE;
use crate::{
    Journal, Kind,
    testing::{Fixture, new_crawl, page},
};

#[cfg(unix)]
#[test]
fn nobody_else_can_read_any_file() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new();
    let directory = fixture.path().join("a/state");
    let state = crate::State::open(&directory, std::sync::Arc::new(|| 0)).expect("it opens");
    let journal = state.begin(&new_crawl("one")).expect("it begins");
    journal.append("a", page("{}")).expect("the write succeeds");
    journal.flush().expect("it is written");
    let mode = |path| fs::metadata(path).expect("it exists").permissions().mode() & 0o777;
    assert_eq!(mode(directory.clone()), 0o700);
    let files: Vec<_> = fs::read_dir(&directory)
        .expect("the list is readable")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        assert_eq!(mode(file.clone()), 0o600, "{}", file.display());
    }
}

#[cfg(unix)]
#[test]
fn a_directory_that_is_there_keeps_its_mode() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new();
    fs::set_permissions(fixture.path(), fs::Permissions::from_mode(0o755)).expect("it is changed");
    drop(fixture.open());
    let mode = fs::metadata(fixture.path())
        .expect("it exists")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o755);
}

#[test]
fn nothing_is_left_but_the_file() {
    let fixture = Fixture::new();
    drop(fixture.open());
    let mut names: Vec<_> = fs::read_dir(fixture.path())
        .expect("the list is readable")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    assert_eq!(names, ["open.lock", FILE]);
}

#[test]
fn an_empty_file_is_damage_and_not_a_new_state() {
    let fixture = Fixture::new();
    drop(fixture.open());
    fs::write(fixture.path().join(FILE), "").expect("it is written");
    let error = fixture.try_open().err().expect("it is refused");
    assert_eq!(error.kind(), Kind::Damaged);
    let hint = error.hint().expect("the error has a hint");
    assert!(hint.starts_with("move `") && hint.contains(FILE), "{hint}");
}

#[test]
fn a_log_without_its_file_is_not_taken_for_the_log_of_a_new_one() {
    let fixture = Fixture::new();
    let state = fixture.open();
    let journal = state.begin(&new_crawl("one")).expect("it begins");
    journal.append("a", page("{}")).expect("the write succeeds");
    journal.flush().expect("it is written");
    let log = fixture.path().join("state.sqlite-wal");
    let copy = fs::read(&log).expect("the log is there");
    drop((journal, state));
    fs::remove_file(fixture.path().join(FILE)).expect("it is moved away");
    fs::write(&log, copy).expect("it is written");
    assert_eq!(fixture.open().crawls().expect("the list is readable"), []);
}

#[test]
fn a_whole_file_checks_as_such() {
    let fixture = Fixture::new();
    let state = fixture.open();
    let journal = state.begin(&new_crawl("one")).expect("it begins");
    journal.append("a", page("{}")).expect("the write succeeds");
    drop(journal);
    state.check().expect("it is intact");
}
