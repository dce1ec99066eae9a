//! Tests a large crawl that is interrupted often: no response that was received is requested again.
//!
//! The reader makes the calls, so it is tested alone, and the scopes that it closes are only
//! counted. Interruptions of whole crawls are tested in `tests/it`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use fortilake_auth::{self as auth, Credentials};
use fortilake_client::{Client, Config, Jitter, Waiting, ledger::MemoryLedger};
use fortilake_simulator::{Scenario, Simulator};
use fortilake_state::{NewCrawl, State};
use fortilake_transport::{InProcess, bytes::Bytes, http::Request};
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};

use super::{ReadStats, Reader, Users};
use crate::{Event, Kind, Names, Result, Scope, ScopeMode, Search, Settings, System};

const CONCURRENCY: usize = 8;
/// The number of sign-ins that each piece begins with.
const SIGN_INS: usize = 1;
const NOW: i64 = 1_700_000_000_000_000;

/// What interrupts the crawl.
#[derive(Debug, Clone, Copy)]
enum Interruption {
    /// The caller stops it; calls in flight are awaited.
    Stop,
    /// It reaches the limit on calls.
    MaxCalls,
    /// The caller stops it while it reads outcomes from the journal.
    StopRecalling,
    /// Its future is dropped. For everything but the journal's file, this is like killing the
    /// process.
    Drop,
}

/// The tenant and the state, which survive interruptions.
struct Lab {
    simulator: Simulator,
    statuses: Vec<String>,
    /// How often each fetch was sent.
    sent: Arc<Mutex<BTreeMap<String, usize>>>,
    calls: watch::Sender<usize>,
    ledger: Arc<MemoryLedger>,
    clock: auth::Clock,
    state: State,
    _folder: TempDir,
}

