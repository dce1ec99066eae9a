//! Tests that calls stored as a series are rebuilt.

use serde_json::Map;

use super::*;

fn call(argument: &str, value: Value) -> Fetch {
    let mut arguments = Map::from_iter([("accountId".to_owned(), Value::from(7))]);
    arguments.insert(argument.to_owned(), value);
    Fetch::new("acme".into(), "products/list", arguments, 1)
        .given(vec![("known".to_owned(), Value::from("besides"))])
}

#[test]
fn a_series_rebuilds_its_calls_in_order() {
    let numbers = Others::Numbers(vec![2, 3]);
    let texts = Others::Texts("b\nc".to_owned());
    let parts = [
        Pages::series(call("pageNumber", 1.into()), "pageNumber", numbers),
        Pages::default(),
        Pages::from(call("status", "Pending".into())),
        Pages::series(call("serialNumber", "a".into()), "serialNumber", texts),
    ];
    let pages: Pages = parts.into_iter().collect();
    let numbered = (1..=3).map(|number| call("pageNumber", number.into()));
    let named = ["a", "b", "c"].map(|serial| call("serialNumber", serial.into()));
    let expected: Vec<Fetch> = numbered
        .chain([call("status", "Pending".into())])
        .chain(named)
        .collect();
    assert_eq!(pages.iter().collect::<Vec<_>>(), expected);
    assert_eq!(pages.len(), expected.len());
    assert!(!pages.is_empty() && Pages::default().is_empty());
}
