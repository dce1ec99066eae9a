//! Equal batch ids mean equal rows, however often a crawl is interrupted.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use fortilake_client::Config;
use fortilake_crawler::{Kind, OpenSink, Report, Result, Settings};
use fortilake_simulator::{Row, Scenario, Simulator};
use fortilake_sink::{
    self as sink, Batch, Delivery, Outcome, Receipt, ScopeId, ScopeResult, Sink, Summary,
    testing::receipt,
};
use fortilake_state::CrawlJournal;

use crate::{
    resume::Kept,
    util::{Lab, identity, open_sink, rows, scenario, settings},
};

/// A receiver of batches that remembers them by their ids.
#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<Received>>);

#[derive(Default)]
struct Received {
    batches: BTreeMap<String, (String, Vec<Row>)>,
    repeated: usize,
    last: Option<Outcome>,
}

impl Receiver {
    /// The rows of a table over all batches.
    fn table(&self, name: &str) -> Vec<Row> {
        let received = self.0.lock().unwrap();
        let batches = received.batches.values().filter(|(table, _)| table == name);
        batches.flat_map(|(_, rows)| rows.clone()).collect()
    }

    fn open(&self, crawl: &fortilake_crawler::Crawl, delivery: Delivery) -> OpenSink {
        open_sink(crawl, delivery, self.clone())
    }
}

#[async_trait::async_trait]
impl Sink for Receiver {
    async fn write(&mut self, batch: &Batch) -> sink::Result<()> {
        let mut received = self.0.lock().unwrap();
        let rows = rows(&batch.records);
        let content = (batch.table.name.clone(), rows);
        match received.batches.get(&batch.id(&identity())).cloned() {
            Some(before) => {
                assert_eq!(before, content, "{}", batch.id(&identity()));
                received.repeated += 1;
            }
            None => {
                received.batches.insert(batch.id(&identity()), content);
            }
        }
        Ok(())
    }

    async fn finish(self: Box<Self>, outcome: &Outcome) -> sink::Result<Receipt> {
        self.0.lock().unwrap().last = Some(outcome.clone());
        Ok(receipt())
    }

    async fn abort(self: Box<Self>) -> sink::Result<()> {
        Ok(())
    }
}

fn tenant(fault: &str) -> Scenario {
    let text = format!("page_size = 7\nlatency = \"200ms\"\n{fault}\n");
    scenario(&text, 3, 8, 200)
}

/// The account whose products come first.
fn first_account() -> i64 {
    let truth = Simulator::new(tenant("")).truth();
    truth.tables["accounts"][0]["account_id"].as_i64().unwrap()
}

async fn run(
    lab: &Lab,
    journal: Arc<CrawlJournal>,
    receiver: &Receiver,
    delivery: Delivery,
    max_calls: Option<u64>,
) -> Result<Report> {
    let (_stop, mut crawl) = lab.crawl(settings(), journal.clone(), |config| {
        config.errors = None;
        config.max_calls = max_calls;
    });
    crawl.sinks = vec![receiver.open(&crawl, delivery)];
    let report = crawl.run().await;
    while Arc::strong_count(&journal) > 1 {
        tokio::task::yield_now().await;
    }
    report
}

/// The serial numbers of these products, which must be distinct.
fn serials(rows: &[Row]) -> BTreeSet<String> {
    let serials: Vec<_> = rows
        .iter()
        .map(|row| row["serial_number"].as_str().unwrap().to_owned())
        .collect();
    let distinct: BTreeSet<_> = serials.iter().cloned().collect();
    assert_eq!(serials.len(), distinct.len(), "a product arrived twice");
    distinct
}

/// An account fails while others are delivered, the crawl pauses, and the account succeeds on
/// resume.
#[tokio::test(start_paused = true)]
async fn an_account_that_succeeds_only_on_resume_changes_no_delivered_batch() {
    let account = first_account();
    // Exactly two tries fail. After a third failure, the crawl would let the account fail.
    let fault = format!(
        "[[fault]]\npath = \"products/list\"\naccount = {account}\ntimes = 2\n\
         action = {{ kind = \"http\", status = 500 }}"
    );
    let expected: BTreeSet<String> =
        serials(&Simulator::new(tenant("")).truth().tables["products"]);
    // The account is tried again after all others, so the crawl pauses before its last call.
    let whole = Lab::new(tenant(&fault));
    let receiver = Receiver::default();
    let ended = run(
        &whole,
        Kept::new().take_up(),
        &receiver,
        Delivery::AtLeastOnce,
        None,
    );
    assert!(!ended.await.unwrap().complete);
    let last = whole.simulator.calls().len() as u64 - 1;
    let lab = Lab::new(tenant(&fault));
    let kept = Kept::new();
    let receiver = Receiver::default();
    let paused = run(
        &lab,
        kept.take_up(),
        &receiver,
        Delivery::AtLeastOnce,
        Some(last),
    );
    assert_eq!(paused.await.unwrap_err().kind(), Kind::Paused);
    let early = receiver.table("products");
    assert!(!early.is_empty(), "other accounts were delivered");
    let is_of_account = |row: &Row| row["account_id"].as_i64() == Some(account);
    assert!(!early.iter().any(is_of_account), "the account had failed");
    let resumed = run(&lab, kept.take_up(), &receiver, Delivery::AtLeastOnce, None).await;
    assert!(resumed.unwrap().complete);
    let all = receiver.table("products");
    assert_eq!(serials(&all), expected);
    assert!(all.iter().any(is_of_account));
    let last = receiver.0.lock().unwrap().last.clone().unwrap();
    assert!(last.complete);
    assert_eq!(last.tables["products"], expected.len() as u64);
}

