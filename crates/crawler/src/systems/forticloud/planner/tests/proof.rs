//! Tests what proves, page by page, that a list is complete, and what does not.

use super::*;

/// The product list of one account, whose pages each test supplies.
struct Pages {
    plan: FortiCloudPlanner,
    waiting: Vec<Fetch>,
    asked: Vec<Option<i64>>,
}

impl Pages {
    fn begin(settings: Settings) -> Self {
        let mut plan = FortiCloudPlanner::new(Settings {
            scope: ScopeMode::Local,
            search: Search::Patterns(vec!["F".to_owned()]),
            statuses: vec!["Registered".to_owned()],
            ..settings
        });
        let waiting = plan.begin().fetches;
        Self {
            plan,
            waiting,
            asked: Vec::new(),
        }
    }

    /// Answers until there are no calls left, and returns what became of the list.
    fn answer(mut self, mut page: impl FnMut(Option<i64>, u32) -> ListFacts) -> (String, Self) {
        let mut closed = Vec::new();
        while let Some(fetch) = self.waiting.pop() {
            if !self.plan.awaits(&fetch) {
                self.plan.forget(&fetch);
                continue;
            }
            let asked = number(&fetch, "pageNumber");
            self.asked.push(asked);
            let facts = page(asked, fetch.round);
            let step = self.plan.follow(&fetch, &Outcome::Page(Facts::List(facts)));
            self.waiting.splice(0..0, step.fetches.into_iter().rev());
            closed.extend(step.closed);
            assert!(self.asked.len() < 100, "{:?}", self.asked);
        }
        let ended = match &closed[0].pages {
            Ok(pages) => format!("{} pages", pages.len()),
            Err(error) => error.clone(),
        };
        (ended, self)
    }
}

/// A page with these rows.
fn page(number: impl Into<Option<i64>>, total: impl Into<Option<i64>>, rows: &[u64]) -> ListFacts {
    ListFacts {
        page: number.into(),
        total: total.into(),
        rows: rows.len(),
        serials: rows.to_vec(),
        ..ListFacts::default()
    }
}

const ROWS: [&[u64]; 3] = [&[1, 2], &[3, 4], &[5]];

/// Page `at` of three, counted from 0; an empty page after those.
fn at(at: i64) -> &'static [u64] {
    let at = usize::try_from(at).unwrap();
    ROWS.get(at).copied().unwrap_or_default()
}

#[test]
fn without_a_page_count_pages_are_read_until_one_is_empty() {
    for total in [None, Some(0), Some(-1)] {
        for base in [0, 1] {
            for told in [true, false] {
                let (ended, pages) = Pages::begin(settings()).answer(|asked, _| {
                    let number = asked.unwrap_or(base);
                    // If asked for a page before the first one, this server returns the first one.
                    let rows = at((number - base).max(0));
                    page(told.then_some(number.max(base)), total, rows)
                });
                let told = (total, base, told, &pages.asked);
                assert_eq!(ended, "3 pages", "{told:?}");
            }
        }
    }
}

#[test]
fn a_single_page_without_a_page_count_costs_one_more_call() {
    let (ended, pages) = Pages::begin(settings()).answer(|asked, _| match asked {
        None => page(1, None, &[1, 2]),
        Some(_) => page(0, 0, &[]),
    });
    assert_eq!((ended.as_str(), pages.asked.len()), ("1 pages", 2));
    let (ended, pages) = Pages::begin(settings()).answer(|_, _| page(1, None, &[]));
    assert_eq!((ended.as_str(), pages.asked.len()), ("1 pages", 1));
}

#[test]
fn a_server_without_paging_repeats_the_first_page() {
    for called in [None, Some(0), Some(1)] {
        let (ended, pages) = Pages::begin(settings()).answer(|_, _| page(called, None, &[1, 2]));
        assert_eq!(ended, "1 pages", "{:?}", pages.asked);
    }
}

#[test]
fn a_later_page_that_reports_more_pages_fails_the_list() {
    let (ended, _) = Pages::begin(settings()).answer(|asked, _| match asked {
        None => page(1, None, &[1, 2]),
        Some(2) => page(2, 4, &[3, 4]),
        Some(_) => page(3, None, &[]),
    });
    assert!(
        ended.contains("a page reports 4 pages, but only 2 arrived"),
        "{ended}"
    );
}

