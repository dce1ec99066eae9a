//! Tests of the ledger with a manual clock.

use super::*;
use Reservation::{AfterAnswer, At, Granted};

const SECOND: Micros = 1_000_000;
const USER: &str = "user";

fn limits(calls: &[(u32, u64)], errors: Option<(u32, u64, u32)>) -> Limits {
    let window = |&(max, per): &(u32, u64)| Window {
        max,
        per: Duration::from_secs(per),
    };
    let errors = errors.map(|(max, per, reserve)| ErrorLimit {
        max,
        per: Duration::from_secs(per),
        reserve,
    });
    Limits {
        calls: calls.iter().map(window).collect(),
        errors,
    }
}

fn margin() -> Micros {
    later(0, MARGIN)
}

struct Book(MemoryLedger, Limits);

impl Book {
    fn new(limits: Limits) -> Self {
        Self(MemoryLedger::new(), limits)
    }

    fn ask(&self, second: Micros) -> Reservation {
        self.0.reserve(USER, &self.1, second * SECOND).unwrap()
    }

    fn take(&self, second: Micros) -> Ticket {
        match self.ask(second) {
            Granted(ticket) => ticket,
            refusal => panic!("{refusal:?} at {second}"),
        }
    }

    fn settle(&self, ticket: Ticket, second: Micros, verdict: Verdict) {
        self.0.settle(ticket, second * SECOND, verdict).unwrap();
    }

    fn call(&self, second: Micros, verdict: Verdict) {
        self.settle(self.take(second), second, verdict);
    }

    fn usage(&self, second: Micros) -> Usage {
        self.0.usage(USER, &self.1, second * SECOND).unwrap()
    }
}

fn spent(until: Micros, why: Spent) -> Reservation {
    Reservation::Spent { until, why }
}

#[test]
fn a_full_window_says_when_a_call_fits() {
    let book = Book::new(limits(&[(2, 60), (3, 600)], None));
    book.call(0, Verdict::Good);
    book.call(5, Verdict::Good);
    assert_eq!(book.ask(10), At(60 * SECOND + margin()));
    assert_eq!(book.ask(60), At(60 * SECOND + margin()));
    book.call(61, Verdict::Good);
    assert_eq!(book.ask(62), At(600 * SECOND + margin()));
    book.call(601, Verdict::Good);
}

#[test]
fn what_is_in_flight_holds_its_place_until_it_is_answered() {
    let book = Book::new(limits(&[(2, 60)], None));
    let first = book.take(0);
    let second = book.take(0);
    assert!(matches!(book.ask(1000), AfterAnswer(_)));
    book.settle(first, 1000, Verdict::Good);
    assert_eq!(book.ask(1000), At(1060 * SECOND + margin()));
    book.settle(second, 1030, Verdict::Good);
    assert_eq!(book.ask(1030), At(1060 * SECOND + margin()));
}

#[test]
fn what_was_not_sent_leaves_no_trace() {
    let book = Book::new(limits(&[(1, 60)], Some((1, 60, 0))));
    let ticket = book.take(0);
    book.settle(ticket, 1, Verdict::Unsent);
    book.settle(ticket, 1, Verdict::Error);
    assert_eq!((book.usage(1).calls, book.usage(1).errors), (vec![0], 0));
    book.take(1);
}

#[test]
fn calls_in_flight_hold_one_error_each() {
    let book = Book::new(limits(&[], Some((10, 3600, 2))));
    for _ in 0..5 {
        book.call(0, Verdict::Error);
    }
    let in_flight = [book.take(1), book.take(1), book.take(1)];
    assert!(matches!(book.ask(1), AfterAnswer(_)));
    book.settle(in_flight[0], 2, Verdict::Good);
    let again = book.take(2);
    for ticket in [in_flight[1], in_flight[2], again] {
        book.settle(ticket, 3, Verdict::Error);
    }
    let until = 3600 * SECOND + margin();
    assert_eq!(book.ask(4), spent(until, Spent::Errors));
    assert_eq!(book.usage(4).errors, 8);
    // Five errors leave the window at once, so four calls may be in flight next to the three that
    // stay.
    for _ in 0..5 {
        book.take(3601);
    }
    assert!(matches!(book.ask(3601), AfterAnswer(_)));
}

#[test]
fn waiting_for_an_answer_ends_when_an_old_error_leaves() {
    let book = Book::new(limits(&[], Some((2, 60, 0))));
    book.call(0, Verdict::Error);
    let _in_flight = book.take(1);
    assert_eq!(book.ask(2), AfterAnswer(3 * SECOND));
    let last_second = 60 * SECOND - 500_000;
    assert_eq!(
        book.0.reserve(USER, &book.1, last_second).unwrap(),
        AfterAnswer(60 * SECOND + margin())
    );
    book.take(61);
}

#[test]
fn a_closed_ledger_opens_when_the_server_said() {
    let book = Book::new(limits(&[(1, 60)], None));
    book.0.close(USER, 30 * SECOND).unwrap();
    book.0.close(USER, 20 * SECOND).unwrap();
    assert_eq!(book.ask(0), spent(30 * SECOND, Spent::Closed));
    assert_eq!(book.usage(0).closed_until, Some(30 * SECOND));
    book.call(30, Verdict::Good);
    assert_eq!(book.usage(30).closed_until, None);
    // What a pause names is when a call fits, not merely when the server opens.
    book.0.close(USER, 40 * SECOND).unwrap();
    assert_eq!(book.ask(31), spent(90 * SECOND + margin(), Spent::Closed));
}

#[test]
fn a_clock_that_steps_back_frees_nothing() {
    let book = Book::new(limits(&[(1, 60)], None));
    book.call(1000, Verdict::Good);
    assert_eq!(book.ask(0), At(1060 * SECOND + margin()));
    let other = Book::new(limits(&[(1, 60)], None));
    let ticket = other.take(1000);
    other.settle(ticket, 0, Verdict::Good);
    assert_eq!(other.ask(1001), At(1060 * SECOND + margin()));
}

#[test]
fn users_have_nothing_to_do_with_each_other() {
    let book = Book::new(limits(&[(1, 60)], None));
    book.call(0, Verdict::Good);
    let other = book.0.reserve("another", &book.1, 0).unwrap();
    assert!(matches!(other, Granted(_)));
}

#[test]
fn a_budget_that_is_all_reserve_lets_nothing_out() {
    let book = Book::new(limits(&[], Some((2, 60, 2))));
    assert_eq!(book.ask(0), spent(Micros::MAX, Spent::Errors));
}

#[test]
fn clients_with_shorter_windows_keep_what_others_need() {
    let book = Book::new(limits(&[(1, 600)], None));
    book.call(0, Verdict::Good);
    let short = limits(&[(5, 1)], None);
    assert!(matches!(
        book.0.reserve(USER, &short, 100 * SECOND).unwrap(),
        Granted(_)
    ));
    assert!(matches!(book.ask(101), AfterAnswer(_)));
}
