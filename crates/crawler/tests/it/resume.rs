//! Crawls that stop and are resumed: no call is made twice, and the tables are the same.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use fortilake_client::Reason;
use fortilake_crawler::{Incomplete, Kind};
use fortilake_simulator::Scenario;
use fortilake_state::{CrawlJournal, NewCrawl, State, Status};

use crate::util::{Crawled, INCLUDE, Lab, crawl, scenario, settings};

/// A state in a temporary folder that contains one crawl.
pub(crate) struct Kept {
    _folder: tempfile::TempDir,
    state: State,
}

impl Kept {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(|| 1_700_000_000_000_000);
        let state = State::open(folder.path(), clock).unwrap();
        drop(state.begin(&NewCrawl {
            id: "crawl".to_owned(),
            snapshot: "20231114T221320Z".to_owned(),
            fingerprint: "the test".to_owned(),
            version: "the test".to_owned(),
        }));
        Self {
            _folder: folder,
            state,
        }
    }

    pub(crate) fn take_up(&self) -> Arc<CrawlJournal> {
        Arc::new(self.state.take_up("crawl").unwrap())
    }
}

fn small() -> Scenario {
    scenario("page_size = 7\nlatency = \"200ms\"\n", 4, 5, 120)
}

#[track_caller]
pub(crate) fn same(found: &Crawled, expected: &Crawled) {
    assert_eq!(found.tables, expected.tables);
    let sorted = |crawled: &Crawled| crawled.batches.iter().cloned().collect::<BTreeSet<_>>();
    assert_eq!(sorted(found), sorted(expected));
}

#[tokio::test(start_paused = true)]
async fn a_crawl_in_many_pieces_equals_an_uninterrupted_one() {
    let expected = crawl(small()).await;
    let lab = Lab::new(small());
    let kept = Kept::new();
    let mut pieces = 0;
    let crawled = loop {
        let journal = kept.take_up();
        let crawled = lab
            .run(settings(), Incomplete::Publish, journal.clone(), |config| {
                config.max_calls = Some(9);
            })
            .await;
        match &crawled.report {
            Ok(report) => {
                assert!(report.recalled > 0);
                break crawled;
            }
            Err(error) => {
                assert_eq!(error.kind(), Kind::Paused);
                assert_eq!(
                    error.pause().map(|pause| pause.reason),
                    Some(Reason::MaxCalls)
                );
                assert!(!crawled.finished);
            }
        }
        journal.set_status(Status::Paused).unwrap();
        pieces += 1;
        assert!(pieces < 100, "the crawl did not end in 100 runs");
    };
    assert!(pieces >= 5);
    same(&crawled, &expected);
    let mut asked = BTreeMap::new();
    for call in lab.simulator.calls() {
        if !call.path.contains("oauth") {
            *asked
                .entry(format!("{} {}", call.path, call.arguments))
                .or_insert(0) += 1;
        }
    }
    assert!(
        asked.values().all(|&times| times == 1),
        "requested again: {asked:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_replay_makes_no_calls() {
    let lab = Lab::new(small());
    let kept = Kept::new();
    let run = async || {
        let journal = kept.take_up();
        lab.run(settings(), Incomplete::Publish, journal, |_| {})
            .await
    };
    let first = run().await;
    let calls = lab.simulator.calls().len();
    let second = run().await;
    assert_eq!(second.report().calls, 0);
    assert_eq!(lab.simulator.calls().len(), calls);
    same(&second, &first);
}

/// The highest number of errors within an hour, as the server counts them.
pub(crate) fn worst_hour(lab: &Lab) -> usize {
    let calls = lab.simulator.calls();
    let errors: Vec<Duration> = calls
        .iter()
        .filter(|call| call.http_status.is_none_or(|status| status >= 400))
        .map(|call| call.at)
        .collect();
    let in_hour = |end: &Duration| {
        errors
            .iter()
            .filter(|at| *at <= end && **at + Duration::from_hours(1) > *end)
            .count()
    };
    errors.iter().map(in_hour).max().unwrap_or(0)
}

#[tokio::test(start_paused = true)]
async fn the_tenth_error_never_happens_however_often_the_crawl_runs() {
    let mut scenario = Scenario::from_toml(
        "latency = \"200ms\"\n[[fault]]\npath = \"products/list\"\naction = { kind = \"refuse\" }\n",
    )
    .unwrap();
    scenario.organization = Scenario::production().organization;
    let lab = Lab::new(scenario);
    let kept = Kept::new();
    let mut runs = 0;
    let crawled = loop {
        let journal = kept.take_up();
        let crawled = lab
            .run(settings(), Incomplete::Publish, journal, |_| {})
            .await;
        if crawled.report.is_ok() {
            break crawled;
        }
        runs += 1;
        assert!(runs < 100, "the crawl did not end in 100 runs");
        // Run again soon at first, and later with longer waits.
        tokio::time::sleep(Duration::from_mins(runs)).await;
    };
    assert!(runs > 1);
    assert!(
        worst_hour(&lab) <= 8,
        "{} errors in an hour",
        worst_hour(&lab)
    );
    assert_eq!(
        crawled.report().scopes.failed,
        17 * (1 + INCLUDE.len() as u64)
    );
}
