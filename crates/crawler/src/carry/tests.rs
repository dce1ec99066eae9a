//! Tests which scopes are carried, and what an earlier journal must have for that.

use std::collections::BTreeMap;

use fortilake_state::MemoryJournal;
use serde_json::{Map, json};

use super::*;
use crate::{Pages, Rejected, Scope, stored_scope::StoredScope};

fn id(source: &str, endpoint: &str, subject: &str) -> ScopeId {
    ScopeId {
        source: source.to_owned(),
        endpoint: endpoint.to_owned(),
        subject: subject.to_owned(),
    }
}

fn record(id: &ScopeId, error: Option<&str>) -> ScopeRecord {
    ScopeRecord {
        scope: id.clone(),
        account_id: None,
        ou_id: None,
        organization_id: None,
        pages: 1,
        listed: 1,
        rows: BTreeMap::new(),
        observed_at: 1,
        carried_from: None,
        error: error.map(str::to_owned),
        postponed: false,
        unproven: false,
        note: None,
    }
}

fn earlier(journal: Arc<MemoryJournal>) -> EarlierCrawl {
    EarlierCrawl {
        id: "before".to_owned(),
        read: Arc::new(move |key| journal.read(key)),
    }
}

/// Carries from one earlier crawl that read these scopes.
fn after(scopes: &[ScopeId]) -> Carry {
    let journal = MemoryJournal::default();
    let frozen = Frozen {
        scopes: scopes.iter().map(|id| record(id, None)).collect(),
        ..Frozen::default()
    };
    notes::freeze(&journal, &frozen).unwrap();
    Carry {
        earlier: vec![earlier(Arc::new(journal))],
        max_age: None,
        refresh: None,
    }
}

fn unread(id: &ScopeId, error: Option<&str>) -> Unread {
    Unread {
        id: id.clone(),
        error: error.map(str::to_owned),
    }
}

#[test]
fn a_scope_that_was_not_tried_is_carried_without_an_error() {
    let (one, two) = (
        id("acme", "products/list", "account=1"),
        id("acme", "products/list", "account=2"),
    );
    let failed = record(&one, Some("HTTP 500"));
    let postponed = ScopeRecord {
        postponed: true,
        ..record(&two, Some("not due"))
    };
    let found = after(&[]).unread(&[], &[failed, postponed], true).unwrap();
    assert_eq!(found, [unread(&one, Some("HTTP 500")), unread(&two, None)]);
}

#[test]
fn a_scope_is_missing_if_the_list_that_names_it_failed() {
    let products =
        |source: &str, account: i64| id(source, "products/list", &format!("account={account}"));
    let known = [
        products("acme", 1),
        products("acme", 2),
        products("other", 1),
        id("acme", "folders/list", "account=1"),
        id("acme", "flex/programs/list", ""),
    ];
    let carry = after(&known);
    let accounts = id("acme", "accounts/list", "unit=1");
    let read = [record(&known[1], None)];
    let failed = [record(&accounts, Some("HTTP 500"))];
    let why = Some("it was not listed in this crawl, because `accounts/list` failed");
    let found = carry.unread(&read, &failed, true).unwrap();
    assert_eq!(
        found,
        [
            unread(&accounts, Some("HTTP 500")),
            unread(&known[0], why),
            unread(&known[3], why)
        ]
    );
    // A crawl that is limited to a selection does not ask for the others.
    let found = carry.unread(&read, &failed, false).unwrap();
    assert_eq!(found, [unread(&accounts, Some("HTTP 500"))]);
    // If every list was read, subjects that are not in them no longer exist.
    let complete = [record(&accounts, None)];
    assert_eq!(carry.unread(&complete, &[], true).unwrap(), []);
    // A list of another account says nothing about this one.
    let other = [record(&known[1], Some("HTTP 500"))];
    let found = carry.unread(&complete, &other, true).unwrap();
    assert_eq!(found, [unread(&known[1], Some("HTTP 500"))]);
}

fn fetch(page: i64) -> Fetch {
    let arguments = Map::from_iter([("accountId".to_owned(), json!(page))]);
    Fetch::new("acme".into(), "products/list", arguments, 0)
}

fn entry(kind: RecordKind) -> Record {
    Record {
        kind,
        body: "{}".into(),
        observed_at: 5,
    }
}

/// A journal that describes a scope of two pages and a rejected call, and has these records.
fn described(id: &ScopeId, records: &[(i64, RecordKind)]) -> EarlierCrawl {
    let journal = MemoryJournal::default();
    let scope = Scope {
        rejected: vec![Rejected {
            fetch: fetch(3),
            message: "error 101".to_owned(),
        }],
        account_id: Some(1),
        ..Scope::of(
            "products/list",
            Ok([Pages::from(fetch(1)), Pages::from(fetch(2))]
                .into_iter()
                .collect()),
        )
    };
    let closed = Closed {
        id: id.clone(),
        scope,
        logged: false,
        carried_from: None,
    };
    let stored = StoredScope::new(&closed).unwrap();
    notes::describe(&journal, &id.text(), &stored).unwrap();
    for (page, kind) in records {
        journal.append(fetch(*page).key(), entry(*kind)).unwrap();
    }
    earlier(Arc::new(journal))
}

#[test]
fn a_scope_is_copied_with_all_its_pages_or_not_at_all() {
    let id = id("acme", "products/list", "account=1");
    let (page, failure) = (RecordKind::Page, RecordKind::Failure);
    let incomplete = [
        vec![(1, page)],
        vec![(1, page), (2, failure)],
        vec![(2, page), (3, failure)],
    ];
    for records in incomplete {
        let journal = MemoryJournal::default();
        let copied = described(&id, &records).copy(&journal, &id).unwrap();
        assert!(copied.is_none());
        assert_eq!(journal.records().unwrap().count(), 0);
    }
    let journal = MemoryJournal::default();
    let whole = described(&id, &[(1, page), (2, page), (3, failure)]);
    let copied = whole.copy(&journal, &id).unwrap().unwrap();
    assert_eq!(copied.carried_from.as_deref(), Some("before"));
    let fetches = copied.fetches();
    let rejected = copied.rejected().map(|rejected| rejected.fetch);
    for fetch in fetches.into_iter().chain(rejected) {
        let record = journal.read(fetch.key()).unwrap().unwrap();
        assert_eq!(record.observed_at, 5, "{}", fetch.key());
    }
    assert_eq!(journal.records().unwrap().count(), 3);
}

#[test]
fn ages_are_in_microseconds() {
    assert_eq!(micros(Duration::from_millis(1500)), 1_500_000);
    assert_eq!(micros(Duration::MAX), i64::MAX);
}
