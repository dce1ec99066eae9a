//! Tests scopes whose pages cannot be decoded or loaded.

use std::{collections::BTreeMap, sync::Arc};

use fortilake_sink::{Crawl, Phase, Selection};
use fortilake_state::{Journal, MemoryJournal, Record, RecordKind};
use serde_json::{Map, json};

use super::{Collected, Collector, Requested};
use crate::{
    Carry, EarlierCrawl, Fetch, Kind, Pages, Rejected, Result, Scope, TOGETHER_BYTES, notes,
    publish::Models, tables_of,
};

const NOW: i64 = 1_700_000_000_000_000;

fn crawl() -> Crawl {
    Crawl {
        id: "crawl".to_owned(),
        edition: "crawl-1".to_owned(),
        name: "20231114T221320Z".to_owned(),
        phase: Phase::Reading,
        selection: Selection::default(),
        started_at: "2023-11-14T22:13:20Z".to_owned(),
        generator: "the test".to_owned(),
    }
}

fn fetch(account: i64) -> Fetch {
    let arguments = Map::from_iter([("accountId".to_owned(), json!(account))]);
    Fetch::new("acme".into(), "products/list", arguments, 0)
}

/// A journal with one page for each account.
fn journal(pages: &[(i64, &str)]) -> Arc<dyn Journal> {
    let journal = MemoryJournal::default();
    for (account, body) in pages {
        let record = Record {
            kind: RecordKind::Page,
            body: (*body).into(),
            observed_at: NOW + account,
        };
        journal.append(fetch(*account).key(), record).unwrap();
    }
    Arc::new(journal)
}

fn scope(account: i64, pages: Result<Pages, String>) -> Scope {
    Scope {
        unproven: false,
        postponed: false,
        endpoint: "products/list",
        account_id: Some(account),
        ou_id: None,
        organization_id: None,
        rejected: Vec::new(),
        note: None,
        pages,
    }
}

/// Runs a collector over these accounts. Those without an error have their page in the journal.
async fn run(journal: &Arc<dyn Journal>, accounts: &[(i64, Option<&str>)]) -> Result<Collected> {
    let tables = tables_of(&["products/list"]);
    let mut collector = Collector::open(
        &crawl(),
        &tables,
        Models::default(),
        journal.clone(),
        Arc::new(|| NOW),
        Arc::new(|_| {}),
    )
    .await?;
    for (account, error) in accounts {
        let pages = match error {
            None => Ok(Pages::from(fetch(*account))),
            Some(error) => Err((*error).to_owned()),
        };
        collector.take("acme", scope(*account, pages)).await?;
    }
    collector.end(None, true).await
}

fn product(account: i64) -> String {
    json!({ "status": 0, "assets": [{ "serialNumber": format!("FGT{account}") }] }).to_string()
}

/// A page that ends too early.
fn damaged() -> Record {
    Record {
        kind: RecordKind::Page,
        body: "{\"assets\": [".into(),
        observed_at: NOW,
    }
}

fn results(collected: &Collected) -> Vec<(i64, u64, bool)> {
    let scopes = collected.frozen.scopes.iter();
    let result = |record: &crate::freeze::ScopeRecord| {
        let account = record.account_id.unwrap_or_default();
        (account, record.listed, record.error.is_none())
    };
    scopes.map(result).collect()
}

#[tokio::test]
async fn a_scope_with_an_unreadable_page_fails_alone() {
    let (first, third) = (product(1), product(3));
    let journal = journal(&[(1, &first), (2, "{\"assets\": ["), (3, &third)]);
    let collected = run(&journal, &[(1, None), (2, None), (3, None)])
        .await
        .unwrap();
    assert_eq!(
        results(&collected),
        [(1, 1, true), (3, 1, true), (2, 0, false)]
    );
    assert_eq!(collected.closed.len(), 2);
    assert_eq!(collected.frozen.finished_at, NOW + 3);
    assert_eq!(collected.frozen.drift.duplicates, 0);
}

#[tokio::test]
async fn rows_of_an_unreadable_scope_do_not_hide_those_of_another() {
    // Both scopes contain the same product, and the first one fails after it.
    let second = json!({ "status": 0, "assets": [
        { "serialNumber": "FGT1", "accountId": 7, "unheardOf": 1 },
    ] })
    .to_string();
    // The first page is so large that it is decoded alone, before the unreadable one.
    let first = second.clone() + &" ".repeat(TOGETHER_BYTES);
    let journal = journal(&[(1, &first), (2, "{\"assets\": ["), (3, &second)]);
    let broken = Scope {
        pages: Ok([Pages::from(fetch(1)), Pages::from(fetch(2))]
            .into_iter()
            .collect()),
        ..scope(1, Ok(Pages::default()))
    };
    let tables = tables_of(&["products/list"]);
    let clock = Arc::new(|| NOW);
    let mut collector = Collector::open(
        &crawl(),
        &tables,
        Models::default(),
        journal,
        clock,
        Arc::new(|_| {}),
    )
    .await
    .unwrap();
    collector.take("acme", broken).await.unwrap();
    let whole = scope(3, Ok(Pages::from(fetch(3))));
    collector.take("acme", whole).await.unwrap();
    let collected = collector.end(None, true).await.unwrap();
    let rows: Vec<_> = collected
        .frozen
        .scopes
        .iter()
        .map(|record| (record.account_id, record.rows.get("products").copied()))
        .collect();
    assert_eq!(rows, [(Some(3), Some(1)), (Some(1), None)]);
    assert_eq!(collected.frozen.drift.unknown_fields, 1);
}

