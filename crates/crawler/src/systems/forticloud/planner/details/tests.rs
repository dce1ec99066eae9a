//! Tests the plan for details as data.

use super::*;
use crate::{DetailsSubject, Facts, Failure};

fn products(serials: &[&str]) -> Vec<ProductName> {
    let product = |serial: &&str| ProductName {
        serial: (*serial).to_owned(),
        model: Some(format!("FortiGate {}", &serial[..1])),
    };
    serials.iter().map(product).collect()
}

fn page(serial: &str) -> Outcome {
    Outcome::Page(Facts::Details(vec![subject(serial)]))
}

fn failed(kind: FailureKind) -> Outcome {
    Outcome::Failed(Failure {
        kind,
        message: "no".to_owned(),
    })
}

/// The account of a scope, the number of its calls or its error, and the number of rejected calls.
type Closed = (Option<i64>, Result<usize, String>, usize);

/// Answers all calls, and returns the serial numbers in the order of the calls, and the scopes that
/// closed.
fn run(details: &mut Details, answer: impl Fn(&str) -> Outcome) -> (Vec<String>, Vec<Closed>) {
    let (mut asked, mut closed) = (Vec::new(), Vec::new());
    let mut waiting: VecDeque<DetailsRequest> = details.next().into();
    loop {
        closed.extend(details.publish().into_iter().map(|scope| {
            let pages = scope.pages.map(|pages| pages.len());
            (scope.account_id, pages, scope.rejected.len())
        }));
        let Some(request) = waiting.pop_front() else {
            break;
        };
        assert!(waiting.len() < WINDOW);
        if details.awaits(&request) {
            asked.push(request.1.clone());
            let owner = details.owner(&request);
            details.follow(&request, &[owner], &answer(&request.1));
        } else {
            details.forget(&request);
        }
        waiting.extend(details.next());
    }
    assert!(details.is_finished());
    (asked, closed)
}

fn details(of: DetailsFor) -> Details {
    Details::new("acme".into(), of, Vec::new())
}

#[test]
fn every_product_is_requested_once() {
    let mut plan = details(DetailsFor::default());
    plan.add(Some(1), Ok(products(&["F1", "F2", "F1", "F3"])));
    plan.add(Some(2), Ok(Vec::new()));
    plan.add(None, Ok(products(&["S9"])));
    let (asked, closed) = run(&mut plan, page);
    assert_eq!(asked, ["F1", "F2", "F3", "S9"]);
    assert_eq!(
        closed,
        [(Some(1), Ok(3), 0), (Some(2), Ok(0), 0), (None, Ok(1), 0)]
    );
}

#[test]
fn a_large_account_is_requested_in_a_window() {
    let serials: Vec<String> = (0..1000).map(|number| format!("F{number}")).collect();
    let serials: Vec<&str> = serials.iter().map(String::as_str).collect();
    let mut plan = details(DetailsFor::default());
    plan.add(Some(1), Ok(products(&serials)));
    // The first call is made alone, and the others follow its response.
    let first = plan.next();
    assert_eq!(first.len(), 1);
    assert_eq!(plan.next(), []);
    let owner = plan.owner(&first[0]);
    plan.follow(&first[0], &[owner], &page(&first[0].1));
    let (mut asked, closed) = run(&mut plan, page);
    asked.insert(0, first[0].1.clone());
    assert_eq!(asked, serials);
    assert_eq!(closed, [(Some(1), Ok(1000), 0)]);
}

#[test]
fn a_refused_account_costs_one_call_and_a_rejected_product_only_its_own() {
    let mut plan = details(DetailsFor::default());
    plan.add(Some(1), Ok(products(&["F1", "F2", "F3"])));
    plan.add(Some(2), Ok(products(&["S1", "S2"])));
    plan.add(Some(3), Err("the lists failed".to_owned()));
    let (asked, closed) = run(&mut plan, |serial| match serial {
        "F1" => failed(FailureKind::Refused),
        "S1" => failed(FailureKind::Rejected),
        serial => page(serial),
    });
    assert_eq!(asked, ["F1", "S1", "S2"]);
    assert_eq!(
        closed,
        [
            (Some(1), Err("no".to_owned()), 0),
            (Some(2), Ok(1), 1),
            (
                Some(3),
                Err("skipped because the lists failed".to_owned()),
                0
            ),
        ]
    );
}

