//! Tests of reading scenarios.

use std::error::Error as _;

use super::{Action, Dates, Empty, Scenario};

fn check(text: &str) -> Scenario {
    Scenario::from_toml(text).unwrap()
}

#[test]
fn the_production_file_is_the_preset() {
    let file = check(include_str!("../../scenarios/production.toml"));
    assert_eq!(file, Scenario::production());
    assert_eq!(check(""), Scenario::production());
}

#[test]
fn the_example_files_say_what_they_are_named_for() {
    assert_eq!(
        check(include_str!("../../scenarios/paged.toml")).page_size,
        25
    );
    let quirky = check(include_str!("../../scenarios/quirky.toml")).quirks;
    assert_eq!(
        (quirky.dates, quirky.empty),
        (Dates::Mixed, Empty::Status1008)
    );
    let faults = check(include_str!("../../scenarios/faults.toml"));
    assert!(
        faults
            .faults
            .iter()
            .any(|fault| fault.action == Action::Reset)
    );
    assert_eq!(faults.quota.calls.len(), 2);
    let neighbors = check(include_str!("../../scenarios/neighbors.toml"));
    assert_eq!(
        (neighbors.portal.page_size, neighbors.portal.refusal),
        (7, 403)
    );
    assert!(!neighbors.authenticator.systeminfo && neighbors.authenticator.total_ftm > 1000);
}

#[test]
fn a_scenario_survives_being_written() {
    let scenario = check(include_str!("../../scenarios/faults.toml"));
    assert_eq!(check(&toml::to_string(&scenario).unwrap()), scenario);
}

#[test]
fn a_bad_scenario_is_explained() {
    for (text, expected) in [
        ("sead = 1", "unknown field `sead`"),
        ("page_base = 2", "`page_base` must be 0 or 1"),
        ("token_redirect = 200", "`token_redirect` must be 301"),
        ("latency = 'soon'", "latency"),
        ("[organization]\nous = 0", "needs at least one OU"),
        (
            "[portal]\nrefusal = 404",
            "`refusal` of `portal` must be 401",
        ),
        ("[portal]\nsites = 1000000", "at most 1000000 sites"),
        ("[portal]\nusers = 1", "unknown field `users`"),
        (
            "[authenticator]\nused_ftm = 201",
            "`used_ftm` must be at most",
        ),
        (
            "[authenticator]\ntotal_ftm = 1000001",
            "at most 1000000 tokens",
        ),
        ("[quirks]\nempty = '301'", "error-301"),
        (
            "[[fault]]\naction = { kind = 'explode' }",
            "unknown variant",
        ),
        ("[[fault]]\naction = { kind = 'http' }", "status"),
    ] {
        let error = Scenario::from_toml(text).unwrap_err();
        assert_eq!(error.to_string(), "cannot read the scenario");
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        assert!(cause.contains(expected), "{text}: {cause}");
    }
}
