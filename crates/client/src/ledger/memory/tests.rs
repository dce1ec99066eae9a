//! Tests of the ledger with a manual clock.

use super::*;
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use Reservation::{After, AfterAnswer, Granted};

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

fn after(seconds: u64) -> Reservation {
    After(Duration::from_secs(seconds) + MARGIN)
}

/// Waits for a future, for tests that have no runtime of their own.
trait Wait: Future + Sized {
    fn wait(self) -> Self::Output {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(self)
    }
}

impl<F: Future> Wait for F {}

/// A ledger whose clock only moves when the test moves it.
struct Book {
    ledger: MemoryLedger,
    limits: Limits,
    time: Arc<AtomicI64>,
}

impl Book {
    fn new(limits: Limits) -> Self {
        let time = Arc::new(AtomicI64::new(0));
        let clock = Arc::clone(&time);
        Self {
            ledger: MemoryLedger::with_clock(Arc::new(move || clock.load(Ordering::SeqCst))),
            limits,
            time,
        }
    }

    /// Returns the ledger after setting the clock to this second.
    fn at(&self, second: Micros) -> &MemoryLedger {
        self.time.store(second * SECOND, Ordering::SeqCst);
        &self.ledger
    }

    fn ask(&self, second: Micros) -> Reservation {
        self.at(second).reserve(USER, &self.limits).wait().unwrap()
    }

    fn take(&self, second: Micros) -> Ticket {
        match self.ask(second) {
            Granted(ticket) => ticket,
            refusal => panic!("{refusal:?} at {second}"),
        }
    }

    fn settle(&self, ticket: Ticket, second: Micros, outcome: CallOutcome) {
        self.at(second)
            .settle(ticket, outcome, None)
            .wait()
            .unwrap();
    }

    fn call(&self, second: Micros, outcome: CallOutcome) {
        self.settle(self.take(second), second, outcome);
    }

    fn usage(&self, second: Micros) -> LedgerUsage {
        self.at(second).usage(USER, &self.limits).wait().unwrap()
    }
}

fn spent(wait: Duration, why: Spent) -> Reservation {
    Reservation::Spent { wait, why }
}

#[test]
fn a_full_window_says_when_a_call_fits() {
    let book = Book::new(limits(&[(2, 60), (3, 600)], None));
    book.call(0, CallOutcome::Good);
    book.call(5, CallOutcome::Good);
    assert_eq!(book.ask(10), after(50));
    assert_eq!(book.ask(60), after(0));
    book.call(61, CallOutcome::Good);
    assert_eq!(book.ask(62), after(538));
    book.call(601, CallOutcome::Good);
}

#[test]
fn what_is_in_flight_holds_its_place_until_it_is_answered() {
    let book = Book::new(limits(&[(2, 60)], None));
    let first = book.take(0);
    let second = book.take(0);
    assert!(matches!(book.ask(1000), AfterAnswer(_)));
    book.settle(first, 1000, CallOutcome::Good);
    assert_eq!(book.ask(1000), after(60));
    book.settle(second, 1030, CallOutcome::Good);
    assert_eq!(book.ask(1030), after(30));
}

#[test]
fn what_was_not_sent_leaves_no_trace() {
    let book = Book::new(limits(&[(1, 60)], Some((1, 60, 0))));
    let ticket = book.take(0);
    book.settle(ticket, 1, CallOutcome::Unsent);
    book.settle(ticket, 1, CallOutcome::Error);
    assert_eq!((book.usage(1).calls, book.usage(1).errors), (vec![0], 0));
    book.take(1);
}

