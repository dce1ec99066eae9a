//! Crawls that publish the rows of earlier crawls in place of scopes that they cannot read.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use fortilake_crawler::{Carry, EarlierCrawl, Incomplete};
use fortilake_simulator::{Row, Scenario};
use fortilake_sink::{Delivery, ScopeResult, Selection};
use fortilake_state::{Journal, MemoryJournal};

use crate::util::{Crawled, Lab, scenario, settings};

/// The length of a day in microseconds.
const DAY: i64 = 86_400_000_000;

/// The number of a day in the tests, and the time at its beginning.
fn noon(day: i64) -> i64 {
    1_700_000_000_000_000 + day * DAY
}

/// An organization with this fault, if any.
fn organization(fault: &str) -> Scenario {
    scenario(&format!("page_size = 25\n{fault}\n"), 5, 6, 150)
}

/// One crawl of a series, and its journal.
struct Day {
    number: i64,
    journal: Arc<MemoryJournal>,
    crawled: Crawled,
}

impl Day {
    fn id(number: i64) -> String {
        format!("crawl-{number}")
    }

    fn earlier(&self) -> EarlierCrawl {
        let journal = self.journal.clone();
        EarlierCrawl {
            id: Self::id(self.number),
            read: Arc::new(move |key| journal.read(key)),
        }
    }

    /// Crawls the organization with this fault, if any.
    async fn crawl(number: i64, fault: &str, carry: impl Into<Option<Carry>>) -> Self {
        let journal = Arc::new(MemoryJournal::default());
        Self::run(number, fault, carry.into(), journal, Selection::default()).await
    }

    async fn run(
        number: i64,
        fault: &str,
        carry: Option<Carry>,
        journal: Arc<MemoryJournal>,
        selection: Selection,
    ) -> Self {
        Self::run_into(Delivery::Atomic, number, fault, carry, journal, selection).await
    }

    async fn run_into(
        delivery: Delivery,
        number: i64,
        fault: &str,
        carry: Option<Carry>,
        journal: Arc<MemoryJournal>,
        selection: Selection,
    ) -> Self {
        let lab = Lab::new(organization(fault));
        let (_stop, mut crawl) =
            lab.crawl(settings(), journal.clone(), |config| config.errors = None);
        crawl.incomplete = Incomplete::Publish;
        crawl.identity.id = Self::id(number);
        crawl.identity.selection = selection;
        crawl.clock = Arc::new(move || noon(number));
        crawl.carry = carry;
        Self {
            number,
            journal,
            crawled: lab.collect_into(crawl, delivery).await,
        }
    }

    fn is_complete(&self) -> bool {
        self.crawled.report().complete
    }

    /// The carried scopes, each with the crawl that read it, its time and the reason.
    fn carried(&self) -> Vec<(String, String, i64, String)> {
        let outcome = &self.crawled.report().outcome;
        let carried = outcome.scopes.iter().filter_map(|found| {
            let ScopeResult::Carried { crawl, error } = &found.result else {
                return None;
            };
            let scope = format!("{} {}", found.scope.endpoint, found.scope.subject);
            let error = error.clone().unwrap_or_default();
            Some((scope, crawl.clone(), found.observed_at, error))
        });
        carried.collect()
    }

    /// The rows of all tables but `coverage`, sorted.
    fn rows(&self) -> BTreeMap<String, Vec<String>> {
        let tables = self.crawled.tables.iter();
        let tables = tables.filter(|(table, _)| *table != "coverage");
        tables
            .map(|(table, rows)| {
                let mut rows: Vec<_> = rows.iter().map(text).collect();
                rows.sort();
                (table.clone(), rows)
            })
            .collect()
    }

    /// How often each result is in `coverage`.
    fn coverage(&self) -> BTreeMap<String, usize> {
        let mut results = BTreeMap::new();
        for row in &self.crawled.tables["coverage"] {
            let result = row["outcome"].as_str().unwrap().to_owned();
            *results.entry(result).or_default() += 1;
        }
        results
    }
}

fn text(row: &Row) -> String {
    serde_json::to_string(row).unwrap()
}

/// Carries from these crawls, newest first.
fn carry_from(days: &[&Day], max_age: Option<Duration>) -> Carry {
    Carry {
        earlier: days.iter().map(|day| day.earlier()).collect(),
        max_age,
        refresh: None,
    }
}

/// A fault that makes the products of one account unreadable.
fn failing_account() -> (i64, String) {
    let truth = fortilake_simulator::Simulator::new(organization("")).truth();
    let account = truth.tables["products"][0]["account_id"].as_i64().unwrap();
    let fault = format!(
        "[[fault]]\npath = \"products/list\"\naccount = {account}\naction = {{ kind = \"refuse\" }}"
    );
    (account, fault)
}