#[tokio::test]
async fn the_crawl_fails_if_a_delivered_scope_cannot_be_read_again() {
    let page = product(1);
    let first = journal(&[(1, &page), (2, &page)]);
    run(&first, &[(1, None)]).await.unwrap();
    // The page of the logged scope is damaged now.
    let damaged = journal(&[(1, "{\"assets\": [")]);
    let log = first.read(" handover 0").unwrap().unwrap();
    damaged.append(" handover 0", log.clone()).unwrap();
    let error = run(&damaged, &[(1, None)]).await.err().unwrap();
    assert_eq!(error.kind(), Kind::Unreadable);
    // The plan reports the logged scope as failed.
    let lost = journal(&[]);
    lost.append(" handover 0", log.clone()).unwrap();
    let error = run(&lost, &[(1, Some("HTTP 500"))]).await.err().unwrap();
    assert_eq!(error.kind(), Kind::State);
    // The logged scope does not close at all.
    let missing = journal(&[(2, &page)]);
    missing.append(" handover 0", log).unwrap();
    let error = run(&missing, &[(2, None)]).await.err().unwrap();
    assert_eq!(error.kind(), Kind::State);
}

#[tokio::test]
async fn frozen_results_do_not_change() {
    let page = product(1);
    let journal = journal(&[(1, &page)]);
    let first = run(&journal, &[(1, None), (2, Some("HTTP 500"))])
        .await
        .unwrap();
    // A replay makes no calls, so for the failed scope its plan only knows that it was not read.
    let again = [
        (1, None),
        (2, Some("was not read")),
        (3, Some("was not read")),
    ];
    let second = run(&journal, &again).await.unwrap();
    assert_eq!(first.frozen, second.frozen);
    assert!(taken(&journal, Vec::new()).await.is_frozen());
}

#[tokio::test]
async fn a_page_that_is_gone_fails_the_crawl() {
    // An unreadable page is the API's fault and fails its scope. This is the journal's.
    let error = run(&journal(&[]), &[(1, None)]).await.err().unwrap();
    assert_eq!(error.kind(), Kind::State);
}

#[tokio::test]
async fn differences_from_the_api_description_are_counted() {
    let page = |serial: &str| {
        let row = json!({ "serialNumber": serial, "accountId": "seven", "unheardOf": 1 });
        json!({ "status": 0, "assets": [row] }).to_string()
    };
    let journal = journal(&[(1, &page("FGT1")), (2, &page("FGT2"))]);
    let whole = |account| scope(account, Ok(Pages::from(fetch(account))));
    let rejected = Rejected {
        fetch: fetch(3),
        message: "HTTP 400".to_owned(),
    };
    let partial = Scope {
        rejected: vec![rejected],
        ..scope(3, Ok(Pages::default()))
    };
    let collector = taken(&journal, vec![whole(1), whole(2), partial]).await;
    let drift = collector.end(None, true).await.unwrap().frozen.drift;
    assert_eq!((drift.unknown_fields, drift.misfits), (2, 3));
}

#[tokio::test]
async fn rows_that_are_listed_again_are_counted_and_handed_over_once() {
    let page = |serials: [&str; 2]| {
        let rows = serials.map(|serial| json!({ "serialNumber": serial, "accountId": 7 }));
        json!({ "status": 0, "assets": rows }).to_string()
    };
    let (first, second) = (page(["FGT1", "FGT1"]), page(["FGT1", "FGT2"]));
    let journal = journal(&[(1, &first), (2, &second)]);
    let collected = run(&journal, &[(1, None), (2, None)]).await.unwrap();
    // The row that another scope hands over was listed too, and the one that its own scope had listed was not.
    assert_eq!(results(&collected), [(1, 1, true), (2, 2, true)]);
    let scopes = collected.frozen.scopes.iter();
    let rows: Vec<_> = scopes
        .map(|record| (record.pages, record.rows.clone()))
        .collect();
    let one = BTreeMap::from([("products".to_owned(), 1)]);
    assert_eq!(rows, [(1, one.clone()), (1, one)]);
    assert_eq!(collected.frozen.drift.duplicates, 2);
}

