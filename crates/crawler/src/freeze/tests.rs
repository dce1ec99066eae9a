//! Tests the results of a crawl, and the outcome that sinks receive.

use std::collections::BTreeMap;

use fortilake_sink::{ScopeId, ScopeResult, Selection};

use super::{Frozen, Postponed, Requested, ScopeRecord, exhaustive};

fn record(endpoint: &str, subject: &str, rows: u64, error: Option<&str>) -> ScopeRecord {
    ScopeRecord {
        scope: ScopeId {
            source: "acme".to_owned(),
            endpoint: endpoint.to_owned(),
            subject: subject.to_owned(),
        },
        account_id: None,
        ou_id: None,
        organization_id: None,
        pages: 1,
        listed: rows,
        rows: BTreeMap::from([("products".to_owned(), rows)]),
        observed_at: 1,
        carried_from: None,
        postponed: false,
        unproven: false,
        error: error.map(str::to_owned),
        note: None,
    }
}

fn known(scopes: &[ScopeRecord]) -> Vec<String> {
    let known = exhaustive(scopes, &Requested::new()).into_iter();
    known.map(|(_, endpoint)| endpoint).collect()
}

#[test]
fn all_scopes_are_known_if_their_parent_is_complete() {
    let units = record("units/list", "", 0, None);
    let accounts = record("accounts/list", "unit=1", 0, None);
    let failed = record("accounts/list", "unit=2", 0, Some("HTTP 500"));
    let products = record("products/list", "account=1", 1, Some("HTTP 500"));
    let all = [units.clone(), accounts.clone(), products.clone()];
    // A failed scope still exists, so all scopes are known.
    assert_eq!(
        known(&all),
        ["accounts/list", "products/list", "units/list"]
    );
    let some = [units, accounts, failed, products.clone()];
    assert_eq!(known(&some), ["accounts/list", "units/list"]);
    assert!(known(&[products]).is_empty(), "no organization was read");
}

#[test]
fn no_scope_is_left_of_an_endpoint_whose_subjects_are_gone() {
    let units = record("units/list", "", 0, None);
    let accounts = record("accounts/list", "unit=1", 0, None);
    let requested = [
        "units/list",
        "accounts/list",
        "products/list",
        "flex/programs/list",
    ];
    let requested = requested.map(|endpoint| ("acme".into(), endpoint));
    let known = |scopes: &[ScopeRecord]| {
        let known = exhaustive(scopes, &Requested::from(requested.clone())).into_iter();
        known.map(|(_, endpoint)| endpoint).collect::<Vec<_>>()
    };
    assert_eq!(
        known(&[units.clone(), accounts.clone()]),
        ["accounts/list", "products/list", "units/list"]
    );
    let failed = record("accounts/list", "unit=2", 0, Some("HTTP 500"));
    assert_eq!(
        known(&[units, accounts, failed]),
        ["accounts/list", "units/list"]
    );
    assert!(known(&[]).is_empty());
}

#[test]
fn the_outcome_ends_with_failed_scopes_and_counts_coverage_rows() {
    let frozen = Frozen {
        scopes: vec![
            record("products/list", "account=1", 2, None),
            record("products/list", "account=3", 1, None),
            record("products/list", "account=2", 0, Some("HTTP 500")),
        ],
        finished_at: 7,
        ..Frozen::default()
    };
    let tables = ["products", "coverage", "issues"];
    let outcome = frozen.outcome(&Selection::default(), tables);
    assert!(!outcome.complete);
    let order: Vec<_> = outcome
        .scopes
        .iter()
        .map(|found| found.scope.text())
        .collect();
    assert_eq!(
        order,
        [
            "acme/products.list/account=1",
            "acme/products.list/account=3",
            "/report/",
            "acme/products.list/account=2"
        ]
    );
    assert!(matches!(
        outcome.scopes[3].result,
        ScopeResult::Failed { .. }
    ));
    let totals: Vec<_> = outcome
        .tables
        .iter()
        .map(|(name, rows)| (name.as_str(), *rows))
        .collect();
    assert_eq!(totals, [("coverage", 3), ("issues", 0), ("products", 3)]);
    assert_eq!(outcome.finished_at, 7);
}

