//! What can be concluded from scopes.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, StringArray};

use super::*;

const PRODUCTS: &str = "products/list";
const ACCOUNTS: &str = "accounts/list";

/// A scope: source, endpoint, account, and result.
type Scope<'a> = (&'a str, &'a str, Option<i64>, &'a str);

fn coverage(scopes: &[Scope<'_>]) -> Coverage {
    let texts = |of: fn(&Scope<'_>) -> String| -> ArrayRef {
        Arc::new(
            scopes
                .iter()
                .map(|scope| Some(of(scope)))
                .collect::<StringArray>(),
        )
    };
    let accounts: Int64Array = scopes.iter().map(|scope| scope.2).collect();
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("_source", texts(|scope| scope.0.to_owned()), false),
        ("endpoint", texts(|scope| scope.1.to_owned()), true),
        ("account_id", Arc::new(accounts), true),
        ("outcome", texts(|scope| scope.3.to_owned()), true),
    ]);
    let mut coverage = Coverage {
        is_everything: true,
        ..Coverage::default()
    };
    coverage.add(&batch.unwrap());
    coverage
}

/// Two accounts that were read after their list.
fn whole() -> Coverage {
    coverage(&[
        ("acme", ACCOUNTS, None, "complete"),
        ("acme", PRODUCTS, Some(1), "complete"),
        ("acme", PRODUCTS, Some(2), "complete"),
    ])
}

#[test]
fn an_account_is_known_if_it_was_read() {
    let partial = coverage(&[
        ("acme", ACCOUNTS, None, "complete"),
        ("acme", PRODUCTS, Some(1), "failed"),
        ("acme", PRODUCTS, Some(2), "carried"),
    ]);
    assert!(!partial.knows(PRODUCTS, "acme", Some(1), &whole()));
    assert!(partial.knows(PRODUCTS, "acme", Some(2), &whole()));
    assert!(partial.knows(ACCOUNTS, "acme", Some(1), &whole()));
    // An endpoint that was not read says nothing.
    assert!(!whole().knows("licenses/list", "acme", Some(1), &whole()));
}

#[test]
fn an_account_that_is_not_mentioned_did_not_exist_if_all_accounts_were_listed() {
    let one = |list: &'static str| {
        coverage(&[
            ("acme", ACCOUNTS, None, list),
            ("acme", PRODUCTS, Some(1), "complete"),
        ])
    };
    assert!(one("complete").knows(PRODUCTS, "acme", Some(2), &whole()));
    assert!(!one("failed").knows(PRODUCTS, "acme", Some(2), &whole()));
    let selection = Coverage {
        is_everything: false,
        ..one("complete")
    };
    assert!(!selection.knows(PRODUCTS, "acme", Some(2), &whole()));
    // A crawl that read only the user's own account listed no accounts.
    let own = coverage(&[
        ("acme", "units/list", None, "complete"),
        ("acme", PRODUCTS, Some(1), "complete"),
    ]);
    assert!(!own.knows(PRODUCTS, "acme", Some(2), &whole()));
}

#[test]
fn lists_that_can_overlap_are_known_only_together() {
    let one_failed = coverage(&[
        ("acme", ACCOUNTS, None, "complete"),
        ("acme", ACCOUNTS, None, "failed"),
        ("acme", PRODUCTS, Some(1), "complete"),
    ]);
    assert!(!one_failed.knows(ACCOUNTS, "acme", Some(1), &whole()));
}

#[test]
fn a_source_can_be_renamed() {
    let renamed = coverage(&[
        ("acme-cloud", ACCOUNTS, None, "complete"),
        ("acme-cloud", PRODUCTS, Some(1), "complete"),
    ]);
    assert!(renamed.knows(PRODUCTS, "acme", Some(1), &whole()));
    assert!(!renamed.knows(PRODUCTS, "acme", Some(2), &whole()));
    assert!(!renamed.knows(PRODUCTS, "acme", None, &whole()));
}

#[test]
fn a_crawl_of_some_models_says_nothing_about_others() {
    let of = |models: &[&str]| {
        let models = models.iter().map(ToString::to_string).collect();
        Coverage {
            models: Some([("acme".to_owned(), models)].into()),
            ..whole()
        }
    };
    let gates = of(&["FortiGate*"]);
    assert!(!gates.knows(PRODUCTS, "acme", Some(1), &whole()));
    assert!(gates.knows(PRODUCTS, "acme", Some(1), &of(&["FortiGate-60F"])));
    assert!(whole().knows(PRODUCTS, "acme", Some(1), &gates));
    // Accounts are published as a whole.
    assert!(gates.knows(ACCOUNTS, "acme", Some(1), &whole()));
}
