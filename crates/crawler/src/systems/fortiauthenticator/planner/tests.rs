//! Tests the plan of one unit with all kinds of responses.

use super::{COUNTERS, FortiAuthenticatorPlanner, TOKENS, UNIT};
use crate::{
    Facts, Failure, FailureKind, Fetch, ListFacts, OffsetFacts, Outcome, systems::Planner as _,
};

fn failed(kind: FailureKind) -> Outcome {
    Outcome::Failed(Failure {
        kind,
        message: "no".to_owned(),
    })
}

/// A page of at most two tokens, out of three.
fn tokens(fetch: &Fetch) -> Outcome {
    let ids = match fetch.arguments.get("offset") {
        None => vec![11, 12],
        Some(offset) => {
            assert_eq!(offset, 2);
            vec![13]
        }
    };
    Outcome::Page(Facts::Offset(OffsetFacts {
        total: Some(3),
        ids,
        ..OffsetFacts::default()
    }))
}

/// The scopes that closed and whether they are complete, and the values that their rows were given.
fn check(unit: &Outcome, counters: &Outcome) -> (Vec<(&'static str, bool)>, Vec<String>) {
    let mut plan = FortiAuthenticatorPlanner::new("tokens".into());
    let mut waiting = plan.begin().fetches;
    let (mut closed, mut given) = (Vec::new(), Vec::new());
    while let Some(fetch) = waiting.pop() {
        assert!(plan.awaits(&fetch) && !plan.is_finished());
        given.extend(
            fetch
                .given
                .iter()
                .map(|(column, text)| format!("{column}={text}")),
        );
        let outcome = match fetch.endpoint {
            UNIT => unit,
            COUNTERS => counters,
            _ => &tokens(&fetch),
        };
        let step = plan.follow(&fetch, outcome);
        let scopes = step.closed.iter();
        closed.extend(scopes.map(|scope| (scope.endpoint, scope.pages.is_ok())));
        waiting.extend(step.fetches);
    }
    assert!(plan.is_finished());
    (closed, given)
}

#[test]
fn rows_get_the_serial_number_of_the_unit() {
    let unit = Outcome::Page(Facts::Unit(vec![(
        "serial_number".to_owned(),
        "FAC-VMTM24900001".into(),
    )]));
    let page = Outcome::Page(Facts::List(ListFacts::default()));
    assert_eq!(
        check(&unit, &page),
        (
            vec![(UNIT, true), (TOKENS, true), (COUNTERS, true)],
            vec!["serial_number=\"FAC-VMTM24900001\"".to_owned(); 3]
        )
    );
}

#[test]
fn counters_are_read_without_identity_unless_its_answer_was_lost() {
    let page = Outcome::Page(Facts::List(ListFacts::default()));
    for kind in [FailureKind::Refused, FailureKind::Rejected] {
        let (closed, given) = check(&failed(kind), &page);
        assert_eq!(closed, [(UNIT, true), (TOKENS, true), (COUNTERS, true)]);
        assert!(given.is_empty());
    }
    let (closed, _) = check(&failed(FailureKind::Lost), &page);
    assert_eq!(closed, [(UNIT, false), (COUNTERS, false), (TOKENS, false)]);
    let unit = Outcome::Page(Facts::Unit(Vec::new()));
    let (closed, _) = check(&unit, &failed(FailureKind::Refused));
    assert_eq!(closed, [(UNIT, true), (TOKENS, true), (COUNTERS, false)]);
}
