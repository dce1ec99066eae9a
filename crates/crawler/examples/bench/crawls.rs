//! Measures crawls of the simulator in process, with the journal on disk.

use std::{
    error::Error,
    future::pending,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Instant,
};

use fortilake_auth::{Credentials, real_time};
use fortilake_client::{Client, Config, Jitter};
use fortilake_crawler::{
    Crawl, Event, Incomplete, Observer, OpenSink, Report, ScopeMode, Search, Settings, Source,
    System, one_line, tables_of,
};
use fortilake_simulator::{Scenario, Simulator};
use fortilake_sink::{self as sink, Context, Delivery, Options, Spec};
use fortilake_sink_parquet as _;
use fortilake_state::{CrawlJournal, Journal, NewCrawl, State, Status};
use fortilake_transport::{InProcess, Transport};
use tokio::sync::watch;

use crate::{Figures, Result};

/// How many products an account has, on average.
const PRODUCTS_PER_ACCOUNT: u64 = 200;
/// The documented number of products on a page.
const PAGE: u64 = 25;
/// How many calls may be in flight.
const CONCURRENCY: usize = 8;
/// After this many responses the accounts have been listed, so few remaining calls mean that the
/// crawl is nearly done.
const BEGINNING: usize = 100;
/// The number of remaining calls at which a crawl is cut off: more than are in flight, but few of
/// the total.
const LEFT: usize = 2 * CONCURRENCY;

/// The id of the crawl in the state.
const ID: &str = "bench";

/// Crawls the default scenario within the documented limits.
pub(crate) async fn preset(state: &Path) -> Result<Figures> {
    let journal = begin(state)?;
    let simulator = Simulator::new(Scenario::production());
    let transport = InProcess::new(move |request| {
        let simulator = simulator.clone();
        async move { simulator.handle(request).await }
    });
    let began = Instant::now();
    let config = Config::new(credentials());
    let report = crawl(journal, transport, config, Arc::new(|_| {}))?
        .run()
        .await?;
    let seconds = began.elapsed().as_secs_f64();
    assert!(report.complete, "{:?}", report.failed);
    Ok(Figures::from([
        ("s", seconds),
        ("calls", as_float(report.calls)),
    ]))
}

/// Journals a crawl of this many products, except its last calls.
pub(crate) async fn journal(state: &Path, products: u64) -> Result<Figures> {
    let journal = begin(state)?;
    let simulator = Simulator::new(with_products(products));
    let (last, mut reached) = watch::channel(false);
    let is_last = last.subscribe();
    let transport = InProcess::new(move |request| {
        let (simulator, is_last) = (simulator.clone(), is_last.clone());
        async move {
            if *is_last.borrow() {
                return pending().await;
            }
            simulator.handle(request).await
        }
    });
    let began = Instant::now();
    let crawl = crawl(journal.clone(), transport, unlimited(), until_last(last))?;
    tokio::select! {
        report = crawl.run() => return Err(ended(&report)),
        reached = reached.wait_for(|last| *last) => drop(reached?),
    }
    journal.set_status(Status::Paused)?;
    let records = journal.crawl()?.records;
    Ok(Figures::from([
        ("s", began.elapsed().as_secs_f64()),
        ("records", as_float(records)),
    ]))
}

/// Crawls this many products into a Parquet file per table, without limits or latency.
pub(crate) async fn publish(state: &Path, products: u64) -> Result<Figures> {
    let journal = begin(state)?;
    let simulator = Simulator::new(with_products(products));
    let transport = InProcess::new(move |request| {
        let simulator = simulator.clone();
        async move { simulator.handle(request).await }
    });
    let began = Instant::now();
    let mut crawl = crawl(journal, transport, unlimited(), Arc::new(|_| {}))?;
    let place = state.join("published");
    let spec = Spec::parse(&format!("parquet:{}", place.display()))?;
    let context = Context::new(crawl.identity.clone(), crawl.tables.clone());
    let sink = spec.open(context, Options(spec.options.clone())).await?;
    crawl.sinks.push(OpenSink {
        name: "parquet".to_owned(),
        delivery: Delivery::Atomic,
        sink,
    });
    let report = crawl.run().await?;
    let seconds = began.elapsed().as_secs_f64();
    assert!(report.complete, "{:?}", report.failed);
    Ok(Figures::from([
        ("s", seconds),
        ("products/s", as_float(products) / seconds),
    ]))
}

/// A scenario with this many products, on pages of the documented size.
fn with_products(products: u64) -> Scenario {
    let mut scenario = Scenario::production();
    scenario.page_size = PAGE;
    scenario.organization.ous = 20;
    scenario.organization.accounts = products.div_ceil(PRODUCTS_PER_ACCOUNT);
    scenario.organization.products = products;
    scenario
}

