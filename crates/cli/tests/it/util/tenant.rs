//! A simulator in the process of the test, which can read its calls and replace its data.

use std::{
    fs,
    io::ErrorKind,
    mem,
    net::{SocketAddr, TcpListener},
    path::Path,
};

use fortilake_simulator::{Call, Scenario, Simulator};
use rusqlite::Connection;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use super::Folder;

/// A simulator on a port of its own. It stops when it is dropped.
pub(crate) struct Tenant {
    pub(crate) simulator: Simulator,
    listener: TcpListener,
    serving: Runtime,
    seed: u64,
}

impl Tenant {
    pub(crate) fn start(scenario: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let simulator = simulator(scenario, 1);
        let serving = serve(&simulator, &listener);
        Self {
            simulator,
            listener,
            serving,
            seed: 1,
        }
    }

    /// Replaces the data, at the same address.
    pub(crate) fn turn_into(&mut self, scenario: &str) {
        // The simulator derives tokens from the seed. With the same seed, it would accept tokens that the old one
        // issued.
        self.seed += 1;
        self.behave(scenario);
    }

    /// Replaces the behavior, at the same address. Tokens stay valid, and a scenario with the same organization has the
    /// same data.
    pub(crate) fn behave(&mut self, scenario: &str) {
        self.simulator = simulator(scenario, self.seed);
        let serving = serve(&self.simulator, &self.listener);
        mem::replace(&mut self.serving, serving).shutdown_background();
    }

    /// Lets days pass in the tenant, at the same address. `scenario` is that of the start with another `day`.
    pub(crate) fn pass_to(&mut self, scenario: &str) {
        self.seed -= 1;
        self.turn_into(scenario);
    }

    /// A folder with a configuration that begins with `head`, has practically no limits and publishes below `out`.
    pub(crate) fn folder(&self, head: &str) -> Folder {
        let address = self.address();
        let configuration = format!(
            r#"{head}
[[source]]
name = "acme"
type = "forticloud"
username = {{ env = "NAME" }}
password = {{ env = "PASSWORD" }}
auth_url = "http://{address}/api/v1/oauth/token/"
api_url = "http://{address}"
[source.quota]
calls = [{{ max = 1000000, per = "1m" }}]
errors = {{ max = 1000000, per = "1h" }}
[[sink]]
type = "csv"
path = "out/csv"
formula_prefix = false
[[sink]]
type = "parquet"
path = "out/pq"
"#
        );
        Folder::new()
            .with("NAME", "simulated")
            .with("PASSWORD", "simulated")
            .file("fortilake.toml", &configuration)
    }

    /// The address of the simulator.
    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// The number of calls so far, sign-ins included.
    pub(crate) fn calls(&self) -> usize {
        self.simulator.calls().len()
    }

    /// Checks the calls after the first `since`: none of them was journaled before, and none was made twice.
    pub(crate) fn check_calls(&self, since: usize, journaled: &[Asked]) {
        let calls = self.simulator.calls();
        let mut asked = Vec::new();
        for call in calls.iter().skip(since) {
            if call.path.contains("oauth") {
                continue;
            }
            let again = journaled.iter().any(|kept| kept.is(call));
            assert!(!again, "called although it is journaled: {call:?}");
            let name = (&call.path, &call.arguments);
            assert!(!asked.contains(&name), "called twice by one run: {call:?}");
            asked.push(name);
        }
    }

    /// How many of the calls after the first `since` have no response in the journal.
    pub(crate) fn lost_calls(&self, since: usize, journaled: &[Asked]) -> usize {
        let calls = self.simulator.calls();
        let asked = calls.iter().skip(since);
        let asked = asked.filter(|call| !call.path.contains("oauth"));
        let lost = asked.filter(|call| !journaled.iter().any(|kept| kept.is(call)));
        lost.count()
    }
}

fn simulator(scenario: &str, seed: u64) -> Simulator {
    let scenario = Scenario::from_toml(scenario).unwrap();
    Simulator::new(Scenario { seed, ..scenario })
}

fn serve(simulator: &Simulator, listener: &TcpListener) -> Runtime {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let (simulator, listener) = (simulator.clone(), listener.try_clone().unwrap());
    runtime.spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        simulator.serve(listener, std::future::pending()).await
    });
    runtime
}

/// The call whose response is in the journal.
pub(crate) struct Asked {
    endpoint: String,
    arguments: Value,
}

impl Asked {
    fn is(&self, call: &Call) -> bool {
        call.path.ends_with(&self.endpoint) && call.arguments == self.arguments
    }
}

/// The calls in the journal of the unfinished crawl, if there is one.
///
/// A crawl that was read completely is left out: the next run publishes it and then makes all calls again for a new one.
pub(crate) fn journaled(state: &Path) -> Vec<Asked> {
    read_journal(
        state,
        "AND status IN ('running', 'paused', 'done')
         AND NOT EXISTS (SELECT 1 FROM notes WHERE crawl = number AND key = ' frozen')",
    )
}

/// The calls in the journal of the newest crawl, however far it has come.
pub(crate) fn journaled_by_newest(state: &Path) -> Vec<Asked> {
    read_journal(state, "")
}

fn read_journal(state: &Path, condition: &str) -> Vec<Asked> {
    // Reads a copy. Opening the original would let SQLite recover the file, which should be left to the next crawl.
    let copy = tempfile::tempdir().unwrap();
    for name in ["state.sqlite", "state.sqlite-wal"] {
        match fs::copy(state.join(name), copy.path().join(name)) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            copied => drop(copied.unwrap()),
        }
    }
    let path = copy.path().join("state.sqlite");
    if !path.exists() {
        return Vec::new();
    }
    let state = Connection::open(path).unwrap();
    let mut pages = state
        .prepare(&format!(
            "SELECT key FROM pages, (SELECT number, status FROM crawls ORDER BY number DESC LIMIT 1)
             WHERE place >> 32 = number {condition}"
        ))
        .unwrap();
    let keys = pages.query_map((), |row| row.get::<_, String>(0)).unwrap();
    let asked = keys.map(|key| {
        let key = key.unwrap();
        let (_, fetch) = key.split_once(' ').unwrap();
        let (endpoint, rest) = fetch.split_once(' ').unwrap();
        let (arguments, round) = rest.rsplit_once(' ').unwrap();
        assert_eq!(round, "0", "no list changes while it is read: {key}");
        Asked {
            endpoint: endpoint.to_owned(),
            arguments: serde_json::from_str(arguments).unwrap(),
        }
    });
    asked.collect()
}
