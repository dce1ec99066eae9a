//! Tests one list as data, page by page.

use super::*;
use crate::{Failure, FailureKind};

fn list() -> OffsetList {
    OffsetList::new("managed".into(), "sites", Map::new(), "start")
}

fn page(total: impl Into<Option<u64>>, ids: &[i64]) -> Outcome {
    Outcome::Page(Facts::Offset(OffsetFacts {
        total: total.into(),
        ids: ids.to_vec(),
        ..OffsetFacts::default()
    }))
}

/// A page that names a next one.
fn page_before_another(total: impl Into<Option<u64>>, ids: &[i64]) -> Outcome {
    Outcome::Page(Facts::Offset(OffsetFacts {
        total: total.into(),
        ids: ids.to_vec(),
        has_next: true,
        ..OffsetFacts::default()
    }))
}

/// Why the list failed.
#[track_caller]
fn failure(list: &OffsetList) -> &str {
    match &list.state {
        OffsetListState::Failed(message) => message,
        other => panic!("the list is {other:?}"),
    }
}

#[test]
fn a_list_is_read_by_the_number_of_rows_to_skip() {
    let mut list = list();
    assert_eq!(list.follow((0, 0), &page(3, &[1, 2])), Some((2, 0)));
    assert_eq!(list.follow((2, 0), &page(3, &[3])), None);
    assert_eq!(list.state, OffsetListState::Closed);
    assert_eq!(list.take_ids(), [1, 2, 3]);
}

#[test]
fn a_next_page_is_requested_as_the_total_demands() {
    for total in [Some(3), None] {
        let mut list = list();
        let first = page_before_another(total, &[1, 2]);
        assert_eq!(list.follow((0, 0), &first), Some((2, 0)));
        assert!(list.is_open());
    }
}

#[test]
fn rows_of_something_else_fail_the_list() {
    let arguments = Map::from_iter([("site".to_owned(), 41.into())]);
    for (owners, is_open) in [
        (vec![], true),
        (vec![("site", 41), ("org", 5)], true),
        (vec![("site", 41), ("site", 40)], false),
    ] {
        let mut list = OffsetList::new("managed".into(), "vdoms", arguments.clone(), "start");
        let facts = OffsetFacts {
            total: Some(3),
            ids: vec![1, 2],
            owners,
            ..OffsetFacts::default()
        };
        list.follow((0, 0), &Outcome::Page(Facts::Offset(facts)));
        assert_eq!(list.is_open(), is_open);
        if !is_open {
            assert_eq!(
                failure(&list),
                "requested site 41, but a row belongs to site 40"
            );
        }
    }
}

#[test]
fn a_row_without_an_id_fails_the_list() {
    let mut list = list();
    let facts = OffsetFacts {
        total: Some(2),
        ids: vec![1],
        missing: 1,
        ..OffsetFacts::default()
    };
    assert_eq!(
        list.follow((0, 0), &Outcome::Page(Facts::Offset(facts))),
        None
    );
    assert!(failure(&list).contains("has no id"), "{}", failure(&list));
}

#[test]
fn pages_that_do_not_fit_are_read_twice_at_most() {
    for (pages, flaw) in [
        (
            [page(1, &[1, 2]), page(1, &[1, 2])].as_slice(),
            "a total of 1 rows, but 2 arrived",
        ),
        (
            &[page(3, &[1, 2]), page(3, &[])],
            "the page at row 2 of 3 is empty",
        ),
        (
            &[page(3, &[1, 2]), page(4, &[3])],
            "reports a total of 4 rows",
        ),
        (&[page(3, &[1, 2]), page(3, &[2])], "repeats id 2"),
        (
            &[page_before_another(2, &[1, 2])],
            "the page at row 0 names a next page, but all 2 rows of the reported total",
        ),
        (
            &[
                page_before_another(3, &[1, 2]),
                page_before_another(3, &[3]),
            ],
            "the page at row 2 names a next page, but all 3 rows",
        ),
    ] {
        let mut list = list();
        for round in 0..2 {
            let mut request = (0, round);
            for page in pages {
                assert!(list.awaits(request), "{flaw}");
                let Some(next) = list.follow(request, page) else {
                    break;
                };
                request = next;
                if request == (0, round + 1) {
                    break;
                }
            }
        }
        let expected = "its pages do not form a complete list after 2 attempts: ";
        let message = failure(&list);
        assert!(
            message.starts_with(expected) && message.contains(flaw),
            "{message}"
        );
    }
}

#[test]
fn a_page_of_an_earlier_round_or_of_a_failed_list_changes_nothing() {
    let mut list = list();
    assert_eq!(list.follow((0, 0), &page(1, &[1, 2])), Some((0, 1)));
    assert!(!list.awaits((2, 0)) && list.awaits((0, 1)));
    assert_eq!(list.follow((2, 0), &page(1, &[3])), None);
    assert!(list.is_open());
    let refused = Outcome::Failed(Failure {
        kind: FailureKind::Refused,
        message: "no".to_owned(),
    });
    assert_eq!(list.follow((0, 1), &refused), None);
    assert!(!list.awaits((0, 1)));
    assert_eq!(failure(&list), "no");
}