#[test]
fn calls_in_flight_hold_one_error_each() {
    let book = Book::new(limits(&[], Some((10, 3600, 2))));
    for _ in 0..5 {
        book.call(0, CallOutcome::Error);
    }
    let in_flight = [book.take(1), book.take(1), book.take(1)];
    assert!(matches!(book.ask(1), AfterAnswer(_)));
    book.settle(in_flight[0], 2, CallOutcome::Good);
    let again = book.take(2);
    for ticket in [in_flight[1], in_flight[2], again] {
        book.settle(ticket, 3, CallOutcome::Error);
    }
    let wait = Duration::from_secs(3596) + MARGIN;
    assert_eq!(book.ask(4), spent(wait, Spent::Errors));
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
    book.call(0, CallOutcome::Error);
    let _in_flight = book.take(1);
    assert_eq!(book.ask(2), AfterAnswer(LOOK_AGAIN));
    assert_eq!(book.ask(60), AfterAnswer(MARGIN));
    book.take(61);
}

#[test]
fn a_closed_ledger_opens_when_the_server_said() {
    let book = Book::new(limits(&[(1, 60)], None));
    let seconds = Duration::from_secs;
    book.at(0).close(USER, seconds(30)).wait().unwrap();
    book.at(0).close(USER, seconds(20)).wait().unwrap();
    assert_eq!(book.ask(0), spent(seconds(30), Spent::Closed));
    assert_eq!(book.usage(0).closed_for, Some(seconds(30)));
    book.call(30, CallOutcome::Good);
    assert_eq!(book.usage(30).closed_for, None);
    // A pause lasts until a call fits, not just until the server opens.
    book.at(30).close(USER, seconds(10)).wait().unwrap();
    assert_eq!(book.ask(31), spent(seconds(59) + MARGIN, Spent::Closed));
}

#[test]
fn a_clock_that_steps_back_frees_nothing() {
    let book = Book::new(limits(&[(1, 60)], None));
    book.call(1000, CallOutcome::Good);
    assert_eq!(book.ask(0), after(60));
    let other = Book::new(limits(&[(1, 60)], None));
    let ticket = other.take(1000);
    other.settle(ticket, 0, CallOutcome::Good);
    assert_eq!(other.ask(1001), after(59));
}

#[test]
fn users_have_nothing_to_do_with_each_other() {
    let book = Book::new(limits(&[(1, 60)], None));
    book.call(0, CallOutcome::Good);
    let other = book.at(0).reserve("another", &book.limits).wait().unwrap();
    assert!(matches!(other, Granted(_)));
}

#[test]
fn a_budget_that_is_all_reserve_lets_nothing_out() {
    let book = Book::new(limits(&[], Some((2, 60, 2))));
    assert_eq!(
        book.ask(0),
        spent(Duration::from_mins(1) + MARGIN, Spent::Errors)
    );
}

#[test]
fn clients_with_shorter_windows_keep_what_others_need() {
    let book = Book::new(limits(&[(1, 600)], None));
    book.call(0, CallOutcome::Good);
    let short = limits(&[(5, 1)], None);
    assert!(matches!(
        book.at(100).reserve(USER, &short).wait().unwrap(),
        Granted(_)
    ));
    assert!(matches!(book.ask(101), AfterAnswer(_)));
}

#[test]
fn the_last_errors_are_told_with_their_reasons() {
    let book = Book::new(limits(&[], Some((10, 60, 2))));
    let reason = |number: u16| ErrorReason {
        call: "`products/list` for accountId 710112".to_owned(),
        http: Some(500 + number),
        message: "boom".to_owned(),
    };
    for number in 0..2 {
        let second = 40 * Micros::from(number);
        let ticket = book.take(second);
        let settled = book
            .at(second)
            .settle(ticket, CallOutcome::Error, Some(&reason(number)))
            .wait();
        settled.unwrap();
    }
    let past = |number, seconds| PastError {
        ago: Duration::from_secs(seconds),
        reason: reason(number),
    };
    assert_eq!(book.usage(45).last_errors, [past(1, 5), past(0, 45)]);
    assert_eq!(book.usage(70).last_errors, [past(1, 30)]);
    let expected = "HTTP 501 from `products/list` for accountId 710112: boom";
    assert_eq!(reason(1).to_string(), expected);
}
