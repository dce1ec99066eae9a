//! How a crawl ends for its sinks: they finish, or all of them are aborted.

use std::sync::{Arc, Mutex};

use fortilake_crawler::{
    Baselines, Crawl, Guard, Incomplete, Kind, OpenSink, Settings, ShrinkLimits,
};
use fortilake_simulator::Scenario;
use fortilake_sink::{
    self as sink, Delivery,
    testing::{Call, ScriptedSink},
};
use fortilake_state::{self as state, Journal, MemoryJournal, Record, Records};
use tokio::sync::watch;

use crate::util::{Lab, settings};

/// The calls that a sink got, without repetitions.
type Told = Arc<Mutex<Vec<&'static str>>>;

/// What happens at the first batch.
enum First {
    Nothing,
    Fails,
    Stops(watch::Sender<bool>),
}

/// Adds a sink that records its calls, and does something at its first batch.
fn add(crawl: &mut Crawl, delivery: Delivery, first: First) -> Told {
    let told = Told::default();
    let calls = told.clone();
    let script = move |call: Call<'_>| {
        let name = match call {
            Call::Write(_) => "write",
            Call::Written(_) => return Ok(()),
            Call::Finish(_) => "finish",
            Call::Abort => "abort",
        };
        let mut calls = calls.lock().unwrap();
        if calls.last() != Some(&name) {
            calls.push(name);
        }
        match &first {
            First::Fails if name == "write" => {
                Err(sink::Error::new(sink::Kind::Full, "the disk is full"))
            }
            First::Stops(stop) if name == "write" => {
                stop.send_replace(true);
                Ok(())
            }
            _ => Ok(()),
        }
    };
    crawl.sinks.push(OpenSink {
        name: format!("{delivery:?}"),
        delivery,
        sink: Box::new(ScriptedSink::new(script)),
    });
    told
}

/// Adds a sink of each kind.
fn add_both(crawl: &mut Crawl) -> [Told; 2] {
    [Delivery::Atomic, Delivery::AtLeastOnce].map(|delivery| add(crawl, delivery, First::Nothing))
}

fn heard(told: &Told) -> Vec<&'static str> {
    told.lock().unwrap().clone()
}

/// An organization with this many products.
fn lab(products: usize) -> Lab {
    let text = format!("[organization]\nous = 2\naccounts = 3\nproducts = {products}\n");
    Lab::new(Scenario::from_toml(&text).unwrap())
}

fn memory() -> Arc<MemoryJournal> {
    Arc::new(MemoryJournal::default())
}

