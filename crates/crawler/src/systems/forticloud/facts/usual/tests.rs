//! Tests that both ways of reading the facts of a list agree.

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::{super::any_list, *};
use crate::facts::ParsedResponse;

#[test]
fn usual_pages_are_read_in_one_pass() {
    for (endpoint, page) in [
        (
            "products/list",
            r#"{"pageNumber": 1, "totalPages": "2", "assets": [{"serialNumber": "F1", "x": [{}]}, {}]}"#,
        ),
        ("folders/list", r#"{"assetFolders": [{"folderId": 1}]}"#),
    ] {
        assert!(list(endpoint, page, Names::Wanted).is_some(), "{page}");
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-1_i64..4).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(Value::from("0")),
        Just(Value::from(" F\u{e4}\n ")),
        "[F-H]?".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..4)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    let names = [
        "assets",
        "serialNumber",
        "accountId",
        "productModel",
        "pageNumber",
        "totalPages",
        "x",
    ];
    prop::sample::select(names.to_vec()).prop_map(str::to_owned)
}

fn page() -> impl Strategy<Value = String> {
    let row = prop::collection::vec((name(), value()), 0..5);
    let row = row.prop_map(|members| Value::from(members.into_iter().collect::<Map<_, _>>()));
    let rows = prop::collection::vec(prop_oneof![8 => row, 1 => value()], 0..4);
    let others = prop::collection::vec((name(), value()), 0..3);
    // Written by hand, because a page may repeat a member.
    (rows, others, any::<bool>()).prop_map(|(rows, others, is_first)| {
        let rows = ("assets".to_owned(), Value::from(rows));
        let mut members: Vec<_> = others.into_iter().chain([rows]).collect();
        if is_first {
            members.reverse();
        }
        let members = members
            .iter()
            .map(|(name, value)| format!("\"{name}\" : {value}"));
        format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
    })
}

proptest! {
    #[test]
    fn both_ways_find_the_same(
        mut page in page(),
        cut in prop::option::weighted(0.1, any::<prop::sample::Index>()),
    ) {
        if let Some(cut) = cut {
            let starts: Vec<_> = page.char_indices().map(|(at, _)| at).collect();
            page.truncate(starts[cut.index(starts.len())]);
        }
        if let Some(facts) = list("products/list", &page, Names::Wanted) {
            let response = ParsedResponse::read("products/list", &page).unwrap();
            prop_assert_eq!(facts, any_list(&response, Names::Wanted).unwrap());
        }
    }
}
