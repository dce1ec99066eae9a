//! Tests one list: which pages it asks for next, and when it is complete, read again or failed.

use super::{Listing, ListingState, MAX_PAGES, PageRequest};
use crate::{Facts, Failure, FailureKind, ListFacts, Outcome};

fn list() -> Listing {
    Listing::new("products/list", vec![("accountId", 11.into())])
}

/// A page with these rows.
fn page(number: impl Into<Option<i64>>, total: impl Into<Option<i64>>, rows: &[u64]) -> Outcome {
    Outcome::Page(Facts::List(ListFacts {
        page: number.into(),
        total: total.into(),
        rows: rows.len(),
        serials: rows.to_vec(),
        ..ListFacts::default()
    }))
}

/// A page that arrived at this minute.
fn at_minute(minute: i64, number: i64, rows: &[u64]) -> Outcome {
    let Outcome::Page(facts) = page(number, 3, rows) else {
        panic!("it is a page");
    };
    Outcome::Page(facts.observed_at(minute * 60_000_000))
}

impl Listing {
    /// Takes the outcome of a page, when paging is known to work.
    fn take(&mut self, request: PageRequest, outcome: &Outcome) -> Vec<PageRequest> {
        self.follow(request, outcome, true)
    }
}

/// The reason why a list failed; `None` if it has not.
fn reason(list: &Listing) -> Option<&str> {
    match &list.state {
        ListingState::Failed(_, reason) => Some(reason),
        _ => None,
    }
}

const FIRST: PageRequest = (None, 0);

/// The pages with these numbers, in the first round.
fn pages(numbers: impl IntoIterator<Item = i64>) -> Vec<PageRequest> {
    let numbers = numbers.into_iter();
    numbers.map(|number| (Some(number), 0)).collect()
}

#[test]
fn the_second_page_is_asked_for_alone_until_paging_works() {
    let first = page(1, 5, &[1]);
    assert_eq!(list().follow(FIRST, &first, true), pages(2..=5));
    let mut held = list();
    assert_eq!(held.follow(FIRST, &first, false), pages([2]));
    assert_eq!(
        held.follow((Some(2), 0), &page(2, 5, &[2]), false),
        pages(3..=5)
    );
    // The others are asked for once.
    assert_eq!(held.follow((Some(4), 0), &page(4, 5, &[4]), true), []);
    // A list of two pages has no others.
    let mut short = list();
    assert_eq!(short.follow(FIRST, &page(0, 2, &[1]), false), pages([1]));
    assert_eq!(short.follow((Some(1), 0), &page(1, 2, &[2]), false), []);
    assert_eq!(short.state, ListingState::Closed);
}

#[test]
fn pages_of_a_failed_list_or_an_earlier_round_change_nothing() {
    let mut failed = list();
    failed.take(FIRST, &page(1, 3, &[1]));
    let refused = Outcome::Failed(Failure {
        kind: FailureKind::Refused,
        message: "refused".to_owned(),
    });
    failed.take((Some(2), 0), &refused);
    assert!(!failed.awaits((Some(3), 0)));
    let state = failed.state.clone();
    failed.take((Some(3), 0), &page(1, 9, &[]));
    assert_eq!(failed.state, state);

    let mut again = list();
    again.take(FIRST, &page(1, 3, &[1]));
    assert_eq!(again.take((Some(2), 0), &page(2, 3, &[])), [(None, 1)]);
    // The third page of the first round is late. An empty page of this round would fail the list.
    assert_eq!(again.take((Some(3), 0), &page(3, 3, &[])), []);
    assert_eq!(again.take((None, 1), &page(1, 2, &[1])), [(Some(2), 1)]);
    again.take((Some(2), 1), &page(2, 2, &[2]));
    assert_eq!(again.state, ListingState::Closed);
}

#[test]
fn the_first_page_is_numbered_0_or_1_or_not_at_all() {
    for number in [None, Some(0), Some(1)] {
        let mut list = list();
        assert_eq!(list.take(FIRST, &page(number, 1, &[1])), []);
        assert_eq!(list.state, ListingState::Closed);
    }
    for number in [-1, 2] {
        let mut list = list();
        assert_eq!(list.take(FIRST, &page(number, 1, &[1])), [(None, 1)]);
        list.take((None, 1), &page(number, 1, &[1]));
        let flaw = format!("the first page says that it is page {number}");
        assert!(reason(&list).is_some_and(|reason| reason.ends_with(&flaw)));
    }
}

#[test]
fn a_list_has_at_most_100000_pages() {
    let mut most = list();
    let asked = most.take(FIRST, &page(1, MAX_PAGES, &[1]));
    assert_eq!(i64::try_from(asked.len()), Ok(MAX_PAGES - 1));
    let mut more = list();
    assert_eq!(more.take(FIRST, &page(1, MAX_PAGES + 1, &[1])), []);
    assert_eq!(
        reason(&more),
        Some("the response reports 100001 pages; at most 100000 are read")
    );
    // Without a page count, the last number that is asked for is the limit.
    let mut endless = list();
    endless.take(FIRST, &page(1, None, &[1]));
    let last = endless.take((Some(MAX_PAGES - 1), 0), &page(MAX_PAGES - 1, None, &[2]));
    assert_eq!(last, pages([MAX_PAGES]));
    assert_eq!(endless.take(last[0], &page(MAX_PAGES, None, &[3])), []);
    assert_eq!(
        reason(&endless),
        Some("the list has more than 100000 pages")
    );
}

