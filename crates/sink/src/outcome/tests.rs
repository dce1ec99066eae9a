//! What an outcome allows to delete, and its summary.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Outcome, ScopeOutcome, ScopeResult};
use crate::ScopeId;

fn products(account: i64) -> ScopeId {
    ScopeId {
        source: "acme".to_owned(),
        endpoint: "products/list".to_owned(),
        subject: format!("account={account}"),
    }
}

fn outcome() -> Outcome {
    let entry = |account, result| ScopeOutcome {
        scope: Arc::new(products(account)),
        result,
        rows: BTreeMap::new(),
        observed_at: 0,
    };
    Outcome {
        scopes: vec![
            entry(1, ScopeResult::Complete),
            entry(
                3,
                ScopeResult::Carried {
                    crawl: "before".to_owned(),
                    error: None,
                },
            ),
            entry(
                2,
                ScopeResult::Failed {
                    error: "HTTP 500".to_owned(),
                },
            ),
        ],
        exhaustive: BTreeSet::from([("acme".to_owned(), "products/list".to_owned())]),
        finished_at: 1_795_000_000_500_000,
        ..Outcome::default()
    }
}

#[test]
fn rows_may_be_deleted_only_where_their_absence_is_proven() {
    let outcome = outcome();
    assert!(outcome.may_delete(&products(1)), "complete");
    assert!(!outcome.may_delete(&products(2)), "failed");
    assert!(outcome.may_delete(&products(3)), "carried whole");
    assert!(outcome.may_delete(&products(4)), "no longer exists");
    let selected = Outcome {
        exhaustive: BTreeSet::new(),
        ..outcome
    };
    assert!(!selected.may_delete(&products(4)), "was not asked for");
}

#[test]
fn an_endpoint_with_a_failed_scope_is_not_settled() {
    let mut outcome = outcome();
    assert!(!outcome.is_settled("acme", "products/list"));
    outcome.scopes.pop();
    assert!(outcome.is_settled("acme", "products/list"));
    assert!(!outcome.is_settled("acme", "units/list"), "not exhaustive");
}

#[test]
fn the_summary_counts_scopes_and_names_the_failed() {
    let mut outcome = outcome();
    outcome.scopes.push(ScopeOutcome {
        scope: Arc::new(ScopeId::report()),
        result: ScopeResult::Complete,
        rows: BTreeMap::new(),
        observed_at: 0,
    });
    let summary = outcome.summary();
    let counts = summary.scopes;
    assert_eq!((counts.complete, counts.failed, counts.carried), (1, 1, 1));
    assert_eq!(summary.failed[0].scope, "acme/products.list/account=2");
    assert_eq!(summary.failed[0].account_id, Some(2));
    assert_eq!(summary.finished_at, "2026-11-18T11:06:40.500Z");
}