/// A collector over this journal that has taken these scopes.
async fn taken(journal: &Arc<dyn Journal>, scopes: Vec<Scope>) -> Collector {
    let tables = tables_of(&["products/list"]);
    let (models, clock) = (Models::default(), Arc::new(|| NOW));
    let (journal, observer) = (journal.clone(), Arc::new(|_: &crate::Event<'_>| {}));
    let opened = Collector::open(&crawl(), &tables, models, journal, clock, observer).await;
    let mut collector = opened.unwrap();
    for scope in scopes {
        collector.take("acme", scope).await.unwrap();
    }
    collector
}

#[tokio::test]
async fn a_collector_knows_whether_anything_can_be_published() {
    let page = product(1);
    let journal = journal(&[(1, &page)]);
    let failed = scope(2, Err("HTTP 500".to_owned()));
    let collector = taken(&journal, vec![failed.clone()]).await;
    assert!(!collector.has_complete_scope());
    assert_eq!(collector.first_failure(), Some(("acme", "HTTP 500")));
    let whole = scope(1, Ok(Pages::from(fetch(1))));
    let collector = taken(&journal, vec![whole, failed]).await;
    assert!(collector.has_complete_scope());
}

#[tokio::test]
async fn an_endpoint_without_any_subject_is_known_completely_if_it_was_requested() {
    let units = Scope {
        endpoint: "units/list",
        account_id: None,
        ..scope(0, Ok(Pages::default()))
    };
    let mut collector = taken(&journal(&[]), vec![units]).await;
    collector.requests(Requested::from([("acme".into(), "accounts/list")]));
    let collected = collector.end(None, true).await.unwrap();
    let pair = |endpoint: &str| ("acme".to_owned(), endpoint.to_owned());
    let known = [pair("accounts/list"), pair("units/list")];
    assert!(collected.frozen.exhaustive.into_iter().eq(known));
}

#[tokio::test]
async fn results_of_another_edition_are_counted_again() {
    let page = product(1);
    let journal = journal(&[(1, &page)]);
    let mut frozen = run(&journal, &[(1, None)]).await.unwrap().frozen;
    frozen.scopes[0].listed = 99;
    for (edition, listed) in [("crawl-1", 99), ("crawl-0", 1)] {
        edition.clone_into(&mut frozen.edition);
        notes::freeze(&*journal, &frozen).unwrap();
        let again = run(&journal, &[(1, None)]).await.unwrap();
        assert_eq!(results(&again), [(1, listed, true)], "{edition}");
    }
    // The same edition does not decode the page to count its rows, so the delivery finds the damage.
    journal.append(fetch(1).key(), damaged()).unwrap();
    for (edition, kind) in [("crawl-1", None), ("crawl-0", Some(Kind::Unreadable))] {
        edition.clone_into(&mut frozen.edition);
        notes::freeze(&*journal, &frozen).unwrap();
        let again = run(&journal, &[(1, None)]).await;
        assert_eq!(again.err().map(|error| error.kind()), kind, "{edition}");
    }
}

#[tokio::test]
async fn rows_of_an_earlier_crawl_are_carried_if_they_can_be_decoded() {
    let before = journal(&[(1, &product(1)), (2, &product(2)), (3, &product(3))]);
    let accounts = [(1, None), (2, None), (3, None)];
    run(&before, &accounts).await.unwrap();
    before.append(fetch(3).key(), damaged()).unwrap();
    let earlier = EarlierCrawl {
        id: "before".to_owned(),
        read: Arc::new(move |key| before.read(key)),
    };
    let carry = Carry {
        earlier: vec![earlier],
        max_age: None,
        refresh: None,
    };
    let journal = journal(&[]);
    let scopes = || {
        vec![
            scope(1, Err("HTTP 500".to_owned())),
            Scope::postponed("products/list", Some(2), "not due"),
            scope(3, Err("HTTP 500".to_owned())),
        ]
    };
    let first = taken(&journal, scopes()).await;
    let first = first.end(Some(carry), true).await.unwrap();
    let told = |collected: &Collected| {
        let scopes = collected.frozen.scopes.iter();
        let told = scopes.map(|record| {
            let (account, from) = (record.account_id.unwrap(), record.carried_from.clone());
            (account, record.listed, from, record.error.clone())
        });
        (told.collect::<Vec<_>>(), collected.carried.len())
    };
    let (from, error) = (Some("before".to_owned()), Some("HTTP 500".to_owned()));
    let expected = vec![
        (1, 1, from.clone(), error.clone()),
        (2, 1, from, None),
        (3, 0, None, error),
    ];
    assert_eq!(told(&first), (expected, 2));
    // A replay needs no earlier crawl.
    let second = taken(&journal, scopes()).await;
    let second = second.end(None, true).await.unwrap();
    assert_eq!(told(&second), told(&first));
    // Another edition counts the rows again, but it cannot take back what is frozen.
    let mut frozen = second.frozen;
    "crawl-0".clone_into(&mut frozen.edition);
    notes::freeze(&*journal, &frozen).unwrap();
    for fetch in first.carried[0].fetches() {
        journal.append(fetch.key(), damaged()).unwrap();
    }
    let third = taken(&journal, scopes()).await.end(None, true).await;
    assert_eq!(third.err().unwrap().kind(), Kind::Unreadable);
}
