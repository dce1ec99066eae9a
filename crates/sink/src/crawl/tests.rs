//! How snapshot names are chosen, and which selections cover which.

use std::collections::BTreeSet;

use super::{Crawl, Phase, Selection, choose_name, matches_model};

fn crawl(phase: Phase) -> Crawl {
    Crawl {
        id: "1".to_owned(),
        edition: "1-a".to_owned(),
        name: "20261128T120000Z".to_owned(),
        phase,
        selection: Selection::default(),
        started_at: "2026-11-28T12:00:00Z".to_owned(),
        generator: "test".to_owned(),
    }
}

fn chosen(phase: Phase, there: &[&str]) -> String {
    let there = there.iter().map(|&name| name.to_owned()).collect();
    choose_name(&crawl(phase), None, &there)
}

#[test]
fn a_name_is_the_start_unless_it_is_taken() {
    assert_eq!(chosen(Phase::Reading, &[]), "20261128T120000Z");
    let taken = ["20261128T120000Z", "20261128T120001Z"];
    assert_eq!(chosen(Phase::Reading, &taken), "20261128T120002Z");
    assert_eq!(chosen(Phase::Ended, &taken[..1]), "20261128T120001Z");
}

#[test]
fn a_reading_crawl_is_above_all_that_is_there_and_a_replay_stays_behind() {
    let ahead = ["20361231T235959Z"];
    assert_eq!(chosen(Phase::Reading, &ahead), "20370101T000000Z");
    assert_eq!(chosen(Phase::Ended, &ahead), "20261128T120000Z");
    assert_eq!(
        chosen(Phase::Reading, &["20280228T235959Z"]),
        "20280229T000000Z",
        "a leap year"
    );
}

#[test]
fn a_claim_is_kept_whatever_else_is_there() {
    let there = BTreeSet::from(["20270101T000000Z".to_owned()]);
    let name = choose_name(&crawl(Phase::Reading), Some("20261128T120000Z"), &there);
    assert_eq!(name, "20261128T120000Z");
}

#[test]
fn a_name_that_is_no_time_still_gets_a_successor() {
    assert_eq!(chosen(Phase::Reading, &["zzz"]), "zzz0");
}

#[test]
fn a_selection_covers_what_it_reads() {
    let all = Selection::default();
    let some = |accounts: &[i64]| Selection {
        accounts: Some(accounts.iter().copied().collect()),
        ..Selection::default()
    };
    assert!(all.covers(&all) && all.covers(&some(&[1])));
    assert!(!some(&[1]).covers(&all) && !some(&[1]).covers(&some(&[1, 2])));
    assert!(some(&[1, 2]).covers(&some(&[1])));
}

#[test]
fn a_selection_of_models_covers_narrower_patterns_of_the_same_source() {
    let models = |sources: &[(&str, &[&str])]| {
        let of = |models: &[&str]| models.iter().map(ToString::to_string).collect();
        let models = sources
            .iter()
            .map(|(source, models)| (source.to_string(), of(models)));
        Selection {
            models: Some(models.collect()),
            ..Selection::default()
        }
    };
    let all = Selection::default();
    let gates = models(&[("acme", &["FortiGate*"])]);
    let more = models(&[("acme", &["FortiGate*", "FortiWiFi*"])]);
    let one = models(&[("acme", &["fortigate-60F"])]);
    assert!(all.covers(&gates) && !gates.covers(&all));
    assert!(more.covers(&gates) && !gates.covers(&more));
    assert!(gates.covers(&one) && !one.covers(&gates));
    // A source without an entry is published whole.
    assert!(!gates.covers(&models(&[("other", &["FortiGate*"])])));
    let other = Selection {
        sources: Some(["other".to_owned()].into()),
        ..Selection::default()
    };
    assert!(gates.covers(&other));
}

#[test]
fn a_model_matches_without_case_and_with_any_ending() {
    for (pattern, model, matches) in [
        ("FortiGate*", "FortiGate 60F", true),
        ("fortigate*", "FORTIGATE", true),
        ("FortiGate", "FortiGate 60F", false),
        ("FortiGate", "fortigate", true),
        ("*", "", true),
        ("FortiGate*", "Forti", false),
        ("Forti\u{df}*", "Forti\u{1e9e}", false),
    ] {
        assert_eq!(matches_model(pattern, model), matches, "{pattern} {model}");
    }
}
