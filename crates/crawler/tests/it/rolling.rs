//! Rolling crawls: every hour, the accounts that were read longest ago are read again.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use fortilake_client::{Config, Window};
use fortilake_crawler::{Carry, Crawl, EarlierCrawl, Refresh, Report};
use fortilake_simulator::{Row, Scenario};
use fortilake_sink::{
    self as sink, Batch, Delivery, Outcome, Receipt, ScopeResult, Sink, testing::receipt,
};
use fortilake_state::{Journal, MemoryJournal};
use tokio::sync::watch;

use crate::util::{Lab, open_sink, products_only, scenario};

/// The length of an hour in microseconds.
const HOUR: i64 = 3_600_000_000;

/// The time at the beginning of this hour of the tests.
fn time(hour: i64) -> i64 {
    1_700_000_000_000_000 + hour * HOUR
}

/// One crawl of a series, and its journal.
struct Hour {
    number: i64,
    journal: Arc<MemoryJournal>,
    report: Report,
    /// The rows that its sink kept.
    tables: BTreeMap<String, Vec<Row>>,
}

/// A series of crawls of one organization, one per hour.
struct Series {
    lab: Lab,
    refresh: Refresh,
}

impl Series {
    fn new(scenario: Scenario, hours: u64, calls: impl Into<Option<u64>>) -> Self {
        let refresh = Refresh {
            every: Duration::from_secs(3600 * hours),
            calls: calls.into(),
        };
        Self {
            lab: Lab::new(scenario),
            refresh,
        }
    }

    /// Crawls in this hour, and carries from the crawl before.
    async fn crawl(&self, hour: i64, before: Option<&Hour>) -> Hour {
        let journal = Arc::new(MemoryJournal::default());
        let (_stop, crawl) = self.prepare(hour, before, &journal);
        let crawled = self.lab.collect(crawl).await;
        Hour {
            number: hour,
            journal,
            report: crawled.report.unwrap(),
            tables: crawled.tables,
        }
    }

    fn prepare(
        &self,
        hour: i64,
        before: Option<&Hour>,
        journal: &Arc<MemoryJournal>,
    ) -> (watch::Sender<bool>, Crawl) {
        let settings = products_only();
        let (stop, mut crawl) = self
            .lab
            .crawl(settings, journal.clone(), |config| config.errors = None);
        crawl.identity.id = format!("crawl-{hour}");
        crawl.clock = Arc::new(move || time(hour));
        crawl.carry = Some(Carry {
            earlier: before.map(Hour::earlier).into_iter().collect(),
            max_age: Some(2 * self.refresh.every),
            refresh: Some(self.refresh),
        });
        (stop, crawl)
    }
}

impl Hour {
    fn earlier(&self) -> EarlierCrawl {
        let journal = self.journal.clone();
        EarlierCrawl {
            id: format!("crawl-{}", self.number),
            read: Arc::new(move |key| journal.read(key)),
        }
    }

    fn report(&self) -> &Report {
        &self.report
    }

    /// The hour in which the products of each account were read.
    fn read_in(&self) -> BTreeMap<i64, i64> {
        let scopes = self.report().outcome.scopes.iter();
        let with_rows = scopes.filter(|found| !matches!(found.result, ScopeResult::Failed { .. }));
        with_rows
            .filter_map(|found| {
                let account = found.scope.subject_number("account")?;
                Some((account, (found.observed_at - time(0)) / HOUR))
            })
            .collect()
    }

    /// The accounts whose products this crawl has read.
    fn fresh(&self) -> Vec<i64> {
        let hours = self.read_in().into_iter();
        hours
            .filter_map(|(account, hour)| (hour == self.number).then_some(account))
            .collect()
    }

    fn products(&self) -> Vec<String> {
        let rows = self.tables["products"].iter();
        let mut serials: Vec<_> = rows
            .map(|row| row["serial_number"].as_str().unwrap().to_owned())
            .collect();
        serials.sort();
        serials
    }
}