/// Wherever a crawl is interrupted, a batch that is sent again has the same rows.
#[tokio::test(start_paused = true)]
async fn repeated_batches_have_the_same_rows() {
    let account = first_account();
    let fault = format!(
        "[[fault]]\npath = \"products/list\"\naccount = {account}\ntimes = 2\n\
         action = {{ kind = \"http\", status = 500 }}"
    );
    for step in [9, 13, 22] {
        let lab = Lab::new(tenant(&fault));
        let kept = Kept::new();
        let receiver = Receiver::default();
        let mut runs = 0;
        let report = loop {
            runs += 1;
            assert!(runs < 60, "the crawl did not end in 60 runs");
            let journal = kept.take_up();
            match run(&lab, journal, &receiver, Delivery::AtLeastOnce, Some(step)).await {
                Ok(report) => break report,
                Err(error) => assert_eq!(error.kind(), Kind::Paused),
            }
        };
        assert!(report.complete, "{:?}", report.failed);
        let truth = lab.simulator.truth();
        assert_eq!(
            serials(&receiver.table("products")),
            serials(&truth.tables["products"])
        );
        assert!(receiver.0.lock().unwrap().repeated > 0);
    }
}

/// Two sources that list the same products, of which the first is late: every product arrives once.
#[tokio::test(start_paused = true)]
async fn products_of_two_sources_arrive_once_although_the_first_source_is_late() {
    let fault = format!(
        "[[fault]]\npath = \"products/list\"\naccount = {}\ntimes = 2\n\
         action = {{ kind = \"http\", status = 500 }}",
        first_account()
    );
    for step in [9, 22] {
        let (late, other) = (Lab::new(tenant(&fault)), Lab::new(tenant("")));
        let kept = Kept::new();
        let receiver = Receiver::default();
        let mut runs = 0;
        let report = loop {
            runs += 1;
            assert!(runs < 60, "the crawl did not end in 60 runs");
            let journal = kept.take_up();
            let change = |config: &mut Config| {
                config.errors = None;
                config.max_calls = Some(step);
            };
            let (_stop, mut crawl) = late.crawl(settings(), journal.clone(), change);
            let settings = Settings {
                source: "bravo".into(),
                ..settings()
            };
            let (_other_stop, second) = other.crawl(settings, journal.clone(), change);
            crawl.sources.extend(second.sources);
            drop(second.journal);
            crawl.sinks = vec![receiver.open(&crawl, Delivery::AtLeastOnce)];
            let report = crawl.run().await;
            while Arc::strong_count(&journal) > 1 {
                tokio::task::yield_now().await;
            }
            match report {
                Ok(report) => break report,
                Err(error) => assert_eq!(error.kind(), Kind::Paused),
            }
        };
        assert!(report.complete, "{:?}", report.failed);
        assert!(receiver.0.lock().unwrap().repeated > 0);
        let truth = other.simulator.truth();
        let expected = serials(&truth.tables["products"]);
        assert_eq!(serials(&receiver.table("products")), expected);
        let last = receiver.0.lock().unwrap().last.clone().unwrap();
        assert!(last.complete);
        assert_eq!(last.tables["products"], expected.len() as u64);
    }
}

/// Delivering frozen results again produces the same batches and outcome, failures included.
#[tokio::test(start_paused = true)]
async fn a_replay_repeats_rows_and_failures() {
    let account = first_account();
    let fault = format!(
        "[[fault]]\npath = \"products/list\"\naccount = {account}\n\
         action = {{ kind = \"http\", status = 500 }}"
    );
    let lab = Lab::new(tenant(&fault));
    let kept = Kept::new();
    let (first, second) = (Receiver::default(), Receiver::default());
    let report = run(&lab, kept.take_up(), &first, Delivery::Atomic, None).await;
    assert!(!report.unwrap().complete);
    let calls = lab.simulator.calls().len();
    let report = run(&lab, kept.take_up(), &second, Delivery::AtLeastOnce, None).await;
    assert!(!report.unwrap().complete);
    assert_eq!(
        lab.simulator.calls().len(),
        calls,
        "a replay makes no calls"
    );
    let outcome = |receiver: &Receiver| receiver.0.lock().unwrap().last.clone().unwrap();
    assert_eq!(outcome(&first), outcome(&second));
    let failed = ScopeId {
        source: "acme".to_owned(),
        endpoint: "products/list".to_owned(),
        subject: format!("account={account}"),
    };
    let found = outcome(&second).find(&failed).unwrap().result.clone();
    assert!(matches!(found, ScopeResult::Failed { error } if error.contains("500")));
    let batches = |receiver: &Receiver| receiver.0.lock().unwrap().batches.clone();
    assert_eq!(batches(&first), batches(&second));
    let Summary { scopes, .. } = outcome(&second).summary();
    assert!(scopes.complete > 0 && scopes.failed > 0);
}
