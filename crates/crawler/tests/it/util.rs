//! Crawls a scenario, and collects what a sink receives.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use arrow_array::{Array, RecordBatch, cast::AsArray, types};
use arrow_schema::{DataType, TimeUnit};
use fortilake_auth::{Clock, Credentials, real_time};
use fortilake_client::{Client, Config, Jitter, Waiting, ledger::MemoryLedger};
use fortilake_crawler::{
    Crawl, Incomplete, OpenSink, Report, Result, ScopeMode, Search, Settings, Source, System,
    tables_of,
};
use fortilake_simulator::{Row, Scenario, Simulator};
use fortilake_sink::{
    self as sink, Batch, Checked, Delivery, Outcome, Phase, Receipt, Selection, Sink, TableSpec,
    testing::receipt,
};
use fortilake_state::{Journal, MemoryJournal};
use fortilake_transport::InProcess;
use serde_json::Value;
use tokio::sync::watch;

/// The lists that are crawled in addition to products, unless a test says otherwise.
pub(crate) const INCLUDE: [&str; 3] = ["folders/list", "licenses/list", "contracts/list"];

/// The columns that contain JSON.
const JSON: [&str; 2] = ["_extra", "parameters"];

/// How many calls may be in flight.
pub(crate) const CONCURRENCY: usize = 8;

/// The result of a crawl, and what its sink received.
pub(crate) struct Crawled {
    pub(crate) simulator: Simulator,
    pub(crate) report: Result<Report>,
    /// The rows of every table in the order of arrival, without the columns that all tables share.
    pub(crate) tables: BTreeMap<String, Vec<Row>>,
    /// The published tables.
    pub(crate) specs: Vec<Arc<TableSpec>>,
    /// The ids of the batches in the order of arrival.
    pub(crate) batches: Vec<String>,
    /// Whether the sink was told to finish.
    pub(crate) finished: bool,
}

impl Crawled {
    #[track_caller]
    pub(crate) fn report(&self) -> &Report {
        self.report.as_ref().unwrap()
    }
}

pub(crate) fn settings() -> Settings {
    Settings {
        source: "acme".into(),
        system: System::default(),
        scope: ScopeMode::Auto,
        organization_seen: false,
        search: Search::Auto,
        statuses: vec!["Registered".to_owned(), "Pending".to_owned()],
        accounts: Vec::new(),
        include: INCLUDE.to_vec(),
        details: None,
        models: Vec::new(),
        verify_paging: false,
    }
}

/// The settings of a crawl that reads no lists but the units, the accounts and their products.
pub(crate) fn products_only() -> Settings {
    Settings {
        include: Vec::new(),
        ..settings()
    }
}

/// The scenario in this text, with an organization of this size.
pub(crate) fn scenario(text: &str, ous: u64, accounts: u64, products: u64) -> Scenario {
    let mut scenario = Scenario::from_toml(text).unwrap();
    scenario.organization.ous = ous;
    scenario.organization.accounts = accounts;
    scenario.organization.products = products;
    scenario
}

/// A sink for this crawl, checked as every sink is.
pub(crate) fn open_sink(crawl: &Crawl, delivery: Delivery, sink: impl Sink + 'static) -> OpenSink {
    OpenSink {
        name: format!("{delivery:?}"),
        delivery,
        sink: Box::new(Checked::new(Box::new(sink), crawl.tables.clone())),
    }
}

pub(crate) async fn crawl(scenario: Scenario) -> Crawled {
    crawl_with(scenario, settings(), Incomplete::Publish).await
}

pub(crate) async fn crawl_with(
    scenario: Scenario,
    settings: Settings,
    incomplete: Incomplete,
) -> Crawled {
    let lab = Lab::new(scenario);
    let journal = Arc::new(MemoryJournal::default());
    lab.run(settings, incomplete, journal, |config| config.errors = None)
        .await
}

/// A simulator and a ledger for several crawls, one after the other.
pub(crate) struct Lab {
    pub(crate) simulator: Simulator,
    credentials: Credentials,
    ledger: Arc<MemoryLedger>,
    /// One clock for all crawls; each of its own would start at the real time again.
    clock: Clock,
    /// The number of calls that all crawls have sent.
    pub(crate) calls: watch::Sender<usize>,
}

impl Lab {
    pub(crate) fn new(scenario: Scenario) -> Self {
        let credentials = Credentials {
            username: scenario.credentials.username.clone(),
            username_origin: "the test".to_owned(),
            password: scenario.credentials.password.as_str().into(),
            password_origin: "the test".to_owned(),
        };
        Self {
            simulator: Simulator::new(scenario),
            credentials,
            ledger: Arc::new(MemoryLedger::new()),
            clock: real_time(),
            calls: watch::Sender::new(0),
        }
    }

    pub(crate) async fn run(
        &self,
        settings: Settings,
        incomplete: Incomplete,
        journal: Arc<dyn Journal>,
        change: impl FnOnce(&mut Config),
    ) -> Crawled {
        let (_stop, mut crawl) = self.crawl(settings, journal, change);
        crawl.incomplete = incomplete;
        self.collect(crawl).await
    }

    /// Runs a crawl with a sink that keeps everything.
    pub(crate) async fn collect(&self, crawl: Crawl) -> Crawled {
        self.collect_into(crawl, Delivery::Atomic).await
    }

