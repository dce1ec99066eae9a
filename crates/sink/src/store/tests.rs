//! The store in memory.

use super::*;

#[tokio::test]
async fn a_value_stays_until_it_is_replaced_or_deleted() {
    let store = MemoryStore::default();
    assert_eq!(store.get("a").await.unwrap(), None);
    store.put("a", b"1").await.unwrap();
    store.put("a", b"2").await.unwrap();
    assert_eq!(store.get("a").await.unwrap().unwrap(), b"2");
    store.delete("a").await.unwrap();
    store.delete("a").await.unwrap();
    assert_eq!(store.get("a").await.unwrap(), None);
}

#[tokio::test]
async fn keys_are_those_with_the_prefix_in_order() {
    let store = MemoryStore::default();
    for key in ["c1/b", "c2/a", "c1/a", "c1"] {
        store.put(key, b"").await.unwrap();
    }
    assert_eq!(store.keys("c1/").await.unwrap(), ["c1/a", "c1/b"]);
    assert_eq!(
        store.keys("").await.unwrap(),
        ["c1", "c1/a", "c1/b", "c2/a"]
    );
    assert!(store.keys("c3").await.unwrap().is_empty());
}
