//! One unit, answered in every way.

use super::{Authenticator, COUNTERS, UNIT};
use crate::{Facts, Failure, FailureKind, ListFacts, Outcome, planner::Planner as _};

fn failed(kind: FailureKind) -> Outcome {
    Outcome::Failed(Failure {
        kind,
        message: "no".to_owned(),
    })
}

/// What closed and how, and what the rows were given.
fn check(unit: &Outcome, counters: &Outcome) -> (Vec<(&'static str, bool)>, Vec<String>) {
    let mut plan = Authenticator::new("tokens".into());
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
        let outcome = if fetch.endpoint == UNIT {
            unit
        } else {
            counters
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
fn the_unit_names_its_counters() {
    let unit = Outcome::Page(Facts::Unit(vec![(
        "serial_number".to_owned(),
        "FAC-VMTM24900001".into(),
    )]));
    let page = Outcome::Page(Facts::List(ListFacts::default()));
    assert_eq!(
        check(&unit, &page),
        (
            vec![(UNIT, true), (COUNTERS, true)],
            vec!["serial_number=\"FAC-VMTM24900001\"".to_owned()]
        )
    );
}

#[test]
fn counters_need_no_name_but_no_lost_one_either() {
    let page = Outcome::Page(Facts::List(ListFacts::default()));
    for kind in [FailureKind::Refused, FailureKind::Rejected] {
        let (closed, given) = check(&failed(kind), &page);
        assert_eq!(closed, [(UNIT, true), (COUNTERS, true)]);
        assert!(given.is_empty());
    }
    let (closed, _) = check(&failed(FailureKind::Lost), &page);
    assert_eq!(closed, [(UNIT, false), (COUNTERS, false)]);
    let unit = Outcome::Page(Facts::Unit(Vec::new()));
    let (closed, _) = check(&unit, &failed(FailureKind::Refused));
    assert_eq!(closed, [(UNIT, true), (COUNTERS, false)]);
}
