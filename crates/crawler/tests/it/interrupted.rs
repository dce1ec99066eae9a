//! A long crawl that is interrupted often: what was paid for is not paid for again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

use fortilake_crawler::{Kind, Report, Result, Settings, state::CrawlJournal};
use fortilake_simulator::{Call, Scenario};

use crate::{
    resume::Kept,
    util::{CONCURRENCY, Lab, settings},
};

/// How often the crawl is interrupted.
const INTERRUPTIONS: usize = 50;

/// Two lists an account, a third of the pages of lists that have several.
fn partner() -> (Scenario, Settings) {
    let mut scenario = Scenario::from_toml("page_size = 4\nlatency = \"200ms\"\n").unwrap();
    scenario.organization.ous = 200;
    scenario.organization.accounts = 20_000;
    scenario.organization.products = 30_000;
    let settings = Settings {
        include: Vec::new(),
        ..settings()
    };
    (scenario, settings)
}

/// What ends a crawl before its end.
#[derive(Debug, Clone, Copy)]
enum Interruption {
    /// Somebody says stop: the calls in flight are seen to their end.
    Stop,
    /// It has made as many calls as it may.
    MaxCalls,
    /// It is dropped as it stands, which is what a kill is for all but the journal's file.
    Drop,
}

/// Crawls until the interruption, after about so many calls; nothing if nobody waited for the end.
async fn piece(
    lab: &Lab,
    settings: Settings,
    journal: Arc<CrawlJournal>,
    interruption: Interruption,
    calls: usize,
) -> Option<Result<Report>> {
    let (stop, crawl) = lab.crawl(settings, journal, |config| {
        config.errors = None;
        if let Interruption::MaxCalls = interruption {
            config.max_calls = Some(calls as u64);
        }
    });
    let mut sent = lab.calls.subscribe();
    let end = *sent.borrow() + calls;
    let crawl = crawl.run();
    tokio::pin!(crawl);
    let enough = async {
        if let Interruption::MaxCalls = interruption {
            std::future::pending::<()>().await;
        }
        sent.wait_for(|sent| *sent >= end).await.unwrap();
    };
    tokio::select! {
        report = &mut crawl => return Some(report),
        () = enough => {}
    }
    if let Interruption::Drop = interruption {
        return None;
    }
    stop.send_replace(true);
    Some(crawl.await)
}

/// How often each fetch was sent.
fn fetches(calls: &[Call]) -> BTreeMap<String, usize> {
    let mut fetches = BTreeMap::new();
    for call in calls.iter().filter(|call| !call.path.contains("oauth")) {
        let name = format!("{} {}", call.path, call.arguments);
        *fetches.entry(name).or_default() += 1;
    }
    fetches
}

#[tokio::test(start_paused = true)]
async fn twenty_thousand_accounts_in_fifty_one_pieces() {
    let (scenario, settings) = partner();
    let lab = Lab::new(scenario);
    let kept = Kept::new();
    // Two lists an account and some sign-ins; what is more is left for the last piece.
    let calls = 41_000 / INTERRUPTIONS;
    let ways = [
        Interruption::Stop,
        Interruption::MaxCalls,
        Interruption::Drop,
    ];
    let mut in_flight = 0;
    for (piece_number, interruption) in ways.into_iter().cycle().take(INTERRUPTIONS).enumerate() {
        let t = Instant::now();
        let journal = kept.take_up();
        let ended = piece(&lab, settings.clone(), journal.clone(), interruption, calls).await;
        // The tasks of a crawl that was dropped end when the runtime comes to them.
        while Arc::strong_count(&journal) > 1 {
            tokio::task::yield_now().await;
        }
        eprintln!("{piece_number} {interruption:?} {:?}", t.elapsed());
        match (interruption, ended) {
            (Interruption::Stop, Some(Err(error))) => assert_eq!(error.kind(), Kind::Interrupted),
            (Interruption::MaxCalls, Some(Err(error))) => assert_eq!(error.kind(), Kind::Paused),
            (Interruption::Drop, None) => in_flight += CONCURRENCY,
            (_, ended) => panic!("{interruption:?} ended with {ended:?}"),
        }
    }
    let t = Instant::now();
    let (_stop, crawl) = lab.crawl(settings, kept.take_up(), |config| config.errors = None);
    let report = crawl.run().await.unwrap();
    eprintln!("last {:?}", t.elapsed());
    let fetches = fetches(&lab.simulator.calls());
    let again: usize = fetches.values().map(|times| times - 1).sum();
    eprintln!(
        "again {again} of {in_flight}, {} fetches, recalled {}, calls {}",
        fetches.len(),
        report.recalled,
        report.calls
    );
    assert!(again <= in_flight, "{again} fetches were sent again");
    assert!(report.complete);
}
