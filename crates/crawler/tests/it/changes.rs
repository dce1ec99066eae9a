//! The table `changes`: every sink gets it, and the journal says what the crawl was compared with.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_schema::DataType;
use async_trait::async_trait;
use fortilake_crawler::{
    Begun, ChangeRows, FindChanges, Kind, Report, Result, Since, changes_table,
};
use fortilake_sink::{self as sink, Batch, Delivery, Outcome, Receipt, Sink, testing::receipt};
use fortilake_state::{Journal, MemoryJournal};

use crate::util::{Lab, open_sink, scenario, settings};

const BEFORE: &str = "20231113T221320Z";

/// What a sink received.
#[derive(Debug, Default, Clone, PartialEq)]
struct Received {
    rows: BTreeMap<String, usize>,
    since: Option<String>,
    finished: bool,
}

struct Receive(Arc<Mutex<Received>>);

#[async_trait]
impl Sink for Receive {
    async fn write(&mut self, batch: &Batch) -> sink::Result<()> {
        let mut received = self.0.lock().unwrap();
        *received.rows.entry(batch.table.name.clone()).or_default() += batch.records.num_rows();
        Ok(())
    }

    async fn finish(self: Box<Self>, outcome: &Outcome) -> sink::Result<Receipt> {
        let mut received = self.0.lock().unwrap();
        received.finished = true;
        received.since.clone_from(&outcome.changes_since);
        Ok(receipt())
    }

    async fn abort(self: Box<Self>) -> sink::Result<()> {
        Ok(())
    }
}

/// Finds two changes, and remembers what it was asked.
struct Finder {
    /// What an earlier delivery had decided.
    recorded: Arc<Mutex<Option<Since>>>,
    rows: Arc<Mutex<Received>>,
    /// Whether it fails.
    fails: bool,
}

/// A column with one value.
fn value(data_type: &DataType) -> ArrayRef {
    match data_type {
        DataType::Utf8 => Arc::new(StringArray::from(vec!["x"])),
        DataType::Int64 => Arc::new(Int64Array::from(vec![0])),
        DataType::Timestamp(_, zone) => {
            let times = TimestampMicrosecondArray::from(vec![0]);
            Arc::new(times.with_timezone_opt(zone.clone()))
        }
        other => panic!("the table has {other}"),
    }
}

fn two_changes() -> ChangeRows {
    let schema = changes_table().schema.clone();
    ChangeRows {
        since: Some(BEFORE.to_owned()),
        count: 2,
        read: Arc::new(move || {
            let fields = schema.fields().iter();
            let columns = fields.map(|field| value(field.data_type())).collect();
            let batch = RecordBatch::try_new(schema.clone(), columns).unwrap();
            Ok(Box::new([Ok(batch.clone()), Ok(batch)].into_iter()))
        }),
    }
}

#[async_trait]
impl FindChanges for Finder {
    async fn begin(&mut self, recorded: Option<Since>) -> sink::Result<Begun> {
        let is_first = recorded.is_none();
        *self.recorded.lock().unwrap() = recorded;
        if !is_first {
            return Ok(Begun::Known(two_changes()));
        }
        Ok(Begun::Compare {
            since: BEFORE.to_owned(),
            rows: Box::new(Receive(self.rows.clone())),
        })
    }

    async fn end(&mut self) -> sink::Result<ChangeRows> {
        if self.fails {
            return Err(sink::Error::new(
                sink::Kind::Unavailable,
                "the disk is full",
            ));
        }
        Ok(two_changes())
    }
}

/// The result of a crawl with an atomic sink and one that delivers at once.
struct Ended {
    report: Result<Report>,
    sinks: [Received; 2],
    compared: Received,
    recorded: Option<Since>,
}

async fn run(lab: &Lab, journal: Arc<dyn Journal>, fails: bool) -> Ended {
    let (_stop, mut crawl) = lab.crawl(settings(), journal, |config| config.errors = None);
    crawl.tables.push(changes_table());
    let received = [Delivery::Atomic, Delivery::AtLeastOnce].map(|delivery| {
        let received = Arc::new(Mutex::new(Received::default()));
        let sink = open_sink(&crawl, delivery, Receive(received.clone()));
        crawl.sinks.push(sink);
        received
    });
    let (recorded, rows) = (Arc::default(), Arc::default());
    crawl.changes = Some(Box::new(Finder {
        recorded: Arc::clone(&recorded),
        rows: Arc::clone(&rows),
        fails,
    }));
    let report = crawl.run().await;
    Ended {
        report,
        sinks: received.map(|received| received.lock().unwrap().clone()),
        compared: rows.lock().unwrap().clone(),
        recorded: recorded.lock().unwrap().clone(),
    }
}

fn small() -> Lab {
    Lab::new(scenario("", 2, 3, 40))
}

#[tokio::test(start_paused = true)]
async fn every_sink_gets_the_changes() {
    let lab = small();
    let journal = Arc::new(MemoryJournal::default());
    let first = run(&lab, journal.clone(), false).await;
    assert_eq!(first.recorded, None);
    for received in &first.sinks {
        assert_eq!(received.since.as_deref(), Some(BEFORE));
        let mut rows = received.rows.clone();
        assert_eq!(rows.remove("changes"), Some(2));
        // What was compared is everything else.
        assert_eq!(rows, first.compared.rows);
    }
    assert!(first.compared.finished);
    let report = first.report.unwrap();
    let total = report.tables.iter().find(|total| total.table == "changes");
    assert_eq!(total.unwrap().rows, 2);
    assert!(
        report.sinks.iter().all(|sink| sink.result.is_ok()),
        "{:?}",
        report.sinks
    );

    // The next delivery gets the decision of this one.
    let again = run(&lab, journal, false).await;
    assert_eq!(again.recorded, Some(Since(Some(BEFORE.to_owned()))));
    assert_eq!(again.sinks, first.sinks);
    assert_eq!(again.compared, Received::default());
}

#[tokio::test(start_paused = true)]
async fn a_crawl_whose_changes_are_unknown_is_not_published() {
    let lab = small();
    let journal = Arc::new(MemoryJournal::default());
    let failed = run(&lab, journal.clone(), true).await;
    let error = failed.report.unwrap_err();
    assert_eq!(error.kind(), Kind::Sinks);
    let text = fortilake_crawler::one_line(&error);
    assert!(text.ends_with("the disk is full"), "{text}");
    assert!(failed.sinks.iter().all(|received| !received.finished));
    // Nothing is lost: the next run needs no call.
    let calls = *lab.calls.borrow();
    let again = run(&lab, journal, false).await;
    assert!(again.sinks.iter().all(|received| received.finished));
    assert_eq!(*lab.calls.borrow(), calls);
}
