//! Tests that a run repeats the handover order of earlier runs before it adds to it.

use fortilake_sink::ScopeId;

use super::Handover;
use crate::{Pages, Scope};

fn offer(handover: &mut Handover, account: i64) -> Vec<(String, bool)> {
    let id = ScopeId {
        source: "acme".to_owned(),
        endpoint: "products/list".to_owned(),
        subject: format!("account={account}"),
    };
    let scope = Scope {
        endpoint: "products/list",
        account_id: Some(account),
        ou_id: None,
        organization_id: None,
        rejected: Vec::new(),
        note: None,
        unproven: false,
        postponed: false,
        pages: Ok(Pages::default()),
    };
    let ready = handover.offer(id, scope).into_iter();
    ready
        .map(|closed| (closed.id.subject, closed.logged))
        .collect()
}

fn logged(accounts: &[i64]) -> Handover {
    let text = |account| format!("acme/products.list/account={account}");
    Handover::new(accounts.iter().map(text).collect())
}

#[test]
fn without_a_log_scopes_keep_the_order_of_the_plan() {
    let mut handover = logged(&[]);
    assert_eq!(offer(&mut handover, 1), [("account=1".to_owned(), false)]);
    assert_eq!(offer(&mut handover, 2), [("account=2".to_owned(), false)]);
    assert_eq!(handover.missing(), None);
}

#[test]
fn a_scope_that_failed_before_follows_the_logged_ones() {
    let mut handover = logged(&[2, 3]);
    assert!(offer(&mut handover, 1).is_empty());
    assert_eq!(offer(&mut handover, 2), [("account=2".to_owned(), true)]);
    assert_eq!(
        offer(&mut handover, 3),
        [
            ("account=3".to_owned(), true),
            ("account=1".to_owned(), false)
        ]
    );
    assert_eq!(offer(&mut handover, 4), [("account=4".to_owned(), false)]);
}

#[test]
fn a_logged_scope_that_closes_early_waits_for_its_turn() {
    let mut handover = logged(&[3, 2]);
    assert!(offer(&mut handover, 2).is_empty());
    assert_eq!(handover.missing(), Some("acme/products.list/account=3"));
    assert_eq!(
        offer(&mut handover, 3),
        [
            ("account=3".to_owned(), true),
            ("account=2".to_owned(), true)
        ]
    );
}

#[test]
fn positions_continue_after_the_logged_scopes() {
    let mut handover = logged(&[2, 3]);
    assert_eq!([handover.add(), handover.add(), handover.add()], [2, 3, 4]);
}
