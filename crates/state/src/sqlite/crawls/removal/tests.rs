//! Removals that a crash has interrupted.

use super::{REMOVED, seal};
use crate::{
    Journal as _, State,
    sqlite::{Durability, connect, transact},
    testing::{Fixture, new_crawl, page},
};

fn begin(state: &State, id: &str) {
    let journal = state.begin(&new_crawl(id)).expect("it begins");
    journal.append("a", page("{}")).expect("the write succeeds");
}

#[test]
fn a_removal_that_was_cut_short_is_finished_by_the_next() {
    let fixture = Fixture::new();
    let state = fixture.open();
    begin(&state, "one");
    begin(&state, "two");
    let path = state.path().expect("a file");
    let mut file = connect(path, Durability::Full).expect("it opens");
    transact(&mut file, path, "mark", |transaction| {
        transaction.execute("UPDATE crawls SET status = ? WHERE number = 1", (REMOVED,))?;
        seal(transaction, 1)
    })
    .expect("it is marked");
    let left = state.crawls().expect("the list is readable");
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].id, "two");
    state.remove("two").expect("it is removed");
    let pages = file.query_row("SELECT count(*) FROM pages", (), |row| row.get(0));
    assert_eq!(pages, Ok(0));
}