#[test]
fn an_empty_page_of_several_fails_the_list() {
    let (ended, _) = Pages::begin(settings()).answer(|_, _| page(1, 7, &[]));
    assert!(ended.contains("page 1 of 7 has no rows"), "{ended}");
    let (ended, _) = Pages::begin(settings()).answer(|asked, _| match asked {
        Some(2) => page(2, 3, &[]),
        other => page(other.unwrap_or(1), 3, at(other.unwrap_or(1) - 1)),
    });
    assert!(ended.contains("page 2 of 3 has no rows"), "{ended}");
}

#[test]
fn pages_that_report_different_page_counts_fail_the_list() {
    for total in [-1, 0, 2, 4] {
        let (ended, _) = Pages::begin(settings()).answer(|asked, _| match asked {
            Some(2) => page(2, total, at(1)),
            other => page(other.unwrap_or(1), 3, at(other.unwrap_or(1) - 1)),
        });
        let flaw = format!("page 2 reports {total} pages, but the first page reported 3");
        assert!(ended.contains(&flaw), "{ended}");
    }
    // A page without a page count contradicts nothing.
    let (ended, _) = Pages::begin(settings()).answer(|asked, _| match asked {
        Some(2) => page(2, None, at(1)),
        other => page(other.unwrap_or(1), 3, at(other.unwrap_or(1) - 1)),
    });
    assert_eq!(ended, "3 pages");
}

#[test]
fn a_page_with_the_wrong_number_fails_the_list() {
    let (ended, _) = Pages::begin(settings()).answer(|asked, _| {
        let number = asked.unwrap_or(1);
        page(1, 3, at(number - 1))
    });
    assert!(
        ended.contains("requested page 2, but page 1 arrived"),
        "{ended}"
    );
    let (ended, _) = Pages::begin(settings()).answer(|_, _| page(7, 1, &[1]));
    assert!(
        ended.contains("the first page says that it is page 7"),
        "{ended}"
    );
}

#[test]
fn a_short_page_in_the_middle_fails_the_list() {
    for total in [Some(3), None] {
        let (ended, pages) = Pages::begin(settings()).answer(|asked, _| {
            let number = asked.unwrap_or(1);
            let rows = if number == 2 { &[3] } else { at(number - 1) };
            page(number, total, rows)
        });
        assert!(
            ended.contains("page 2 has only 1 row, but it is not the last page"),
            "{ended}"
        );
        assert!(pages.asked.iter().filter(|asked| asked.is_none()).count() == 2);
    }
}

#[test]
fn a_list_without_page_numbers_cannot_have_a_second_page() {
    let mut plan = FortiCloudPlanner::new(Settings {
        scope: ScopeMode::Local,
        search: Search::Patterns(vec!["F".to_owned()]),
        statuses: vec!["Registered".to_owned()],
        include: vec!["folders/list"],
        ..settings()
    });
    let products = plan.begin().fetches.remove(0);
    let empty = Outcome::Page(Facts::List(page(1, 1, &[])));
    let folders = plan.follow(&products, &empty).fetches.remove(0);
    let first = Outcome::Page(Facts::List(page(1, 3, &[1])));
    let closed = plan.follow(&folders, &first).closed;
    assert_eq!(
        closed[1].pages,
        Err("page 2 of 3 cannot be requested".to_owned())
    );
}

#[test]
fn units_and_accounts_of_several_pages_are_incomplete() {
    let mut plan = FortiCloudPlanner::new(settings());
    let units = plan.begin().fetches.remove(0);
    let ids = |known: &[i64]| Ids {
        known: known.to_vec(),
        missing: 0,
        total: Some(2),
        ..Ids::default()
    };
    let first = Facts::Units {
        organization: Some(1),
        units: ids(&[1]),
    };
    let step = plan.follow(&units, &Outcome::Page(first));
    let unread = Err("page 2 of 2 cannot be requested".to_owned());
    assert_eq!(step.closed[0].pages, unread);
    let accounts = &step.fetches[0];
    let step = plan.follow(accounts, &Outcome::Page(Facts::Accounts(ids(&[11]))));
    assert_eq!(step.closed[0].pages, unread);
    // The accounts on the first page are read nevertheless.
    assert_eq!(step.fetches[0].endpoint, "products/list");
}

#[test]
fn pages_of_an_earlier_reading_are_not_asked_for() {
    let rows: [&[u64]; 4] = [&[1], &[2], &[3], &[4]];
    let (ended, pages) = Pages::begin(settings()).answer(|number, round| {
        let at = number.unwrap_or(1);
        // The third page repeats the second one at first, while the fourth still waits.
        let shown = if round == 0 && at == 3 { 2 } else { at };
        page(at, 4, rows[usize::try_from(shown).unwrap() - 1])
    });
    assert_eq!(ended, "4 pages");
    let asked = pages.asked.iter().map(|number| number.unwrap_or(1));
    assert_eq!(asked.collect::<Vec<_>>(), [1, 2, 3, 1, 2, 3, 4]);
}