impl Lab {
    fn new(accounts: usize, statuses: &[&str]) -> Self {
        let mut scenario = Scenario::from_toml("page_size = 2\nlatency = \"200ms\"\n").unwrap();
        scenario.organization.ous = 50;
        scenario.organization.accounts = accounts as u64;
        scenario.organization.products = accounts as u64 / 5;
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
            statuses: statuses.iter().map(|&status| status.to_owned()).collect(),
            sent: Arc::default(),
            calls: watch::Sender::new(0),
            ledger: Arc::new(MemoryLedger::new()),
            clock: auth::real_time(),
            state,
            _folder: folder,
        }
    }

    fn settings(&self) -> Settings {
        Settings {
            source: "acme".into(),
            system: System::default(),
            scope: ScopeMode::Auto,
            organization_seen: false,
            search: Search::Auto,
            statuses: self.statuses.clone(),
            accounts: Vec::new(),
            include: Vec::new(),
            details: None,
            models: Vec::new(),
            verify_paging: false,
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
        // A dropped call counts as an error. Other tests cover the error limit.
        config.errors = None;
        config.waiting = Waiting::Forever;
        config.max_calls = max_calls;
        Client::new(config, Arc::new(transport), Jitter::seeded(7)).unwrap()
    }

    /// How many different fetches were sent, and how many requests repeated one of them.
    fn fetches(&self) -> (usize, usize) {
        let sent = self.sent.lock().unwrap();
        (sent.len(), sent.values().sum::<usize>() - sent.len())
    }

    /// Reads until the interruption after this many calls, or outcomes from the journal, or to the
    /// end. The result is `None` if the reader was dropped.
    async fn read(
        &self,
        interruption: Option<(Interruption, usize)>,
    ) -> (Option<Result<ReadStats>>, Vec<Scope>) {
        let journal = Arc::new(self.state.take_up("crawl").unwrap());
        let (scopes, mut closed) = mpsc::unbounded_channel();
        let (stop, stopped) = watch::channel(false);
        let max_calls = match interruption {
            Some((Interruption::MaxCalls, calls)) => Some(calls as u64),
            _ => None,
        };
        let (answers, stop_reading) = (AtomicUsize::new(0), stop.clone());
        let observer = move |event: &Event<'_>| {
            if let (Event::Answered { .. }, Some((Interruption::StopRecalling, most))) =
                (event, interruption)
                && answers.fetch_add(1, Ordering::Relaxed) + 1 == most
            {
                stop_reading.send_replace(true);
            }
        };
        let reader = Reader {
            plan: System::default()
                .definition()
                .planner(self.settings(), None),
            names: Names::Unwanted,
            users: Users::new([Arc::new(self.client(max_calls))]),
            concurrency: CONCURRENCY,
            alone: true,
            journal: journal.clone(),
            older: None,
            clock: Arc::new(|| NOW),
            observer: Arc::new(observer),
            scopes,
            stop: stopped,
            span: tracing::Span::none(),
        };
        let mut sent = self.calls.subscribe();
        let sent_before = *sent.borrow();
        let mut enough = async |calls| {
            let enough = sent.wait_for(|sent| *sent >= sent_before + calls);
            drop(enough.await.unwrap());
        };
        let reading = reader.run();
        let ended = match interruption {
            None | Some((Interruption::MaxCalls | Interruption::StopRecalling, _)) => {
                Some(reading.await)
            }
            Some((Interruption::Stop, calls)) => {
                let stopped = async {
                    enough(calls).await;
                    stop.send_replace(true);
                };
                Some(tokio::join!(reading, stopped).0)
            }
            Some((Interruption::Drop, calls)) => tokio::select! {
                ended = reading => Some(ended),
                () = enough(calls) => None,
            },
        };
        // The tasks of a dropped reader end when the runtime polls them.
        while Arc::strong_count(&journal) > 1 {
            tokio::task::yield_now().await;
        }
        closed.close();
        let closed = std::iter::from_fn(|| closed.try_recv().ok()).collect();
        (ended, closed)
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_accounts_in_thirteen_pieces() {
    interrupt(1_000, 12).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "slow; `cargo xtask soak` runs it"]
async fn twenty_thousand_accounts_in_fifty_one_pieces() {
    interrupt(20_000, 50).await;
}

/// Reads this many accounts with this many interruptions.
async fn interrupt(accounts: usize, interruptions: usize) {
    let lab = Lab::new(accounts, &["Registered"]);
    let ways = [
        Interruption::Stop,
        Interruption::MaxCalls,
        Interruption::Drop,
    ];
    let (mut fetches, mut again, mut in_flight) = (0, 0, 0);
    for (number, way) in (1..=interruptions).zip(ways.into_iter().cycle()) {
        // Most interruptions come early, because later pieces mostly read the journal.
        let end = accounts * number.pow(3) / interruptions.pow(3);
        let calls = SIGN_INS + end.saturating_sub(fetches).max(1);
        let (ended, _) = lab.read(Some((way, calls))).await;
        let kind = ended.map(|ended| ended.unwrap_err().kind());
        let before = again;
        (fetches, again) = lab.fetches();
        assert!(
            again - before <= in_flight,
            "{} fetches were sent again",
            again - before
        );
        let (expected, lost) = match way {
            Interruption::Stop => (Some(Kind::Interrupted), 0),
            Interruption::MaxCalls => (Some(Kind::Paused), 0),
            Interruption::Drop => (None, CONCURRENCY),
            Interruption::StopRecalling => unreachable!("it is not among these ways"),
        };
        assert_eq!(kind, expected, "{way:?}");
        in_flight = lost;
    }
    assert!(
        again > 0,
        "no calls were in flight when the reader was dropped"
    );
    let (ended, closed) = lab.read(None).await;
    let effort = ended.unwrap().unwrap();
    assert!(effort.recalled > accounts as u64 * 9 / 10);
    let read = closed
        .iter()
        .filter(|scope| scope.endpoint == "products/list" && scope.pages.is_ok());
    assert_eq!(read.count(), accounts);
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_heard_while_the_journal_is_read() {
    let lab = Lab::new(300, &["Registered"]);
    lab.read(None).await.0.unwrap().unwrap();
    let (calls, outcomes) = (lab.fetches(), 100);
    let stop = Some((Interruption::StopRecalling, outcomes));
    let (ended, closed) = lab.read(stop).await;
    assert_eq!(ended.unwrap().unwrap_err().kind(), Kind::Interrupted);
    assert!(closed.len() <= outcomes, "{} scopes closed", closed.len());
    assert_eq!(lab.fetches(), calls);
}

#[tokio::test(start_paused = true)]
async fn an_account_is_finished_before_others_begin() {
    let lab = Lab::new(100, &["Registered", "Pending"]);
    lab.read(None).await.0.unwrap().unwrap();
    let mut begun = BTreeSet::new();
    let mut most = 0;
    for call in lab.simulator.calls() {
        let account = &call.arguments["accountId"];
        if call.path.ends_with("/products/list") && !begun.remove(&account.to_string()) {
            begun.insert(account.to_string());
            most = most.max(begun.len());
        }
    }
    assert!(
        begun.is_empty(),
        "only one of two lists was requested for some accounts"
    );
    assert!(most <= 2 * CONCURRENCY, "{most} accounts were open at once");
}