#[tokio::test(start_paused = true)]
async fn rows_of_a_failed_account_are_those_of_the_crawl_before() {
    let (account, fault) = failing_account();
    let whole = Day::crawl(1, "", None).await;
    assert!(whole.is_complete());
    let second = Day::crawl(2, &fault, carry_from(&[&whole], None)).await;
    assert_eq!(second.rows(), whole.rows());
    // The other lists of the account are skipped if its products cannot be read.
    let lists = ["products", "folders", "licenses", "contracts"];
    let scopes = lists.map(|list| format!("{list}/list account={account}"));
    let carried = second.carried();
    let names: Vec<_> = carried.iter().map(|(scope, ..)| scope.clone()).collect();
    assert_eq!(names, scopes);
    for (_, crawl, observed_at, error) in &carried {
        assert_eq!((crawl.as_str(), *observed_at), ("crawl-1", noon(1)));
        assert!(error.contains("Access denied"), "{error}");
    }
    assert_eq!(second.coverage().get("carried"), Some(&4));
    assert_eq!(second.coverage().get("failed"), None);
    // Without `max_age`, a crawl with carried rows is not complete.
    assert!(!second.is_complete());

    // The third crawl carries what the second one carried, under the name of the first.
    let third = Day::crawl(
        3,
        &fault,
        carry_from(&[&second], Some(Duration::from_hours(48))),
    )
    .await;
    assert_eq!(third.rows(), whole.rows());
    assert_eq!(third.carried()[0].1, "crawl-1");
    assert!(third.is_complete(), "the rows are two days old");
    let fourth = Day::crawl(
        4,
        &fault,
        carry_from(&[&third], Some(Duration::from_hours(48))),
    )
    .await;
    assert_eq!(fourth.rows(), whole.rows());
    assert!(!fourth.is_complete(), "the rows are three days old");
}

#[tokio::test(start_paused = true)]
async fn a_replay_needs_no_earlier_crawl() {
    let (_, fault) = failing_account();
    let whole = Day::crawl(1, "", None).await;
    let second = Day::crawl(2, &fault, carry_from(&[&whole], None)).await;
    let journal = second.journal.clone();
    let again = Day::run(2, &fault, None, journal, Selection::default()).await;
    assert_eq!(again.rows(), whole.rows());
    assert_eq!(again.carried(), second.carried());
    assert_eq!(again.crawled.batches, second.crawled.batches);
    assert_eq!(
        again.crawled.report().outcome,
        second.crawled.report().outcome
    );
    assert_eq!(again.crawled.report().calls, 0);
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_delivers_at_once_gets_the_same_carried_rows() {
    let (_, fault) = failing_account();
    let whole = Day::crawl(1, "", None).await;
    let carry = || carry_from(&[&whole], None);
    let atomic = Day::crawl(2, &fault, carry()).await;
    let journal = Arc::new(MemoryJournal::default());
    let everything = Selection::default();
    let delivery = Delivery::AtLeastOnce;
    let at_once = Day::run_into(delivery, 2, &fault, Some(carry()), journal, everything).await;
    assert!(at_once.crawled.finished);
    assert_eq!(at_once.rows(), atomic.rows());
    assert_eq!(at_once.carried(), atomic.carried());
    assert!(!at_once.carried().is_empty());
}

#[tokio::test(start_paused = true)]
async fn accounts_of_a_list_that_failed_are_carried_too() {
    let whole = Day::crawl(1, "", None).await;
    let fault = "[[fault]]\npath = \"accounts/list\"\naction = { kind = \"refuse\" }";
    let second = Day::crawl(2, fault, carry_from(&[&whole], None)).await;
    assert_eq!(second.rows(), whole.rows());
    let carried = second.carried();
    let products = carried
        .iter()
        .filter(|(scope, ..)| scope.starts_with("products/list"));
    let reasons: Vec<_> = products.map(|(.., error)| error.as_str()).collect();
    assert!(reasons.len() >= 6, "{reasons:?}");
    assert!(
        reasons
            .iter()
            .all(|reason| *reason
                == "it was not listed in this crawl, because `accounts/list` failed"),
        "{reasons:?}"
    );
    assert!(!second.is_complete());

    // A crawl of some accounts did not ask for the others, so they are not missing.
    let selection = Selection {
        accounts: Some([1].into()),
        ..Selection::default()
    };
    let journal = Arc::new(MemoryJournal::default());
    let selected = Day::run(
        3,
        fault,
        Some(carry_from(&[&whole], None)),
        journal,
        selection,
    )
    .await;
    let carried = selected.carried();
    assert!(
        carried
            .iter()
            .all(|(scope, ..)| scope.starts_with("accounts/list"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_scope_that_no_crawl_has_read_stays_failed() {
    let (account, fault) = failing_account();
    let first = Day::crawl(1, &fault, None).await;
    let second = Day::crawl(2, &fault, carry_from(&[&first], None)).await;
    assert_eq!(second.carried(), []);
    assert_eq!(second.crawled.report().failed[0].account_id, Some(account));
    // The journal of the crawl before was damaged or deleted.
    let whole = Day::crawl(3, "", None).await;
    let lost = EarlierCrawl {
        id: Day::id(3),
        read: Arc::new(|_| Ok(None)),
    };
    let carry = Carry {
        earlier: vec![lost, whole.earlier()],
        max_age: None,
        refresh: None,
    };
    let fourth = Day::crawl(4, &fault, carry).await;
    assert_eq!(fourth.rows(), whole.rows());
}