#[tokio::test(start_paused = true)]
async fn a_crawl_that_the_guard_refuses_finishes_no_sink() {
    let (_stop, mut crawl) = lab(100).crawl(settings(), memory(), |_| {});
    let sinks = add_both(&mut crawl);
    let first = crawl.run().await.unwrap();
    assert!(first.published);
    for told in &sinks {
        assert_eq!(heard(told), ["write", "finish"]);
    }
    let mut before = Baselines::default();
    before.update(&first.outcome, "20231113T221320Z");

    for (max_shrink, is_refused) in [(0.2, true), (1.0, false)] {
        let (_stop, mut crawl) = lab(10).crawl(settings(), memory(), |_| {});
        let [atomic, at_once] = add_both(&mut crawl);
        crawl.guard = Some(Guard {
            limits: ShrinkLimits {
                max_shrink,
                max_account_shrink: 1.0,
                min_rows: 20,
            },
            before: before.clone(),
        });
        let report = crawl.run().await.unwrap();
        assert_eq!(report.published, !is_refused);
        assert_eq!(!report.shrunk.is_empty(), is_refused);
        if is_refused {
            // Nothing was staged, and what was sent early is never called a snapshot.
            assert_eq!(heard(&atomic), ["abort"]);
            assert_eq!(heard(&at_once), ["write", "abort"]);
        } else {
            assert_eq!(heard(&atomic), ["write", "finish"]);
            assert_eq!(heard(&at_once), ["write", "finish"]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_complete_crawl_is_published_although_incomplete_ones_are_discarded() {
    let (_stop, mut crawl) = lab(10).crawl(settings(), memory(), |_| {});
    let sinks = add_both(&mut crawl);
    crawl.incomplete = Incomplete::Discard;
    assert!(crawl.run().await.unwrap().published);
    for told in &sinks {
        assert_eq!(heard(told), ["write", "finish"]);
    }
}

#[tokio::test(start_paused = true)]
async fn failed_sinks_are_in_the_report_of_a_crawl_that_was_read() {
    let (_stop, mut crawl) = lab(10).crawl(settings(), memory(), |_| {});
    let failing = add(&mut crawl, Delivery::Atomic, First::Fails);
    let at_once = add(&mut crawl, Delivery::AtLeastOnce, First::Nothing);
    let report = crawl.run().await.unwrap();
    let results: Vec<_> = report
        .sinks
        .iter()
        .map(|sink| sink.result.is_ok())
        .collect();
    assert_eq!(results, [false, true]);
    assert_eq!(heard(&failing), ["write", "abort"]);
    assert_eq!(heard(&at_once), ["write", "finish"]);
}

#[tokio::test(start_paused = true)]
async fn a_crawl_stops_reading_when_every_sink_has_failed() {
    let slow = || {
        let scenario = Scenario::from_toml("latency = \"1s\"\n").unwrap();
        Lab::new(scenario)
    };
    let lab = slow();
    let (_stop, mut crawl) = lab.crawl(settings(), memory(), |_| {});
    let failing = add(&mut crawl, Delivery::AtLeastOnce, First::Fails);
    assert_eq!(crawl.run().await.unwrap_err().kind(), Kind::Sinks);
    assert_eq!(heard(&failing), ["write", "abort"]);
    let calls = *lab.calls.borrow();

    // An atomic sink is written at the end, so it has not failed.
    let lab = slow();
    let (_stop, mut crawl) = lab.crawl(settings(), memory(), |_| {});
    add(&mut crawl, Delivery::AtLeastOnce, First::Fails);
    let atomic = add(&mut crawl, Delivery::Atomic, First::Nothing);
    assert!(crawl.run().await.unwrap().published);
    assert_eq!(heard(&atomic), ["write", "finish"]);
    let all = *lab.calls.borrow();
    assert!(calls < all / 2, "{calls} of {all} calls");
}

#[tokio::test(start_paused = true)]
async fn a_crawl_that_is_stopped_while_it_publishes_finishes_no_sink() {
    let (stop, mut crawl) = lab(100).crawl(settings(), memory(), |_| {});
    let stopping = add(&mut crawl, Delivery::Atomic, First::Stops(stop));
    let error = crawl.run().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Interrupted);
    assert_eq!(heard(&stopping), ["write", "abort"]);
}

/// A journal whose pages cannot be read once the results are frozen.
#[derive(Default)]
struct Damaged {
    journal: MemoryJournal,
    frozen: Mutex<bool>,
}

impl Journal for Damaged {
    fn append(&self, key: &str, record: Record) -> state::Result<()> {
        *self.frozen.lock().unwrap() |= key == " frozen";
        self.journal.append(key, record)
    }

    fn flush(&self) -> state::Result<()> {
        self.journal.flush()
    }

    fn read(&self, key: &str) -> state::Result<Option<Record>> {
        let is_lost = *self.frozen.lock().unwrap() && !key.starts_with(' ');
        if is_lost {
            return Ok(None);
        }
        self.journal.read(key)
    }

    fn records(&self) -> state::Result<Records<'_>> {
        self.journal.records()
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_lost_before_it_is_published_fails_the_crawl() {
    let (_stop, mut crawl) = lab(10).crawl(settings(), Arc::new(Damaged::default()), |_| {});
    let atomic = add(&mut crawl, Delivery::Atomic, First::Nothing);
    let error = crawl.run().await.unwrap_err();
    assert_eq!(error.kind(), Kind::State);
    assert_eq!(heard(&atomic), ["abort"]);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_pauses_does_not_stop_the_other() {
    let alone = lab(100);
    let (_stop, crawl) = alone.crawl(settings(), memory(), |_| {});
    crawl.run().await.unwrap();
    let calls = alone.simulator.calls().len();

    let (paused, other) = (lab(100), lab(100));
    let journal = memory();
    let (_stop, mut crawl) = paused.crawl(settings(), journal.clone(), |config| {
        config.errors = None;
        config.max_calls = Some(3);
    });
    let second = Settings {
        source: "bravo".into(),
        ..settings()
    };
    let (_other, second) = other.crawl(second, journal, |_| {});
    crawl.sources.extend(second.sources);
    let sinks = add_both(&mut crawl);
    assert_eq!(crawl.run().await.unwrap_err().kind(), Kind::Paused);
    assert_eq!(other.simulator.calls().len(), calls);
    for told in &sinks {
        assert!(!heard(told).contains(&"finish"));
    }
}