/// One unit with these accounts.
fn organization(accounts: u64, fault: &str) -> Scenario {
    scenario(fault, 1, accounts, accounts * 5)
}

#[tokio::test(start_paused = true)]
async fn accounts_that_are_not_due_are_carried_and_complete() {
    let series = Series::new(organization(6, ""), 24, None);
    let first = series.crawl(0, None).await;
    assert!(first.report().complete);
    let second = series.crawl(1, Some(&first)).await;
    assert!(second.fresh().is_empty());
    assert!(second.report().complete);
    assert!(second.report().failed.is_empty());
    assert_eq!(second.report().postponed.carried, 6);
    assert_eq!(second.report().postponed.oldest, Some(time(0)));
    // The units and the two lists of accounts.
    assert_eq!(
        second.report().outcome.scopes.len(),
        first.report().outcome.scopes.len()
    );
    assert_eq!(second.products(), first.products());
    let third = series.crawl(25, Some(&second)).await;
    assert_eq!(third.fresh().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn each_crawl_reads_the_accounts_that_wait_longest() {
    // A full crawl takes 3 calls to find the accounts, and 2 for each of them.
    let series = Series::new(organization(10, ""), 2, 9);
    let whole = crate::util::crawl_with(
        organization(10, ""),
        products_only(),
        fortilake_crawler::Incomplete::Publish,
    )
    .await;
    let mut before: Option<Hour> = None;
    for hour in 0..12 {
        let sent = *series.lab.calls.borrow();
        let now = series.crawl(hour, before.as_ref()).await;
        assert_eq!(now.fresh().len(), 3, "hour {hour}");
        // One more call signs in.
        assert!(*series.lab.calls.borrow() - sent <= 9 + 2, "hour {hour}");
        let ages = now.read_in();
        let unread = usize::try_from(10 - 3 * (hour + 1)).unwrap_or(0);
        assert_eq!(ages.len(), 10 - unread, "hour {hour}");
        assert_eq!(now.report().complete, unread == 0, "hour {hour}");
        assert_eq!(now.report().postponed.unread.len(), unread, "hour {hour}");
        assert_eq!(now.report().failed.len(), unread, "hour {hour}");
        // ceil(10 accounts / 3 per hour) crawls read every account once.
        assert!(ages.values().all(|read| hour - read < 4), "{ages:?}");
        if unread == 0 {
            assert_eq!(now.products().len(), whole.tables["products"].len());
        }
        before = Some(now);
    }
}

/// An organization, and the limits of each of its users.
#[derive(Clone, Copy)]
struct Limited {
    accounts: u64,
    products: u64,
    /// How many calls a user may make in a minute.
    per_minute: u32,
    /// How many calls a user may make in an hour.
    per_hour: u32,
    /// How many calls of an hour are left for the sign-ins.
    for_sign_ins: u64,
}

impl Limited {
    /// A tenth of the vendor's limits.
    fn scaled(accounts: u64) -> Self {
        Self {
            accounts,
            products: 5 * accounts,
            per_minute: 10,
            per_hour: 100,
            for_sign_ins: 5,
        }
    }

    /// The simulator enforces the limits, too.
    fn scenario(&self) -> Scenario {
        let (per_minute, per_hour) = (self.per_minute, self.per_hour);
        let text = format!(
            "latency = \"200ms\"\n\
             [credentials]\nmore_users = [\"second\"]\n\
             [quota]\n\
             calls = [{{ max = {per_minute}, per = \"1m\" }}, {{ max = {per_hour}, per = \"1h\" }}]\n\
             errors = {{ max = 10, per = \"1h\" }}\n"
        );
        scenario(&text, 1, self.accounts, self.products)
    }

    fn configure(&self, config: &mut Config) {
        let windows = [(self.per_minute, 1), (self.per_hour, 60)];
        config.calls = windows
            .map(|(max, minutes)| Window {
                max,
                per: Duration::from_mins(minutes),
            })
            .into();
        config.errors = None;
    }

    /// How old rows become, in hours, if the organization is crawled every hour as these users.
    async fn oldest(&self, users: &[&str]) -> i64 {
        let calls = (u64::from(self.per_hour) - self.for_sign_ins) * users.len() as u64;
        let series = Series::new(self.scenario(), 1, calls);
        let products = series.lab.simulator.truth().tables["products"].len() as u64;
        let began = tokio::time::Instant::now();
        // Two calls for each account. In every crawl, three calls find the accounts.
        let needed = i64::try_from((2 * self.accounts).div_ceil(calls - 3)).unwrap();
        let (mut before, mut oldest): (Option<Hour>, i64) = (None, 0);
        // Once every account was read, each hour is as the one before.
        for hour in 0..=needed + needed.min(10) {
            let at = began + Duration::from_secs(3600 * hour.unsigned_abs());
            tokio::time::sleep_until(at).await;
            let journal = Arc::new(MemoryJournal::default());
            let (_stop, mut crawl) = series.prepare(hour, before.as_ref(), &journal);
            let client = |user: &&str| series.lab.client_of(user, |config| self.configure(config));
            crawl.sources[0].clients = users.iter().map(client).map(Arc::new).collect();
            let max_age = Duration::from_secs(3600 * needed.unsigned_abs());
            crawl.carry.as_mut().unwrap().max_age = Some(max_age);
            let counted = Arc::new(AtomicU64::new(0));
            let sink = Count(counted.clone());
            crawl.sinks = vec![open_sink(&crawl, Delivery::Atomic, sink)];
            let report = crawl.run().await.unwrap();
            assert!(at.elapsed() < Duration::from_hours(1), "hour {hour}");
            let now = Hour {
                number: hour,
                journal,
                report,
                tables: BTreeMap::new(),
            };
            if now.report.complete {
                assert_eq!(now.report.postponed.unread.len(), 0);
                assert_eq!(counted.load(Ordering::Relaxed), products, "hour {hour}");
                let ages = now.read_in().into_values().map(|read| hour - read + 1);
                oldest = oldest.max(ages.max().unwrap());
            } else {
                assert!(hour + 1 < needed, "hour {hour} of {needed}");
            }
            before = Some(now);
        }
        let calls = series.lab.simulator.calls();
        assert!(calls.iter().all(|call| call.http_status == Some(200)));
        oldest
    }
}

/// A sink that counts products.
struct Count(Arc<AtomicU64>);

#[async_trait::async_trait]
impl Sink for Count {
    async fn write(&mut self, batch: &Batch) -> sink::Result<()> {
        if batch.table.name == "products" {
            let rows = batch.records.num_rows() as u64;
            self.0.fetch_add(rows, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn finish(self: Box<Self>, _: &Outcome) -> sink::Result<Receipt> {
        Ok(receipt())
    }

    async fn abort(self: Box<Self>) -> sink::Result<()> {
        Ok(())
    }
}

/// 253 calls are three hours of one user, and two of two users.
const SCALED: u64 = 125;

#[tokio::test(start_paused = true)]
async fn an_organization_is_read_as_often_as_the_limits_allow() {
    assert_eq!(Limited::scaled(SCALED).oldest(&["simulated"]).await, 3);
}

#[tokio::test(start_paused = true)]
async fn two_users_read_an_organization_in_two_thirds_of_the_time() {
    let users = ["simulated", "second"];
    assert_eq!(Limited::scaled(SCALED).oldest(&users).await, 2);
}

#[tokio::test(start_paused = true)]
#[ignore = "slow; `cargo xtask soak` runs it"]
async fn a_larger_organization_is_read_as_often_as_the_limits_allow() {
    // 747 calls are four hours of one user, and two of two users.
    let limited = Limited {
        per_minute: 20,
        per_hour: 200,
        for_sign_ins: 10,
        ..Limited::scaled(372)
    };
    assert_eq!(limited.oldest(&["simulated"]).await, 4);
    assert_eq!(limited.oldest(&["simulated", "second"]).await, 2);
}

/// With the vendor's limits. A crawl makes 40,003 calls, which are 41 hours of one user, and 21 of two.
///
/// Each of 84 crawls copies and decodes up to 40,000 pages, so run it in a release build.
#[tokio::test(start_paused = true)]
#[ignore = "very slow; run it by hand after a change of rolling crawls, with `--release`"]
async fn twenty_thousand_accounts_are_read_as_often_as_the_limits_allow() {
    let limited = Limited {
        accounts: 20_000,
        products: 20_000,
        per_minute: 100,
        per_hour: 1_000,
        for_sign_ins: 15,
    };
    assert_eq!(limited.oldest(&["simulated"]).await, 41);
    assert_eq!(limited.oldest(&["simulated", "second"]).await, 21);
}

#[tokio::test(start_paused = true)]
async fn a_resumed_crawl_and_a_replay_read_the_same_accounts() {
    let series = Series::new(organization(10, ""), 2, 9);
    let first = series.crawl(0, None).await;
    let second = series.crawl(1, Some(&first)).await;

    // Stopped after some calls, and resumed an hour later, when others would be due.
    let journal = Arc::new(MemoryJournal::default());
    let (stop, crawl) = series.prepare(2, Some(&second), &journal);
    let sent = *series.lab.calls.borrow();
    let mut calls = series.lab.calls.subscribe();
    let after_five = async {
        calls.wait_for(|calls| *calls >= sent + 5).await.unwrap();
        stop.send_replace(true);
    };
    let (stopped, ()) = tokio::join!(series.lab.collect(crawl), after_five);
    assert!(stopped.report.is_err());
    let (_stop, mut crawl) = series.prepare(2, Some(&first), &journal);
    crawl.clock = Arc::new(|| time(4));
    if let Some(carry) = &mut crawl.carry {
        carry.refresh = None;
        carry.earlier = vec![second.earlier()];
    }
    let resumed = series.lab.collect(crawl).await;
    let uninterrupted = series.crawl(2, Some(&second)).await;
    assert_eq!(resumed.tables, uninterrupted.tables);

    // A replay has neither the earlier crawls nor a connection.
    let (_stop, mut crawl) = series.prepare(2, None, &journal);
    crawl.carry = None;
    crawl.sources[0].clients.clear();
    let again = series.lab.collect(crawl).await;
    assert_eq!(again.tables, resumed.tables);
    assert_eq!(again.report().outcome, resumed.report().outcome);
}

#[tokio::test(start_paused = true)]
async fn accounts_that_always_fail_do_not_keep_others_from_their_turn() {
    let scenario = organization(8, "");
    let truth = fortilake_simulator::Simulator::new(scenario.clone()).truth();
    let mut accounts: Vec<i64> = truth.tables["products"]
        .iter()
        .map(|row| row["account_id"].as_i64().unwrap())
        .collect();
    accounts.sort_unstable();
    accounts.dedup();
    let bad = &accounts[..3];
    let faults = bad.iter().map(|account| {
        format!(
            "[[fault]]\npath = \"products/list\"\naccount = {account}\n\
             action = {{ kind = \"refuse\" }}\n"
        )
    });
    let faults = faults.collect::<Vec<_>>().concat();
    // Three accounts per hour, so the bad ones would fill every crawl.
    let series = Series::new(organization(8, &faults), 2, 9);
    let mut before: Option<Hour> = None;
    for hour in 0..8 {
        before = Some(series.crawl(hour, before.as_ref()).await);
    }
    let ages = before.unwrap().read_in();
    assert_eq!(ages.len(), 5);
    assert!(ages.values().all(|read| 7 - read < 5), "{ages:?}");
}
