//! The store in memory.

use super::*;

#[test]
fn a_value_stays_until_it_is_replaced_or_deleted() {
    let store = MemoryStore::default();
    assert_eq!(store.get("a").unwrap(), None);
    store.put("a", b"1").unwrap();
    store.put("a", b"2").unwrap();
    assert_eq!(store.get("a").unwrap().unwrap(), b"2");
    store.delete("a").unwrap();
    store.delete("a").unwrap();
    assert_eq!(store.get("a").unwrap(), None);
}

#[test]
fn keys_are_those_with_the_prefix_in_order() {
    let store = MemoryStore::default();
    for key in ["c1/b", "c2/a", "c1/a", "c1"] {
        store.put(key, b"").unwrap();
    }
    assert_eq!(store.keys("c1/").unwrap(), ["c1/a", "c1/b"]);
    assert_eq!(store.keys("").unwrap(), ["c1", "c1/a", "c1/b", "c2/a"]);
    assert!(store.keys("c3").unwrap().is_empty());
}