#[test]
fn a_crawl_with_a_selection_knows_no_endpoint_completely() {
    let frozen = Frozen {
        scopes: vec![record("units/list", "", 0, None)],
        exhaustive: [("acme".to_owned(), "units/list".to_owned())].into(),
        ..Frozen::default()
    };
    let selection = Selection {
        accounts: Some([1].into()),
        ..Selection::default()
    };
    assert!(frozen.outcome(&selection, []).exhaustive.is_empty());
    let all = frozen.outcome(&Selection::default(), []);
    assert_eq!(all.exhaustive.len(), 1);
}

/// The record of a scope whose rows are from an earlier crawl.
fn carried(observed_at: i64, error: Option<&str>) -> ScopeRecord {
    ScopeRecord {
        carried_from: Some("before".to_owned()),
        observed_at,
        ..record("products/list", "account=1", 1, error)
    }
}

#[test]
fn carried_rows_are_complete_up_to_the_age_allowed() {
    let is_complete = |record: ScopeRecord, max_age| {
        let frozen = Frozen {
            scopes: vec![record],
            finished_at: 100,
            max_age,
            ..Frozen::default()
        };
        frozen.is_complete()
    };
    for error in [None, Some("HTTP 500")] {
        assert!(is_complete(carried(90, error), Some(10)));
        assert!(!is_complete(carried(89, error), Some(10)));
        assert!(!is_complete(carried(100, error), None));
    }
    let failed = record("products/list", "account=1", 0, Some("HTTP 500"));
    assert!(!is_complete(failed, Some(10)));
    assert!(is_complete(
        record("products/list", "account=1", 1, None),
        None
    ));
}

#[test]
fn postponed_scopes_are_those_that_the_crawl_did_not_try_to_read() {
    let postponed = |records: Vec<ScopeRecord>| {
        let frozen = Frozen {
            scopes: records,
            ..Frozen::default()
        };
        frozen.postponed()
    };
    let read = record("products/list", "account=2", 1, None);
    let failed = record("products/list", "account=3", 0, Some("HTTP 500"));
    let tried = carried(3, Some("HTTP 500"));
    assert_eq!(
        postponed(vec![read.clone(), failed.clone(), tried.clone()]),
        Postponed::default()
    );
    let unread = ScopeRecord {
        postponed: true,
        ..record("products/list", "account=4", 0, Some("not due"))
    };
    let found = postponed(vec![
        read,
        carried(7, None),
        failed,
        carried(5, None),
        unread,
        tried,
        carried(6, None),
    ]);
    let expected = Postponed {
        carried: 3,
        oldest: Some(5),
        unread: ["acme/products.list/account=4".to_owned()].into(),
    };
    assert_eq!(found, expected);
}

#[test]
fn the_summary_has_the_notes_that_are_about_the_whole_snapshot() {
    let with_note = |endpoint, subject, unproven| ScopeRecord {
        note: Some(format!("a note of {endpoint}")),
        unproven,
        ..record(endpoint, subject, 1, None)
    };
    let frozen = Frozen {
        scopes: vec![
            with_note("units/list", "", false),
            with_note("products/list", "account=1", true),
            with_note("products/list", "account=2", true),
            with_note("products/list", "account=3", false),
        ],
        ..Frozen::default()
    };
    let notes = frozen.notes();
    assert_eq!(notes[0], "acme: a note of units/list");
    assert!(
        notes[1].starts_with("acme: 2 lists of products were searched without `%`"),
        "{}",
        notes[1]
    );
    assert_eq!(notes.len(), 2);
}

#[test]
fn the_rows_of_a_carried_scope_are_delivered() {
    let frozen = Frozen {
        scopes: vec![carried(1, Some("HTTP 500")), carried(1, None)],
        ..Frozen::default()
    };
    let outcome = frozen.outcome(&Selection::default(), ["products"]);
    let results: Vec<_> = outcome.scopes.iter().map(|found| &found.result).collect();
    let carried = |error: Option<&str>| ScopeResult::Carried {
        crawl: "before".to_owned(),
        error: error.map(str::to_owned),
    };
    // The report, which contains no row without the table `coverage`, comes before failed scopes.
    assert_eq!(
        results,
        [
            &carried(Some("HTTP 500")),
            &carried(None),
            &ScopeResult::Complete
        ]
    );
    assert_eq!(outcome.tables["products"], 2);
    assert!(outcome.scopes[2].rows.is_empty());
}
