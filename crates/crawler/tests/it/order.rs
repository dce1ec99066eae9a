//! The order of events at a sink: durable pages, then the batches, then exactly one end.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

use fortilake_crawler::OpenSink;
use fortilake_simulator::Scenario;
use fortilake_sink::{
    Delivery, Outcome, ScopeId,
    testing::{Call, Pauses, ScriptedSink},
};
use fortilake_state::{self as state, Journal, MemoryJournal, Record, RecordKind, Records};

use crate::util::{Lab, settings};

/// The note that the results of a crawl are frozen.
const FROZEN: &str = " frozen";

/// A journal that knows what would survive a power failure.
#[derive(Default)]
struct Watched {
    journal: MemoryJournal,
    notes: Mutex<Notes>,
}

/// The notes of a journal by key and by text; the value says whether the note is durable.
#[derive(Default)]
struct Notes(HashMap<String, bool>);

impl Watched {
    /// Whether a scope, and so all of its pages, survives a power failure.
    fn is_durable(&self, scope: &ScopeId) -> bool {
        let text = if *scope == ScopeId::report() {
            FROZEN.to_owned()
        } else {
            scope.text()
        };
        self.notes.lock().unwrap().0.get(&text) == Some(&true)
    }
}

impl Journal for Watched {
    fn append(&self, key: &str, record: Record) -> state::Result<()> {
        if record.kind == RecordKind::Note {
            let mut notes = self.notes.lock().unwrap();
            notes.0.insert(key.to_owned(), false);
            notes.0.insert(record.body.to_string(), false);
        }
        self.journal.append(key, record)
    }

    fn flush(&self) -> state::Result<()> {
        let mut notes = self.notes.lock().unwrap();
        notes.0.values_mut().for_each(|durable| *durable = true);
        self.journal.flush()
    }

    fn read(&self, key: &str) -> state::Result<Option<Record>> {
        self.journal.read(key)
    }

    fn records(&self) -> state::Result<Records<'_>> {
        self.journal.records()
    }
}

/// What a sink was told.
#[derive(Default)]
struct Told {
    rows: BTreeMap<String, u64>,
    /// The scope of the newest batch.
    scope: Option<Arc<ScopeId>>,
    is_writing: bool,
    /// The outcome, once the sink was told to finish.
    outcome: Option<Outcome>,
}

/// A sink that takes a random time for each call, and expects the calls in their order.
fn watching(told: Arc<Mutex<Told>>, journal: Arc<Watched>, pauses: Pauses) -> ScriptedSink {
    let script = move |call: Call<'_>| {
        let mut told = told.lock().unwrap();
        match call {
            Call::Write(batch) => {
                let scope = &batch.scope;
                assert!(journal.is_durable(scope), "`{scope}` may be lost");
                assert!(!told.is_writing, "a batch arrived during another one");
                assert!(told.outcome.is_none(), "a batch arrived after the end");
                told.is_writing = true;
                let rows = batch.records.num_rows() as u64;
                *told.rows.entry(batch.table.name.clone()).or_default() += rows;
                told.scope = Some(scope.clone());
            }
            Call::Written(_) => told.is_writing = false,
            Call::Finish(outcome) => {
                assert!(!told.is_writing, "the end arrived during a batch");
                told.outcome = Some(outcome.clone());
            }
            Call::Abort => panic!("a crawl that succeeds aborts no sink"),
        }
        Ok(())
    };
    ScriptedSink::new(script).with_pauses(pauses)
}

/// Crawls with two sinks of each kind, which are not wrapped in `Checked`: the order must be right
/// without it.
async fn crawl(seed: u64) {
    let text = "page_size = 7\nlatency = \"200ms\"\n\
                [organization]\nous = 2\naccounts = 3\nproducts = 25\n";
    let lab = Lab::new(Scenario::from_toml(text).unwrap());
    let journal = Arc::new(Watched::default());
    let (_stop, mut crawl) = lab.crawl(settings(), journal.clone(), |_| {});
    let mut sinks = Vec::new();
    for number in 0..4_u64 {
        let told = Arc::new(Mutex::new(Told::default()));
        // A call to the API takes 200 ms. Some sinks that deliver at once still have rows to
        // write when the atomic ones have finished.
        let longest = [400, 100, 40, 4_000][usize::try_from(number).unwrap()];
        let pauses = Pauses::new(4 * seed + number, Duration::from_millis(longest));
        let delivery = [Delivery::AtLeastOnce, Delivery::Atomic];
        crawl.sinks.push(OpenSink {
            name: number.to_string(),
            delivery: delivery[usize::from(number % 2 == 0)],
            sink: Box::new(watching(told.clone(), journal.clone(), pauses)),
        });
        sinks.push(told);
    }
    let report = crawl.run().await.unwrap();
    assert!(report.complete);
    for sink in &report.sinks {
        assert!(sink.result.is_ok(), "seed {seed}: {sink:?}");
    }
    for told in sinks {
        let told = told.lock().unwrap();
        let outcome = told.outcome.as_ref().expect("every sink finishes");
        let wanted = outcome.tables.iter().filter(|(_, rows)| **rows > 0);
        let wanted: BTreeMap<_, _> = wanted.map(|(table, rows)| (table.clone(), *rows)).collect();
        assert_eq!(told.rows, wanted, "seed {seed}");
        assert_eq!(told.scope.as_deref(), Some(&ScopeId::report()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_sink_finishes_after_all_rows_and_gets_none_that_a_crash_could_lose() {
    for seed in 0..25 {
        crawl(seed).await;
    }
}
