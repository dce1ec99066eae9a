//! A crawl that is interrupted often and in every way has the tables of an uninterrupted one.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use fortilake_crawler::{Incomplete, Kind, Settings};
use fortilake_simulator::{Scenario, Simulator};
use fortilake_state::{self as state, CrawlJournal, Journal, MemoryJournal, Record, Records};

use crate::{
    resume::{Kept, same},
    util::{CONCURRENCY, Lab, crawl_with, products_only, scenario},
};

fn tenant() -> (Scenario, Settings) {
    let scenario = scenario("page_size = 3\nlatency = \"200ms\"\n", 5, 16, 520);
    (scenario, products_only())
}

/// What interrupts a crawl.
#[derive(Debug, Clone, Copy)]
enum Interruption {
    /// The caller stops it; calls in flight are awaited.
    Stop,
    /// It reaches the limit on calls.
    MaxCalls,
    /// Its future is dropped. For everything but the journal's file, this is like killing the
    /// process.
    Drop,
}

/// Crawls until the interruption after this many calls. Returns `None` if the crawl was dropped.
async fn piece(
    lab: &Lab,
    settings: Settings,
    journal: Arc<CrawlJournal>,
    interruption: Interruption,
    calls: usize,
) -> Option<Kind> {
    let (stop, crawl) = lab.crawl(settings, journal.clone(), |config| {
        // A dropped call counts as an error. Other tests cover the error limit.
        config.errors = None;
        if let Interruption::MaxCalls = interruption {
            config.max_calls = Some(calls as u64);
        }
    });
    let mut sent = lab.calls.subscribe();
    let end = *sent.borrow() + calls;
    let crawl = crawl.run();
    let ended = match interruption {
        Interruption::MaxCalls => Some(crawl.await),
        Interruption::Stop => {
            let stopped = async {
                sent.wait_for(|sent| *sent >= end).await.unwrap();
                stop.send_replace(true);
            };
            Some(tokio::join!(crawl, stopped).0)
        }
        Interruption::Drop => tokio::select! {
            ended = crawl => Some(ended),
            _ = sent.wait_for(|sent| *sent >= end) => None,
        },
    };
    // The tasks of a dropped crawl end when the runtime polls them.
    while Arc::strong_count(&journal) > 1 {
        tokio::task::yield_now().await;
    }
    ended.map(|ended| ended.unwrap_err().kind())
}

#[tokio::test(start_paused = true)]
async fn a_crawl_in_31_pieces_equals_an_uninterrupted_one() {
    const INTERRUPTIONS: usize = 30;
    // Three sign-ins and four other calls.
    const CALLS: usize = 3 + 4;
    let (scenario, settings) = tenant();
    let expected = crawl_with(scenario.clone(), settings.clone(), Incomplete::Publish).await;
    let lab = Lab::new(scenario);
    let kept = Kept::new();
    let ways = [
        (Interruption::Stop, Some(Kind::Interrupted)),
        (Interruption::MaxCalls, Some(Kind::Paused)),
        (Interruption::Drop, None),
    ];
    for (way, kind) in ways.into_iter().cycle().take(INTERRUPTIONS) {
        let ended = piece(&lab, settings.clone(), kept.take_up(), way, CALLS).await;
        assert_eq!(ended, kind, "{way:?}");
    }
    let crawled = lab
        .run(settings, Incomplete::Publish, kept.take_up(), |config| {
            config.errors = None;
        })
        .await;
    assert!(crawled.report().complete);
    same(&crawled, &expected);
    let mut sent: BTreeMap<String, usize> = BTreeMap::new();
    for call in lab.simulator.calls() {
        if !call.path.contains("oauth") {
            let fetch = format!("{} {}", call.path, call.arguments);
            *sent.entry(fetch).or_default() += 1;
        }
    }
    let again = sent.values().sum::<usize>() - sent.len();
    assert!(again <= CONCURRENCY * INTERRUPTIONS / ways.len(), "{again}");
}

/// A journal that compares the calls made with the records that survive a kill.
struct Counted {
    journal: MemoryJournal,
    simulator: Simulator,
    records: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    appended: usize,
    durable: usize,
    /// The most responses that a kill would have lost.
    lost: usize,
}

impl Counted {
    fn count(&self) {
        let calls = self.simulator.calls();
        let made = calls.iter().filter(|call| !call.path.contains("oauth"));
        let mut records = self.records.lock().unwrap();
        let lost = made.count().saturating_sub(records.durable);
        records.lost = records.lost.max(lost);
    }
}

impl Journal for Counted {
    fn append(&self, key: &str, record: Record) -> state::Result<()> {
        self.journal.append(key, record)?;
        // A note is not the record of a call.
        self.records.lock().unwrap().appended += usize::from(!key.starts_with(' '));
        self.count();
        Ok(())
    }

    fn flush(&self) -> state::Result<()> {
        self.count();
        let mut records = self.records.lock().unwrap();
        records.durable = records.appended;
        Ok(())
    }

    fn read(&self, key: &str) -> state::Result<Option<Record>> {
        self.journal.read(key)
    }

    fn records(&self) -> state::Result<Records<'_>> {
        self.journal.records()
    }
}

#[tokio::test(start_paused = true)]
async fn a_kill_loses_no_more_responses_than_calls_may_be_in_flight() {
    let (scenario, settings) = tenant();
    let lab = Lab::new(scenario);
    let journal = Arc::new(Counted {
        journal: MemoryJournal::default(),
        simulator: lab.simulator.clone(),
        records: Mutex::default(),
    });
    let crawled = lab
        .run(settings, Incomplete::Publish, journal.clone(), |_| {})
        .await;
    assert!(crawled.report().complete);
    let lost = journal.records.lock().unwrap().lost;
    assert_eq!(lost, CONCURRENCY);
}