#[test]
fn an_answer_without_a_member_for_its_rows_is_believed_the_second_time() {
    let lacking = ListFacts {
        lacks_rows: true,
        ..page(1, 1, &[])
    };
    for (lost, pages) in [(1, 2), (2, 1)] {
        let (ended, pages_asked) = Pages::begin(settings()).answer(|number, round| match number {
            None if round < lost => lacking.clone(),
            None => page(1, 2, ROWS[0]),
            Some(_) => page(2, 2, ROWS[1]),
        });
        assert_eq!(ended, format!("{pages} pages"));
        let asked = if lost == 1 {
            vec![None, None, Some(2)]
        } else {
            vec![None, None]
        };
        assert_eq!(pages_asked.asked, asked);
    }
}

#[test]
fn a_row_of_another_account_fails_its_list() {
    let mut plan = FortiCloudPlanner::new(Settings {
        accounts: vec![11],
        scope: ScopeMode::Local,
        ..settings()
    });
    let list = plan.begin().fetches.remove(0);
    let facts = ListFacts {
        accounts: vec![11, 12],
        ..page(1, 1, &[1, 2])
    };
    let closed = plan
        .follow(&list, &Outcome::Page(Facts::List(facts)))
        .closed;
    assert_eq!(
        closed[0].pages,
        Err("requested account 11, but a row belongs to account 12".to_owned())
    );
}

#[test]
fn different_rows_without_a_key_fail_the_list() {
    let unnamed = |hashes: &[u64]| ListFacts {
        unnamed: hashes.to_vec(),
        rows: hashes.len(),
        ..page(1, 1, &[])
    };
    let (ended, _) = Pages::begin(settings()).answer(|_, _| unnamed(&[8, 9, 8]));
    assert_eq!(ended, "2 different rows have no key to tell them apart");
    let (ended, _) = Pages::begin(settings()).answer(|_, _| unnamed(&[8, 8]));
    assert_eq!(ended, "1 pages");
}

#[test]
fn pages_that_arrive_far_apart_are_requested_again() {
    let minute = 60_000_000;
    let read = |apart: i64, slow: u32| {
        let (ended, pages) = Pages::begin(settings()).answer(|asked, round| {
            let number = asked.unwrap_or(1);
            let late = if round < slow {
                (number - 1) * apart
            } else {
                0
            };
            ListFacts {
                observed_at: 1 + late,
                ..page(number, 3, at(number - 1))
            }
        });
        (ended, pages.asked.len())
    };
    assert_eq!(read(5 * minute, 9), ("3 pages".to_owned(), 3));
    // The second page arrives in time, but the third does not.
    assert_eq!(read(6 * minute, 1), ("3 pages".to_owned(), 6));
    assert_eq!(read(11 * minute, 1), ("3 pages".to_owned(), 5));
    let (ended, _) = read(6 * minute, 9);
    assert_eq!(
        ended,
        "its pages took more than 10 minutes to arrive in each of 4 attempts"
    );
}

#[test]
fn a_list_is_read_until_two_readings_agree() {
    let verified = || Settings {
        verify_paging: true,
        ..settings()
    };
    let same = |asked: Option<i64>| {
        let number = asked.unwrap_or(1);
        page(number, 3, at(number - 1))
    };
    let (ended, pages) = Pages::begin(verified()).answer(|asked, _| same(asked));
    assert_eq!((ended.as_str(), pages.asked.len()), ("3 pages", 6));
    // Row 2 is deleted after the first page was read, so row 3 moves to the first page.
    let (ended, pages) = Pages::begin(verified()).answer(|asked, round| match (asked, round) {
        (None, 0) => page(1, 2, &[1, 2]),
        (None, _) => page(1, 2, &[1, 3]),
        (Some(_), _) => page(2, 2, &[4]),
    });
    assert_eq!((ended.as_str(), pages.asked.len()), ("2 pages", 6));
    // A single page is a single response, so nothing can move within it.
    let (ended, pages) = Pages::begin(verified()).answer(|_, _| page(1, 1, &[1]));
    assert_eq!((ended.as_str(), pages.asked.len()), ("1 pages", 1));
    let (ended, _) = Pages::begin(verified()).answer(|asked, round| {
        let row = u64::from(round) + 10;
        asked.map_or(page(1, 2, &[row]), |_| page(2, 2, &[2]))
    });
    assert_eq!(
        ended,
        "read the list 6 times, and no two consecutive readings agreed"
    );
}
