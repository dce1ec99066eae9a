//! The stores of sinks.

use crate::testing::{Fixture, in_each_database};

in_each_database!(values_belong_to_one_sink_and_outlast_the_process);

fn values_belong_to_one_sink_and_outlast_the_process(fixture: &Fixture) {
    let store = fixture.open().sink_store("webhook").expect("it reads");
    for (key, value) in [
        ("sent/1", "a"),
        ("sent/2", "b"),
        ("cursor", "c"),
        ("sent/1", "d"),
    ] {
        store
            .put(key, value.as_bytes())
            .expect("the write succeeds");
    }
    drop(store);
    let state = fixture.open();
    let store = state.sink_store("webhook").expect("it reads");
    assert_eq!(
        store.get("sent/1").expect("it reads").as_deref(),
        Some(&b"d"[..])
    );
    assert_eq!(store.get("sent/3").expect("it reads"), None);
    assert_eq!(
        store.keys("sent/").expect("the list is readable"),
        ["sent/1", "sent/2"]
    );
    assert_eq!(
        state
            .sink_store("csv")
            .and_then(|store| store.keys(""))
            .expect("the list is readable"),
        [""; 0]
    );
    store.delete("sent/1").expect("it forgets");
    assert_eq!(
        store.keys("").expect("the list is readable"),
        ["cursor", "sent/2"]
    );
}