    /// The same with a sink that is fed at the end or at once.
    pub(crate) async fn collect_into(&self, mut crawl: Crawl, delivery: Delivery) -> Crawled {
        let collected = Arc::new(Mutex::new(Collected::default()));
        let sink = open_sink(&crawl, delivery, Collect(collected.clone()));
        crawl.sinks = vec![sink];
        let specs = crawl.tables.clone();
        let report = crawl.run().await;
        let Collected {
            tables,
            batches,
            finished,
        } = std::mem::take(&mut *collected.lock().unwrap());
        Crawled {
            simulator: self.simulator.clone(),
            report,
            tables,
            specs,
            batches,
            finished,
        }
    }

    /// A crawl without sinks, and the sender that stops it.
    pub(crate) fn crawl(
        &self,
        settings: Settings,
        journal: Arc<dyn Journal>,
        change: impl FnOnce(&mut Config),
    ) -> (watch::Sender<bool>, Crawl) {
        let client = self.client(self.credentials.clone(), change);
        let (stop, stopped) = watch::channel(false);
        let crawl = Crawl {
            identity: identity(),
            tables: tables_of(&settings.endpoints()),
            sources: vec![Source {
                settings,
                clients: vec![Arc::new(client)],
                concurrency: CONCURRENCY,
                older: None,
            }],
            sinks: Vec::new(),
            incomplete: Incomplete::Publish,
            carry: None,
            guard: None,
            changes: None,
            journal,
            clock: Arc::new(|| 1_700_000_000_000_000),
            observer: Arc::new(|_| {}),
            stop: stopped,
        };
        (stop, crawl)
    }

    /// A client for the user with this name, who has the same password.
    pub(crate) fn client_of(&self, user: &str, change: impl FnOnce(&mut Config)) -> Client {
        let credentials = Credentials {
            username: user.to_owned(),
            ..self.credentials.clone()
        };
        self.client(credentials, change)
    }

    fn client(&self, credentials: Credentials, change: impl FnOnce(&mut Config)) -> Client {
        let (server, calls) = (self.simulator.clone(), self.calls.clone());
        let transport = InProcess::new(move |request| {
            let server = server.clone();
            calls.send_modify(|calls| *calls += 1);
            async move { server.handle(request).await }
        });
        let mut config = Config::new(credentials);
        config.ledger = self.ledger.clone();
        config.clock = self.clock.clone();
        change(&mut config);
        if config.errors.is_none() {
            // Time is virtual, so waiting for the limits costs nothing.
            config.waiting = Waiting::Forever;
        }
        Client::new(config, Arc::new(transport), Jitter::seeded(7)).unwrap()
    }
}

/// The crawl as sinks see it.
pub(crate) fn identity() -> sink::Crawl {
    sink::Crawl {
        id: "crawl".to_owned(),
        edition: "crawl-1".to_owned(),
        name: "20231114T221320Z".to_owned(),
        phase: Phase::Reading,
        selection: Selection::default(),
        started_at: "2023-11-14T22:13:20Z".to_owned(),
        generator: "the test".to_owned(),
    }
}

/// A sink that keeps everything.
struct Collect(Arc<Mutex<Collected>>);

#[derive(Default)]
struct Collected {
    tables: BTreeMap<String, Vec<Row>>,
    batches: Vec<String>,
    finished: bool,
}

#[async_trait::async_trait]
impl Sink for Collect {
    async fn write(&mut self, batch: &Batch) -> sink::Result<()> {
        let mut collected = self.0.lock().unwrap();
        collected.batches.push(batch.id(&identity()));
        let rows = rows(&batch.records);
        collected
            .tables
            .entry(batch.table.name.clone())
            .or_default()
            .extend(rows);
        Ok(())
    }

    async fn finish(self: Box<Self>, outcome: &Outcome) -> sink::Result<Receipt> {
        let mut collected = self.0.lock().unwrap();
        collected.finished = true;
        for (table, total) in &outcome.tables {
            let rows = collected.tables.get(table).map_or(0, Vec::len);
            assert_eq!(rows as u64, *total, "{table}");
        }
        Ok(receipt())
    }

    async fn abort(self: Box<Self>) -> sink::Result<()> {
        Ok(())
    }
}

pub(crate) fn rows(records: &RecordBatch) -> Vec<Row> {
    let schema = records.schema();
    (0..records.num_rows())
        .map(|row| {
            let columns = schema.fields().iter().zip(records.columns());
            columns
                .filter(|(field, _)| {
                    !["_source", "_crawl_id", "_observed_at"].contains(&field.name().as_str())
                })
                .map(|(field, column)| (field.name().clone(), cell(field.name(), column, row)))
                .collect()
        })
        .collect()
}

fn cell(name: &str, column: &dyn Array, row: usize) -> Value {
    if column.is_null(row) {
        return Value::Null;
    }
    match column.data_type() {
        DataType::Utf8 if JSON.contains(&name) => {
            serde_json::from_str(column.as_string::<i32>().value(row)).unwrap()
        }
        DataType::Utf8 => column.as_string::<i32>().value(row).into(),
        DataType::Int64 => column.as_primitive::<types::Int64Type>().value(row).into(),
        DataType::Boolean => column.as_boolean().value(row).into(),
        DataType::Timestamp(TimeUnit::Microsecond, None) => {
            let micros = column
                .as_primitive::<types::TimestampMicrosecondType>()
                .value(row);
            let time = jiff::Timestamp::from_microsecond(micros).unwrap();
            let fraction = if micros % 1_000_000 == 0 { "" } else { ".%6f" };
            time.strftime(&format!("%Y-%m-%dT%H:%M:%S{fraction}"))
                .to_string()
                .into()
        }
        other => panic!("no table has {other}"),
    }
}
