//! Which snapshots the rules do not keep.

use super::*;

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn surplus(last: Option<u32>, days: Option<u32>, now: &str, there: &[&str]) -> Vec<String> {
    Keep { last, days }.surplus(&names(there), now.parse().unwrap())
}

const THERE: [&str; 4] = [
    "20260101T000000Z",
    "20260110T000000Z",
    "20260111T000000Z",
    "20260112T000000Z",
];

#[test]
fn either_rule_keeps() {
    let now = "2026-01-12T06:00:00Z";
    assert_eq!(surplus(Some(3), None, now, &THERE), [THERE[0]]);
    assert_eq!(surplus(None, Some(2), now, &THERE), [THERE[0]]);
    assert_eq!(surplus(Some(1), Some(1), now, &THERE), [THERE[1], THERE[0]]);
    assert_eq!(surplus(Some(9), Some(1), now, &THERE), [""; 0]);
    assert_eq!(surplus(Some(1), Some(400_000), now, &THERE), [""; 0]);
}

#[test]
fn a_clock_that_is_ahead_makes_nothing_old() {
    // The clock is ahead now.
    assert_eq!(
        surplus(None, Some(30), "2036-01-12T06:00:00Z", &THERE),
        [""; 0]
    );
    // The clock was ahead during one earlier crawl.
    let ahead = [&THERE[..], &["20360101T000000Z"]].concat();
    assert_eq!(
        surplus(None, Some(30), "2026-01-12T06:00:00Z", &ahead),
        [""; 0]
    );
}

#[test]
fn names_that_are_no_times_do_not_count_days() {
    let there = ["20260101T000000Z", "zzz"];
    assert_eq!(
        surplus(None, Some(30), "2026-01-12T06:00:00Z", &there),
        [""; 0]
    );
}

#[test]
fn a_rule_that_keeps_nothing_is_refused() {
    let check = |last, days| Keep { last, days }.check().is_ok();
    assert!(check(Some(1), None) && check(None, Some(1)) && check(Some(1), Some(1)));
    for (last, days) in [
        (None, None),
        (Some(0), None),
        (None, Some(0)),
        (Some(0), Some(1)),
        (Some(1), Some(0)),
    ] {
        assert!(!check(last, days), "{last:?} {days:?}");
    }
}

#[test]
fn a_snapshot_that_is_exactly_as_old_as_allowed_is_kept() {
    let now = "2026-01-12T00:00:00Z";
    assert_eq!(surplus(None, Some(2), now, &THERE), [THERE[0]]);
    assert_eq!(surplus(None, Some(1), now, &THERE), [THERE[1], THERE[0]]);
    assert_eq!(surplus(None, Some(11), now, &THERE), [""; 0]);
    assert_eq!(surplus(None, Some(10), now, &THERE), [THERE[0]]);
}
