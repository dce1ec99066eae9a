//! A partner's crawl that is interrupted often: what was paid for is not paid for again.
//!
//! It is the reader that makes the calls, so it is tested alone: what it closes is counted and
//! thrown away. Whole crawls in pieces are in `tests/it`.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use fortilake_simulator::{Scenario, Simulator};
use fortilake_state::{
    NewCrawl, State,
    client::{
        Client, Config, Jitter,
        auth::{self, Credentials},
        ledger::MemoryLedger,
        transport::{InProcess, bytes::Bytes, http::Request},
    },
};
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};

use super::{Effort, Reader};
use crate::{Kind, Names, Result, Scope, ScopeMode, Search, Settings, System, planner::planner};

const ACCOUNTS: usize = 20_000;
const CONCURRENCY: usize = 8;
/// The calls that each piece begins with.
const SIGN_INS: usize = 1;
const NOW: i64 = 1_700_000_000_000_000;

/// What ends a piece of the crawl.
#[derive(Debug, Clone, Copy)]
enum Interruption {
    /// Somebody says stop: the calls in flight are seen to their end.
    Stop,
    /// It has made as many calls as it may.
    MaxCalls,
    /// It is dropped as it stands, which is what a kill is for all but the journal's file.
    Drop,
}

/// The tenant and the state, which outlast the pieces.
struct Lab {
    simulator: Simulator,
    /// How often each fetch was sent.
    sent: Arc<Mutex<BTreeMap<String, usize>>>,
    calls: watch::Sender<usize>,
    ledger: Arc<MemoryLedger>,
    clock: auth::Clock,
    state: State,
    _folder: TempDir,
}

impl Lab {
    fn new() -> Self {
        let mut scenario = Scenario::from_toml("page_size = 2\nlatency = \"200ms\"\n").unwrap();
        scenario.organization.ous = 50;
        scenario.organization.accounts = ACCOUNTS as u64;
        scenario.organization.products = 4_000;
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(folder.path(), Arc::new(|| NOW)).unwrap();
        let crawl = NewCrawl {
            id: "crawl".to_owned(),
            snapshot: "20231114T221320Z".to_owned(),
            fingerprint: "the test".to_owned(),
            version: "the test".to_owned(),
        };
        drop(state.begin(&crawl).unwrap());
        Self {
            simulator: Simulator::new(scenario),
            sent: Arc::default(),
            calls: watch::Sender::new(0),
            ledger: Arc::new(MemoryLedger::new()),
            clock: auth::real_time(),
            state,
            _folder: folder,
        }
    }

    fn client(&self, max_calls: Option<u64>) -> Client {
        let (server, sent, calls) = (
            self.simulator.clone(),
            self.sent.clone(),
            self.calls.clone(),
        );
        let transport = InProcess::new(move |request: Request<Bytes>| {
            calls.send_modify(|calls| *calls += 1);
            let path = request.uri().path();
            if !path.contains("oauth") {
                let fetch = format!("{path} {}", String::from_utf8_lossy(request.body()));
                *sent.lock().unwrap().entry(fetch).or_default() += 1;
            }
            let server = server.clone();
            async move { server.handle(request).await }
        });
        let mut config = Config::new(Credentials {
            username: "simulated".to_owned(),
            username_origin: "the test".to_owned(),
            password: "simulated".into(),
            password_origin: "the test".to_owned(),
        });
        config.ledger = self.ledger.clone();
        config.clock = self.clock.clone();
        // A call that is dropped counts as an error; how scarce those are is tested elsewhere.
        config.errors = None;
        config.max_calls = max_calls;
        Client::new(config, Arc::new(transport), Jitter::seeded(7)).unwrap()
    }

    /// How many fetches were sent, each counted once.
    fn fetches(&self) -> usize {
        self.sent.lock().unwrap().len()
    }