/// The server numbers its first page 0 but counts from 1 in requests.
#[test]
fn a_base_that_was_found_out_is_kept_for_the_next_round() {
    let mut counted = list();
    assert_eq!(counted.take(FIRST, &page(0, 3, &[1])), pages([1, 2]));
    assert_eq!(counted.take((Some(1), 0), &page(0, 3, &[1])), [(None, 1)]);
    let second = counted.take((None, 1), &page(0, 3, &[1]));
    assert_eq!(second, [(Some(2), 1), (Some(3), 1)]);
    // All pages of this server are numbered one less than they are asked for.
    assert_eq!(counted.take(second[0], &page(1, 3, &[2])), []);
    assert_eq!(counted.take(second[1], &page(2, 3, &[3])), []);
    assert_eq!(counted.state, ListingState::Closed);

    let mut uncounted = list();
    // Neither a number nor a count: page 1 turns out to be the first page again.
    assert_eq!(
        uncounted.take(FIRST, &page(None, None, &[1, 2])),
        pages([1])
    );
    assert_eq!(
        uncounted.take((Some(1), 0), &page(None, None, &[1, 2])),
        pages([2])
    );
    assert_eq!(
        uncounted.take((Some(2), 0), &page(None, None, &[2, 3])),
        [(None, 1)]
    );
    // The next round asks for page 2 at once.
    let first = page(None, None, &[1, 2]);
    assert_eq!(uncounted.take((None, 1), &first), [(Some(2), 1)]);
    // A page that repeats the one before ends the list.
    assert_eq!(uncounted.take((Some(2), 1), &first), []);
    assert_eq!(uncounted.state, ListingState::Closed);
}

#[test]
fn a_wrong_number_is_noticed_without_a_page_count() {
    for number in [1, 3] {
        let mut list = list();
        assert_eq!(list.take(FIRST, &page(1, None, &[1])), pages([2]));
        let again = list.take((Some(2), 0), &page(number, None, &[2]));
        assert_eq!(again, [(None, 1)], "{number}");
    }
}

/// Another page that repeats an earlier one says nothing about how pages are counted.
#[test]
fn only_page_1_that_repeats_page_0_shows_that_pages_count_from_1() {
    let rows: [&[u64]; 3] = [&[1], &[2], &[3]];
    // Page 2 repeats page 0, page 1 is another page, and pages are counted from 1.
    for (base, number, shown) in [(0, 2, 0), (0, 1, 1), (1, 2, 0)] {
        let mut list = list();
        list.take(FIRST, &page(base, 3, rows[0]));
        let other = page(number, 3, rows[shown]);
        if list.take((Some(number), 0), &other).is_empty() {
            // It is part of the list; the next one is wrong.
            list.take((Some(2), 0), &page(2, 3, &[]));
        }
        list.take((None, 1), &page(base, 3, rows[0]));
        let numbers: Vec<_> = (base + 1..base + 3)
            .map(|number| (Some(number), 1))
            .collect();
        let mut asked = list.take((Some(base + 1), 1), &page(base + 1, 3, rows[1]));
        asked.extend(list.take((Some(base + 2), 1), &page(base + 2, 3, rows[2])));
        assert_eq!(asked, []);
        assert_eq!(
            list.state,
            ListingState::Closed,
            "{base} {number}: {numbers:?}"
        );
    }
}

#[test]
fn a_page_that_repeats_the_first_or_the_last_one_ends_an_uncounted_list() {
    for repeated in [[1_u64], [3]] {
        let mut list = list();
        list.take(FIRST, &page(1, None, &[1]));
        list.take((Some(2), 0), &page(2, None, &[2]));
        list.take((Some(3), 0), &page(3, None, &[3]));
        assert_eq!(list.take((Some(4), 0), &page(4, None, &repeated)), []);
        assert_eq!(list.state, ListingState::Closed, "{repeated:?}");
    }
}

#[test]
fn a_row_on_two_pages_fails_the_list() {
    let mut list = list();
    for round in 0..2 {
        list.take((None, round), &page(1, 3, &[1, 2]));
        list.take((Some(2), round), &page(2, 3, &[3, 4]));
        list.take((Some(3), round), &page(3, 3, &[5, 2]));
    }
    let flaw = "page 3 repeats a row of page 1";
    assert!(reason(&list).is_some_and(|reason| reason.ends_with(flaw)));
}

#[test]
fn a_page_count_that_comes_late_is_believed_if_it_fits() {
    for (total, closes) in [(2, true), (3, false)] {
        let mut list = list();
        list.take(FIRST, &page(1, None, &[1]));
        list.take((Some(2), 0), &page(2, total, &[2]));
        list.take((Some(3), 0), &page(3, None, &[]));
        assert_eq!(list.state == ListingState::Closed, closes, "{total}");
    }
}

#[test]
fn a_page_without_a_time_is_not_late() {
    let mut list = list();
    list.take(FIRST, &at_minute(100, 1, &[1]));
    list.take((Some(2), 0), &page(2, 3, &[2]));
    list.take((Some(3), 0), &at_minute(110, 3, &[3]));
    assert_eq!(list.state, ListingState::Closed);
}

#[test]
fn a_list_is_read_four_times_if_it_is_slow_and_six_times_if_readings_differ() {
    let mut slow = list();
    for round in 0..4 {
        assert_eq!(slow.state, ListingState::Open, "{round}");
        slow.take((None, round), &at_minute(1, 1, &[1]));
        slow.take((Some(2), round), &at_minute(12, 2, &[2]));
    }
    assert!(reason(&slow).is_some_and(|reason| reason.ends_with("each of 4 attempts")));

    let mut changing = list().verified(true);
    for round in 0..6 {
        assert_eq!(changing.state, ListingState::Open, "{round}");
        changing.take((None, round), &page(1, 2, &[round.into()]));
        changing.take((Some(2), round), &page(2, 2, &[100]));
    }
    assert!(reason(&changing).is_some_and(|reason| reason.starts_with("read the list 6 times")));
}
