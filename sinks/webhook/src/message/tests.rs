//! Tests of formatting and parsing ids.

use super::*;

fn id(crawl: &str, place: Place) -> Id {
    Id {
        crawl: crawl.to_owned(),
        place,
    }
}

fn rows(table: &str, sequence: u64, number: u64) -> Place {
    Place::Rows(Piece {
        table: table.to_owned(),
        sequence,
        number,
    })
}

#[test]
fn ids_are_read_back_as_they_were_written() {
    let check = |id: Id, text: &str| {
        assert_eq!(id.to_string(), text);
        assert_eq!(Id::parse(text), Some(id));
    };
    let crawl = "20260101T000000Z-4f2a";
    check(
        id(crawl, rows("org_units", 12, 3)),
        "msg_20260101T000000Z-4f2a-org_units-12-3",
    );
    check(
        id(crawl, Place::Summary),
        "msg_20260101T000000Z-4f2a-summary",
    );
    check(id("c-summary", rows("t", 0, 0)), "msg_c-summary-t-0-0");
}

#[test]
fn other_texts_are_no_ids() {
    for text in [
        "",
        "msg_",
        "msg_-summary",
        "c-summary",
        "msg_c-t-0",
        "msg_c-t-00-0",
        "msg_c-t-0-+1",
        "msg_c--0-0",
        "msg_../../etc-summary",
        "msg_c.1-summary",
        "msg_c-t\r\n-0-0",
    ] {
        assert_eq!(Id::parse(text), None, "{text:?}");
    }
}

#[test]
fn a_summary_comes_after_the_rows_of_its_crawl() {
    let mut ids = [
        id("b", rows("a", 0, 0)),
        id("a", Place::Summary),
        id("a", rows("t", 10, 0)),
        id("a", rows("t", 9, 11)),
        id("a", rows("t", 9, 2)),
    ];
    ids.sort();
    let sorted: Vec<String> = ids.iter().map(ToString::to_string).collect();
    assert_eq!(
        sorted,
        [
            "msg_a-t-9-2",
            "msg_a-t-9-11",
            "msg_a-t-10-0",
            "msg_a-summary",
            "msg_b-a-0-0"
        ]
    );
}

#[test]
fn names_that_would_make_ids_ambiguous_are_refused() {
    assert!(check_names("20260101T000000Z-4f2a", ["org_units"].into_iter()).is_ok());
    for (crawl, table) in [
        ("", "t"),
        ("a.b", "t"),
        ("a/b", "t"),
        ("c", ""),
        ("c", "a-b"),
        ("c", "ü"),
    ] {
        let error = check_names(crawl, [table].into_iter()).unwrap_err();
        assert_eq!(error.kind(), Kind::Internal, "{crawl} {table}");
    }
}
