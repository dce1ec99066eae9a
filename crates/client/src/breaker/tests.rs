//! Tests of the breaker, one instant at a time.

use super::*;

const SECOND: Micros = 1_000_000;

fn open() -> Breaker {
    let mut breaker = Breaker::default();
    for _ in 0..FAILURES {
        breaker.call_failed(0);
    }
    breaker
}

#[test]
fn three_failures_in_a_row_are_too_many() {
    let mut breaker = Breaker::default();
    breaker.call_failed(0);
    breaker.call_failed(0);
    assert_eq!(breaker.decide(0), BreakerDecision::Free);
    breaker.answered();
    breaker.call_failed(0);
    breaker.call_failed(0);
    assert_eq!(breaker.decide(0), BreakerDecision::Free);
    breaker.call_failed(7);
    assert_eq!(breaker.decide(8), BreakerDecision::At(300 * SECOND + 7));
}

#[test]
fn one_call_tries_whether_anything_is_answered_again() {
    let mut breaker = open();
    assert_eq!(
        breaker.decide(300 * SECOND - 1),
        BreakerDecision::At(300 * SECOND)
    );
    assert_eq!(breaker.decide(300 * SECOND), BreakerDecision::Probe);
    breaker.probe();
    assert_eq!(breaker.decide(300 * SECOND), BreakerDecision::AfterProbe);
    breaker.probe_failed(rest_until(310 * SECOND));
    assert_eq!(
        breaker.decide(310 * SECOND),
        BreakerDecision::At(610 * SECOND)
    );
    breaker.probe();
    breaker.answered();
    assert_eq!(breaker.decide(610 * SECOND), BreakerDecision::Free);
}