/// Resumes a crawl until it makes its first call, which is never answered.
pub(crate) async fn resume(state: &Path) -> Result<Figures> {
    let began = Instant::now();
    let journal = Arc::new(open(state)?.take_up(ID)?);
    let (first, mut called) = watch::channel(false);
    let signal = first.clone();
    let transport = InProcess::new(move |_| {
        signal.send_replace(true);
        pending()
    });
    let published = Arc::new(AtomicUsize::new(0));
    let recalled = Arc::new(AtomicUsize::new(0));
    let (scopes, answers) = (published.clone(), recalled.clone());
    let observer = move |event: &Event<'_>| match event {
        Event::Published { .. } => drop(scopes.fetch_add(1, Ordering::Relaxed)),
        Event::Answered { .. } => drop(answers.fetch_add(1, Ordering::Relaxed)),
        _ => {}
    };
    let crawl = crawl(journal, transport, unlimited(), Arc::new(observer))?;
    tokio::select! {
        report = crawl.run() => return Err(ended(&report)),
        called = called.wait_for(|called| *called) => drop(called?),
    }
    drop(first);
    Ok(Figures::from([
        ("s", began.elapsed().as_secs_f64()),
        (
            "recalled",
            as_float(recalled.load(Ordering::Relaxed) as u64),
        ),
        (
            "published scopes",
            as_float(published.load(Ordering::Relaxed) as u64),
        ),
    ]))
}

/// Signals when few calls are left.
fn until_last(last: watch::Sender<bool>) -> Observer {
    let left = Mutex::new((0_usize, 0_usize));
    let done = AtomicBool::new(false);
    Arc::new(move |event| {
        let (answered, left) = &mut *left.lock().expect("no other holder panics");
        match event {
            Event::Planned { calls } => *left += calls,
            Event::Dropped => *left -= 1,
            Event::Answered { .. } => {
                *answered += 1;
                *left -= 1;
            }
            _ => {}
        }
        if *answered > BEGINNING && *left <= LEFT && !done.swap(true, Ordering::Relaxed) {
            last.send_replace(true);
        }
    })
}

fn ended(report: &fortilake_crawler::Result<Report>) -> Box<dyn Error + Send + Sync> {
    match report {
        Ok(_) => "the crawl ended before it could be cut off".into(),
        Err(error) => one_line(error).into(),
    }
}

fn begin(state: &Path) -> Result<Arc<CrawlJournal>> {
    let crawl = NewCrawl {
        id: ID.to_owned(),
        snapshot: ID.to_owned(),
        fingerprint: ID.to_owned(),
        version: ID.to_owned(),
    };
    Ok(Arc::new(open(state)?.begin(&crawl)?))
}

pub(crate) fn open(state: &Path) -> Result<State> {
    Ok(State::open(state, real_time())?)
}

pub(crate) fn take_up(state: &Path) -> Result<CrawlJournal> {
    Ok(open(state)?.take_up(ID)?)
}

fn crawl(
    journal: Arc<dyn Journal>,
    transport: impl Transport + 'static,
    config: Config,
    observer: Observer,
) -> Result<Crawl> {
    let settings = Settings {
        source: "acme".into(),
        system: System::default(),
        scope: ScopeMode::Auto,
        organization_seen: false,
        search: Search::Auto,
        statuses: vec!["Registered".to_owned(), "Pending".to_owned()],
        accounts: Vec::new(),
        include: Vec::new(),
        details: None,
        models: Vec::new(),
        verify_paging: false,
    };
    let tables = tables_of(&settings.endpoints());
    let client = Client::new(config, Arc::new(transport), Jitter::seeded(7))?;
    let (stop, stopped) = watch::channel(false);
    // Without a sender, the crawl is never stopped.
    drop(stop);
    Ok(Crawl {
        identity: identity(),
        sources: vec![Source {
            settings,
            clients: vec![Arc::new(client)],
            concurrency: CONCURRENCY,
            older: None,
        }],
        tables,
        sinks: Vec::new(),
        incomplete: Incomplete::Publish,
        carry: None,
        guard: None,
        changes: None,
        journal,
        clock: real_time(),
        observer,
        stop: stopped,
    })
}

fn identity() -> sink::Crawl {
    sink::Crawl {
        id: ID.to_owned(),
        edition: ID.to_owned(),
        name: "20260101T000000Z".to_owned(),
        phase: sink::Phase::Reading,
        selection: sink::Selection::default(),
        started_at: "2026-01-01T00:00:00Z".to_owned(),
        generator: "bench".to_owned(),
    }
}

fn credentials() -> Credentials {
    let Scenario { credentials, .. } = Scenario::production();
    Credentials {
        username: credentials.username,
        username_origin: "the preset".to_owned(),
        password: credentials.password.as_str().into(),
        password_origin: "the preset".to_owned(),
    }
}

/// Disables the limits, so that only the program's own work takes time.
fn unlimited() -> Config {
    Config {
        calls: Vec::new(),
        errors: None,
        ..Config::new(credentials())
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts stay below 2^53")]
pub(crate) fn as_float(count: u64) -> f64 {
    count as f64
}
