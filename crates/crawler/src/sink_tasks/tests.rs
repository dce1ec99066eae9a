//! Tests that each sink gets all batches in order and ends once, however the tasks interleave.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use arrow_array::{Int64Array, RecordBatch};
use async_trait::async_trait;
use fortilake_sink::{
    Batch, DataType, Delivery, Error, Field, KeyIn, Kind, Origin, Outcome, Receipt, Result, Schema,
    ScopeId, Sink, Standing, TableSpec,
};

use super::{OpenSink, SinkReport, SinkTasks, WAITING_BATCHES};

/// What a sink was told. A batch begins and ends, so that a call during another one is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Begin(u32),
    End(u32),
    Finish,
    Abort,
}

/// Numbers that depend on the seed alone.
#[derive(Clone)]
struct Random(u64);

impl Random {
    fn below(&mut self, end: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from(self.0 % u64::from(end)).unwrap()
    }

    /// Lets other tasks run, for a while or not at all.
    async fn pause(&mut self) {
        match self.below(3) {
            0 => {}
            1 => tokio::task::yield_now().await,
            _ => tokio::time::sleep(Duration::from_micros(self.below(500).into())).await,
        }
    }
}

/// A sink that records its calls, each of which takes a random time.
struct Scripted {
    events: Arc<Mutex<Vec<Event>>>,
    random: Random,
    /// The batch that it cannot write.
    fails_at: Option<u32>,
}

impl Scripted {
    async fn take(&mut self, event: Event) {
        self.events.lock().unwrap().push(event);
        self.random.pause().await;
    }
}

#[async_trait]
impl Sink for Scripted {
    async fn write(&mut self, batch: &Batch) -> Result<()> {
        self.take(Event::Begin(batch.piece)).await;
        if self.fails_at == Some(batch.piece) {
            return Err(Error::new(Kind::Full, "the disk is full"));
        }
        self.take(Event::End(batch.piece)).await;
        Ok(())
    }

    async fn finish(mut self: Box<Self>, _: &Outcome) -> Result<Receipt> {
        self.take(Event::Finish).await;
        Ok(Receipt {
            location: String::new(),
            snapshot: None,
            standing: Standing::Latest,
            rows: 0,
            files: 0,
            bytes: 0,
        })
    }

    async fn abort(mut self: Box<Self>) -> Result<()> {
        self.take(Event::Abort).await;
        Ok(())
    }
}

fn batch(table: &Arc<TableSpec>, piece: u32) -> Batch {
    let column = Arc::new(Int64Array::from(vec![i64::from(piece)]));
    Batch {
        table: table.clone(),
        scope: Arc::new(ScopeId::report()),
        piece,
        origin: Origin::Read,
        records: RecordBatch::try_new(table.schema.clone(), vec![column]).unwrap(),
    }
}

fn table() -> Arc<TableSpec> {
    let fields = vec![Field::new("number", DataType::Int64, false)];
    Arc::new(TableSpec {
        name: "numbers".to_owned(),
        summary: "A number.".to_owned(),
        schema: Arc::new(Schema::new(fields)),
        key: Vec::new(),
        key_in: KeyIn::Scope,
    })
}

/// The calls of a sink that gets `batches` and then `last`, and fails at the batch `fails_at`.
fn expected(batches: u32, fails_at: Option<u32>, last: Event) -> Vec<Event> {
    let mut events = Vec::new();
    for piece in 0..batches {
        events.push(Event::Begin(piece));
        if fails_at == Some(piece) {
            events.push(Event::Abort);
            return events;
        }
        events.push(Event::End(piece));
    }
    events.push(last);
    events
}

/// Delivers a random number of batches to some sinks, one of which may fail.
async fn deliver(seed: u64) {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let most = 4 * u32::try_from(WAITING_BATCHES).unwrap();
    let (count, batches) = (1 + random.below(4), random.below(most));
    let failing = random.below(2 * count);
    let (mut sinks, mut told) = (Vec::new(), Vec::new());
    for number in 0..count {
        let events = Arc::new(Mutex::new(Vec::new()));
        let fails_at = (number == failing && batches > 0).then(|| random.below(batches));
        let random = Random(u64::from(random.below(u32::MAX)) | 1);
        sinks.push(OpenSink {
            name: number.to_string(),
            delivery: Delivery::AtLeastOnce,
            sink: Box::new(Scripted {
                events: events.clone(),
                random,
                fails_at,
            }),
        });
        told.push((events, fails_at));
    }
    let tasks = SinkTasks::new(sinks);
    let table = table();
    for piece in 0..batches {
        random.pause().await;
        let works = tasks.write(batch(&table, piece)).await;
        assert!(works || told.iter().all(|(_, fails_at)| fails_at.is_some()));
    }
    let aborts = random.below(4) == 0;
    let (reports, last) = if aborts {
        (tasks.abort().await, Event::Abort)
    } else {
        (tasks.finish(Outcome::default()).await, Event::Finish)
    };
    for (number, (events, fails_at)) in told.iter().enumerate() {
        let wanted = expected(batches, *fails_at, last);
        assert_eq!(
            *events.lock().unwrap(),
            wanted,
            "seed {seed}, sink {number}"
        );
    }
    let failed = |report: &SinkReport| report.result.is_err();
    let wanted = told.iter().filter(|(_, fails_at)| fails_at.is_some());
    assert_eq!(
        reports.iter().filter(|report| failed(report)).count(),
        wanted.count()
    );
    assert!(aborts || reports.len() == told.len(), "seed {seed}");
}

#[tokio::test(start_paused = true)]
async fn a_sink_finishes_after_its_last_batch() {
    for seed in 0..500 {
        deliver(seed).await;
    }
}

/// The same on several threads, where the order of events is left to the machine.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_sink_finishes_after_its_last_batch_on_any_thread() {
    for seed in 0..50 {
        deliver(seed).await;
    }
}