#[test]
fn some_models_and_serials_can_be_picked() {
    let of = DetailsFor {
        models: vec!["fortigate f*".to_owned(), "FortiSwitch".to_owned()],
        serials: vec!["S2".to_owned()],
    };
    let mut plan = details(of);
    plan.add(Some(1), Ok(products(&["F1", "S1", "S2", "A1"])));
    let (asked, _) = run(&mut plan, page);
    assert_eq!(asked, ["F1", "S2"]);
}

#[test]
fn an_answer_about_another_product_fails_the_account() {
    let answers = |serials: &[&str]| {
        let mut plan = details(DetailsFor::default());
        plan.add(Some(1), Ok(products(&["F1"])));
        let facts = Facts::Details(serials.iter().map(|&serial| subject(serial)).collect());
        let (_, closed) = run(&mut plan, |_| Outcome::Page(facts.clone()));
        closed[0].1.clone()
    };
    assert_eq!(answers(&["F1"]), Ok(1));
    assert_eq!(answers(&[" F1 "]), Ok(1));
    assert_eq!(answers(&["f1"]), Ok(1));
    assert_eq!(
        answers(&["F2"]),
        Err("`products/details` returned `F2` instead of F1".to_owned())
    );
    assert_eq!(
        answers(&["F1", "F2"]),
        Err("`products/details` returned `F2` instead of F1".to_owned())
    );
    assert_eq!(
        answers(&[]),
        Err("`products/details` returned no product for F1".to_owned())
    );
}

#[test]
fn an_answer_about_another_account_fails_the_account() {
    let answer = |account| {
        let mut plan = details(DetailsFor::default());
        plan.add(Some(1), Ok(products(&["F1"])));
        let facts = Facts::Details(vec![DetailsSubject {
            account,
            ..subject("F1")
        }]);
        let (_, closed) = run(&mut plan, |_| Outcome::Page(facts.clone()));
        closed[0].1.clone()
    };
    assert_eq!(answer(None), Ok(1));
    assert_eq!(answer(Some(1)), Ok(1));
    assert_eq!(
        answer(Some(999)),
        Err(
            "`products/details` returned F1 as a product of account 999, but that account's list does not contain it".to_owned()
        )
    );
}

fn subject(serial: &str) -> DetailsSubject {
    DetailsSubject {
        serial: serial.to_owned(),
        account: None,
    }
}

#[test]
fn products_that_no_call_can_name_are_left_out() {
    let mut plan = details(DetailsFor::default());
    plan.add(Some(1), Ok(products(&["F1", " ", "F\n2", "F\r3"])));
    assert!(!plan.is_finished());
    assert_eq!(run(&mut plan, page).0, ["F1"]);
}

#[test]
fn calls_of_an_account_that_has_failed_are_forgotten_and_the_next_goes_on() {
    let mut plan = details(DetailsFor::default());
    plan.add(Some(1), Ok(products(&["F1", "F2", "F3", "F4"])));
    plan.add(Some(2), Ok(products(&["S1", "S2"])));
    let answer = |serial: &str| match serial {
        "F2" => failed(FailureKind::Refused),
        serial if serial.starts_with('F') => page(serial),
        // It names its account, which is the second one.
        serial => Outcome::Page(Facts::Details(vec![DetailsSubject {
            account: Some(2),
            ..subject(serial)
        }])),
    };
    let (asked, closed) = run(&mut plan, answer);
    assert_eq!(asked, ["F1", "F2", "S1", "S2"]);
    let expected = [(Some(1), Err("no".to_owned()), 0), (Some(2), Ok(2), 0)];
    assert_eq!(closed, expected);
}

#[test]
fn forgotten_calls_make_room_for_others() {
    let mut plan = details(DetailsFor::default());
    let serials: Vec<String> = (0..2 * WINDOW).map(|number| format!("F{number}")).collect();
    let serials: Vec<&str> = serials.iter().map(String::as_str).collect();
    // More calls are forgotten than may be in flight.
    for account in 1..=3 {
        plan.add(Some(account), Ok(products(&serials)));
    }
    let answer = |serial: &str| match serial {
        "F1" => failed(FailureKind::Lost),
        serial => page(serial),
    };
    let (asked, closed) = run(&mut plan, answer);
    assert_eq!(asked, ["F0", "F1"].repeat(3));
    assert_eq!(closed.len(), 3);
}
