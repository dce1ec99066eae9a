//! Tests of detecting partial lists.

use fortilake_models::endpoint;

use super::*;

#[test]
fn pages_and_rows_are_counted() {
    let part = |answer| ListPart::of(answer).map(ListPart::name);
    let name = |name: &str| Some(name.to_owned());
    assert_eq!(
        part(r#"{"pageNumber": 1, "totalPages": 195}"#),
        name("page 1 of 195")
    );
    assert_eq!(
        part(r#"{"pageNumber": 0, "totalPages": "2"}"#),
        name("page 1 of 2")
    );
    assert_eq!(part(r#"{"totalPages": 3}"#), name("page 1 of 3"));
    assert_eq!(part(r#"{"totalPages": 3.0}"#), name("page 1 of 3"));
    assert_eq!(
        part(r#"{"data": {"results": [1], "totalResultsCount": 25}}"#),
        name("1 of 25 rows")
    );
    assert_eq!(
        part(r#"{"meta": {"total_count": 3889}, "objects": [{}, {}]}"#),
        name("2 of 3889 rows")
    );
    for whole in [
        r#"{"pageNumber": 1, "totalPages": 1}"#,
        r#"{"results": [1], "totalResultsCount": 1}"#,
        r#"{"totalPages": null}"#,
        "[]",
        "no JSON",
    ] {
        assert_eq!(part(whole), None, "{whole}");
    }
}

#[test]
fn a_note_says_how_to_get_the_rest() {
    let note = |id: &str, part: ListPart| part.note(endpoint(id).unwrap());
    assert_eq!(
        note("products/list", ListPart::Page(1, 2)),
        "page 1 of 2: add `pageNumber=2` for the next page\n"
    );
    assert_eq!(
        note("products/list", ListPart::Page(2, 2)),
        "page 2 of 2: this is the last page\n"
    );
    assert_eq!(
        note("folders/list", ListPart::Page(1, 2)),
        "page 1 of 2: `folders/list` has no argument to request the rest\n"
    );
}

#[test]
fn several_answers_may_be_the_whole() {
    let page = |number: i64| format!("{{\"pageNumber\": {number}, \"totalPages\": 3}}");
    let missing_of = |numbers: &[i64]| {
        let pages: Vec<String> = numbers.iter().map(|number| page(*number)).collect();
        let parts: Vec<_> = pages.iter().filter_map(|page| ListPart::of(page)).collect();
        missing(&parts)
    };
    assert_eq!(missing_of(&[1, 2, 3]), None);
    assert_eq!(missing_of(&[2]), Some("only page 2 of 3".to_owned()));
    assert_eq!(missing_of(&[1, 2, 2]), Some("only 2 of 3 pages".to_owned()));
    let rows = |rows: usize| {
        let rows = vec!["1"; rows].join(",");
        format!("{{\"results\": [{rows}], \"totalResultsCount\": 25}}")
    };
    let part = |count: usize| ListPart::of(&rows(count)).unwrap();
    let (ten, five) = (part(10), part(5));
    assert_eq!(missing(&[ten, ten, five]), None);
    assert_eq!(missing(&[ten, five]), Some("only 15 of 25 rows".to_owned()));
    assert_eq!(missing(&[]), None);
}
