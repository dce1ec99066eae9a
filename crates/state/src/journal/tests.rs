//! The journal in memory.

use super::{Journal, MemoryJournal, Record};

#[test]
fn keeps_a_page_until_it_is_released() {
    let journal = MemoryJournal::default();
    let page = Record {
        body: "{}".into(),
        observed_at: 7,
    };
    journal.append("acme units/list {} 0", page.clone());
    assert_eq!(journal.read("acme units/list {} 0"), Some(page));
    assert_eq!(journal.read("acme units/list {} 1"), None);
    journal.release("acme units/list {} 0");
    assert_eq!(journal.read("acme units/list {} 0"), None);
}