    /// Reads until the interruption, after so many calls, or to the end; nothing if it was dropped.
    async fn read(
        &self,
        interruption: Option<(Interruption, usize)>,
    ) -> (Option<Result<Effort>>, Vec<Scope>) {
        let journal = Arc::new(self.state.take_up("crawl").unwrap());
        let (scopes, mut closed) = mpsc::unbounded_channel();
        let (stop, stopped) = watch::channel(false);
        let max_calls = match interruption {
            Some((Interruption::MaxCalls, calls)) => Some(calls as u64),
            _ => None,
        };
        let reader = Reader {
            plan: planner(settings()),
            names: Names::Unwanted,
            client: Some(Arc::new(self.client(max_calls))),
            concurrency: CONCURRENCY,
            alone: true,
            journal: journal.clone(),
            older: None,
            clock: Arc::new(|| NOW),
            observer: Arc::new(|_| {}),
            scopes,
            stop: stopped,
        };
        let ended = match interruption {
            None | Some((Interruption::MaxCalls, _)) => Some(reader.run().await),
            Some((interruption, calls)) => {
                let mut reading = Box::pin(reader.run());
                let mut sent = self.calls.subscribe();
                let end = *sent.borrow() + calls;
                tokio::select! {
                    ended = &mut reading => Some(ended),
                    _ = sent.wait_for(|sent| *sent >= end) => match interruption {
                        Interruption::Drop => None,
                        _ => {
                            stop.send_replace(true);
                            Some(reading.await)
                        }
                    }
                }
            }
        };
        // What hangs on a reader that was dropped ends when the runtime comes to it.
        while Arc::strong_count(&journal) > 1 {
            tokio::task::yield_now().await;
        }
        closed.close();
        let closed = std::iter::from_fn(|| closed.try_recv().ok()).collect();
        (ended, closed)
    }
}

fn settings() -> Settings {
    Settings {
        source: "acme".into(),
        system: System::FortiCloud,
        scope: ScopeMode::Auto,
        search: Search::Auto,
        statuses: vec!["Registered".to_owned()],
        accounts: Vec::new(),
        include: Vec::new(),
        details: None,
    }
}

#[tokio::test(start_paused = true)]
async fn twenty_thousand_accounts_in_fifty_one_pieces() {
    const INTERRUPTIONS: usize = 50;
    let lab = Lab::new();
    let ways = [
        Interruption::Stop,
        Interruption::MaxCalls,
        Interruption::Drop,
    ];
    let mut in_flight = 0;
    for (number, way) in (1..=INTERRUPTIONS).zip(ways.into_iter().cycle()) {
        // Most come early, so that the time does not go into reading the journal again and again.
        let end = ACCOUNTS * number.pow(3) / INTERRUPTIONS.pow(3);
        let calls = end.saturating_sub(lab.fetches()) + SIGN_INS;
        let t = std::time::Instant::now();
        let kind = match lab.read(Some((way, calls))).await.0 {
            Some(ended) => Some(ended.unwrap_err().kind()),
            None => None,
        };
        eprintln!("{way:?} {calls} {:?}", t.elapsed());
        match way {
            Interruption::Stop => assert_eq!(kind, Some(Kind::Interrupted)),
            Interruption::MaxCalls => assert_eq!(kind, Some(Kind::Paused)),
            Interruption::Drop => {
                assert_eq!(kind, None);
                in_flight += CONCURRENCY;
            }
        }
    }
    let (ended, closed) = lab.read(None).await;
    let effort = ended.unwrap().unwrap();
    let sent = lab.sent.lock().unwrap();
    let again: usize = sent.values().map(|times| times - 1).sum();
    eprintln!(
        "again {again} of {in_flight}, {} fetches, recalled {}, calls {}",
        sent.len(),
        effort.recalled,
        effort.calls
    );
    assert!(again <= in_flight, "{again} fetches were sent again");
    let products = closed
        .iter()
        .filter(|scope| scope.endpoint == "products/list");
    assert_eq!(
        products.filter(|scope| scope.pages.is_ok()).count(),
        ACCOUNTS
    );
}
