//! Tests the levels of `FortiFlex`: what names the lists of the next level, and when they are published.

use serde_json::json;

use super::*;
use crate::{Facts, ListFacts, ProductName};

const FIRST: PageRequest = (None, 0);

/// The only page of a list with this many rows, of which some have these names.
fn page(rows: usize, names: &[&str]) -> Outcome {
    let products = names.iter().map(|name| ProductName {
        serial: (*name).to_owned(),
        model: None,
    });
    Outcome::Page(Facts::List(ListFacts {
        page: Some(1),
        total: Some(1),
        rows,
        serials: (0..rows as u64).collect(),
        products: products.collect(),
        ..ListFacts::default()
    }))
}

fn flex(depth: usize) -> Flex {
    Flex::new(depth).unwrap()
}

/// Takes the only page of a list, and returns the arguments of the lists below it.
fn below(flex: &mut Flex, at: ListPosition, page: &Outcome) -> Vec<Value> {
    let next = flex.follow(at, FIRST, page, true);
    let source = Arc::from("acme");
    next.into_iter()
        .map(|(at, request)| Value::Object(flex.fetch(at, request, &source).arguments))
        .collect()
}

#[test]
fn programs_are_named_by_text_and_configurations_by_number() {
    let mut flex = flex(3);
    let programs = page(2, &["2024", "ELAVMS0000000001"]);
    assert_eq!(
        below(&mut flex, (0, 0), &programs),
        [
            json!({ "programSerialNumber": "2024" }),
            json!({ "programSerialNumber": "ELAVMS0000000001" })
        ]
    );
    // A configuration that both programs list is read for each of them.
    assert_eq!(
        below(&mut flex, (1, 0), &page(1, &["77"])),
        [json!({ "configId": 77 })]
    );
    assert_eq!(
        below(&mut flex, (1, 1), &page(3, &["77", "78", "77"])),
        [json!({ "configId": 77 }), json!({ "configId": 78 })]
    );
    assert!(below(&mut flex, (2, 0), &page(1, &["79"])).is_empty());
}

#[test]
fn a_row_without_a_name_fails_its_level_and_those_below() {
    let mut flex = flex(2);
    assert!(below(&mut flex, (0, 0), &page(2, &["ELAVMS0000000001"])).is_empty());
    let scopes = flex.publish(&Arc::from("acme"));
    let errors: Vec<_> = scopes
        .iter()
        .map(|scope| scope.pages.clone().unwrap_err())
        .collect();
    assert!(errors[0].starts_with("1 row "), "{}", errors[0]);
    assert_eq!(errors[1], format!("skipped because {}", errors[0]));
}

#[test]
fn the_levels_are_published_together_and_once() {
    let source = Arc::from("acme");
    let mut flex = flex(2);
    let (at, request) = flex.begin();
    assert!(flex.awaits(at, request));
    let programs = page(1, &["ELAVMS0000000001"]);
    assert_eq!(below(&mut flex, at, &programs).len(), 1);
    assert!(!flex.awaits(at, request), "the list has closed");
    assert!(flex.awaits((1, 0), FIRST));
    assert!(flex.publish(&source).is_empty() && !flex.is_published());
    below(&mut flex, (1, 0), &page(1, &["77"]));
    assert_eq!(flex.publish(&source).len(), 2);
    assert!(flex.is_published());
    assert!(flex.publish(&source).is_empty());
}

#[test]
fn as_many_levels_are_read_as_the_lowest_wanted_one_needs() {
    assert_eq!(depth(&["folders/list"]), 0);
    assert_eq!(depth(&[LEVELS[0]]), 1);
    assert_eq!(depth(&[LEVELS[1], LEVELS[0]]), 2);
    assert_eq!(depth(&[LEVELS[2]]), 3);
    assert!(Flex::new(0).is_none());
}
