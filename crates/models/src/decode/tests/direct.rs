//! The direct way through a page finds what the other way finds, or gives up.

use std::ops::Range;

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::{CONTEXT, json};
use crate::{
    Endpoint, Layout,
    decode::{Decoded, Engine, Page, read_directly, walk},
    endpoint,
    generated::ENDPOINTS,
    layout::{Field, ResponseShape, Rows, Target},
};

/// The page as the direct way reads it; `None` if it gives up.
fn directly(layout: &'static Layout, page: &str) -> Option<Decoded> {
    let (mut engine, page) = (Engine::new(layout), of_text(page));
    read_directly(&mut engine, &[page]).ok()?;
    Some(engine.finish(&[page]).unwrap())
}

fn by_walk(layout: &'static Layout, page: &str) -> Option<Decoded> {
    let (mut engine, page) = (Engine::new(layout), of_text(page));
    engine.open_page(&page);
    walk(&mut engine, page.text).ok()?;
    engine.close_page();
    Some(engine.finish(&[page]).unwrap())
}

fn of_text(text: &str) -> Page<'_> {
    let context = CONTEXT;
    Page { text, context }
}

/// Whether both ways agree. Giving up is agreement too.
fn agree(layout: &'static Layout, page: &str) -> Result<(), TestCaseError> {
    let Some(direct) = directly(layout, page) else {
        return Ok(());
    };
    let Some(walked) = by_walk(layout, page) else {
        return Err(TestCaseError::fail(format!("accepted {page}")));
    };
    prop_assert_eq!(direct.issues, walked.issues);
    prop_assert_eq!(direct.unknown_fields, walked.unknown_fields);
    for (direct, walked) in direct.tables.iter().zip(&walked.tables) {
        prop_assert_eq!(&direct.records, &walked.records);
        prop_assert_eq!(&direct.roots, &walked.roots);
    }
    Ok(())
}

#[test]
fn usual_pages_are_read_directly() {
    for (id, page) in [
        ("products/list", r#"{"status": 0, "assets": []}"#),
        (
            "products/list",
            r#"{"assets": null, "token": "x", "totalPages": 0}"#,
        ),
        (
            "products/list",
            r#"{"assets": [{"serialNumber": "F\u0031", "x": [{}], "entitlements": [{"level": 5}],
                "productModelEoR": null, "contracts": [{"terms": [{}, {}]}, {"terms": null}]}]}"#,
        ),
        ("products/details", r#"{"assetDetails": {"license": []}}"#),
        ("accounts/list", r#"{"accounts": [{"id": 1}, {"id": "2"}]}"#),
    ] {
        let layout = endpoint(id).unwrap().layout.unwrap();
        assert!(directly(layout, page).is_some(), "{page}");
    }
}

fn of_fields(fields: &'static [Field]) -> BoxedStrategy<Value> {
    let members: Vec<_> = fields
        .iter()
        .map(|field| {
            let usual = match field.target {
                Target::Rows(rows) => list(rows),
                Target::Object(fields) => of_fields(fields),
                Target::Column(_) | Target::Enclosing(_) | Target::Ignored => leaf().boxed(),
            };
            let value = prop_oneof![12 => usual, 1 => json(), 1 => Just(Value::Null)];
            prop::option::weighted(0.7, value.prop_map(|value| (field.name.to_owned(), value)))
        })
        .collect();
    (members, prop::option::weighted(0.2, ("[a-z]{1,3}", json())))
        .prop_map(|(members, unknown)| {
            members
                .into_iter()
                .flatten()
                .chain(unknown)
                .collect::<Map<_, _>>()
                .into()
        })
        .boxed()
}

fn list(rows: &'static Rows) -> BoxedStrategy<Value> {
    let element = match rows.scalar {
        Some(_) => prop_oneof![4 => leaf(), 1 => of_fields(rows.fields)].boxed(),
        None => of_fields(rows.fields),
    };
    prop::collection::vec(element, 0..4)
        .prop_map(Value::from)
        .boxed()
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        "[A-Z0-9]{1,6}".prop_map(Value::from),
        Just(Value::from("  padded   ")),
        Just(Value::from("a \"quoted\"\n\u{e4} \u{fffd}")),
        Just(Value::from("")),
        Just(Value::from("0001-01-01T00:00:00")),
        Just(Value::from("2023-03-14T09:21:37")),
        Just(Value::from("2023-03-14T09:21:37.1234567-8:00")),
        (-3_i64..1000).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ]
}

fn page() -> impl Strategy<Value = (&'static Layout, String)> {
    let pages = pages(1..2);
    pages.prop_map(|(layout, mut pages)| (layout, pages.remove(0)))
}

/// The texts of pages of one endpoint.
pub(super) fn pages(count: Range<usize>) -> impl Strategy<Value = (&'static Layout, Vec<String>)> {
    let with_layout: Vec<&Endpoint> = ENDPOINTS
        .iter()
        .copied()
        .filter(|endpoint| endpoint.layout.is_some())
        .collect();
    prop::sample::select(with_layout).prop_flat_map(move |endpoint| {
        let layout = endpoint.layout.unwrap();
        let answer = match layout.shape {
            ResponseShape::Object(fields) => of_fields(fields),
            ResponseShape::Rows(rows) => list(rows),
        };
        let text = (answer, any::<bool>()).prop_map(|(answer, is_pretty)| {
            if is_pretty {
                format!("{answer:#}")
            } else {
                answer.to_string()
            }
        });
        (Just(layout), prop::collection::vec(text, count.clone()))
    })
}

proptest! {
    #[test]
    fn both_ways_agree((layout, page) in page()) {
        agree(layout, &page)?;
    }

    /// Most of these pages are malformed, and none of those may be accepted.
    #[test]
    fn both_ways_agree_on_damaged_pages(
        (layout, mut page) in page(),
        at in any::<prop::sample::Index>(),
        with in "[\\x00-\\x7e\u{e4}]?[{}\\[\\],:\"\\\\ 0-9eEu.-]?",
    ) {
        let ends: Vec<_> = page.char_indices().map(|(at, char)| (at, at + char.len_utf8())).collect();
        if let Some(&(start, end)) = ends.get(at.index(ends.len().max(1))) {
            page.replace_range(start..end, &with);
        }
        agree(layout, &page)?;
    }
}
