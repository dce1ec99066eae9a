//! Tests that each sink gets all batches in order and ends once, however the tasks interleave.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use arrow_array::Int64Array;
use fortilake_sink::{
    Batch, DataType, Delivery, Error, Field, KeyIn, Kind, Outcome, Schema, TableSpec,
    testing::{self, Call, Pauses, ScriptedSink},
};

use super::{OpenSink, SinkReport, SinkTasks, WAITING_BATCHES};

/// The longest time that a call of a sink takes.
const LONGEST_PAUSE: Duration = Duration::from_micros(500);

/// What a sink was told. A batch begins and ends, so that a call during another one is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Begin(u32),
    End(u32),
    Finish,
    Abort,
}

/// A sink that records its calls, each of which takes a random time, and fails at the batch `fails_at`.
fn scripted(events: Arc<Mutex<Vec<Event>>>, fails_at: Option<u32>, seed: u64) -> ScriptedSink {
    let script = move |call: Call<'_>| {
        let event = match call {
            Call::Write(batch) => Event::Begin(batch.piece),
            Call::Written(batch) if fails_at == Some(batch.piece) => {
                return Err(Error::new(Kind::Full, "the disk is full"));
            }
            Call::Written(batch) => Event::End(batch.piece),
            Call::Finish(_) => Event::Finish,
            Call::Abort => Event::Abort,
        };
        events.lock().unwrap().push(event);
        Ok(())
    };
    ScriptedSink::new(script).with_pauses(Pauses::new(seed, LONGEST_PAUSE))
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
    let mut random = fastrand::Rng::with_seed(seed);
    let mut pauses = Pauses::new(seed, LONGEST_PAUSE);
    let most = 4 * u32::try_from(WAITING_BATCHES).unwrap();
    let (count, batches) = (random.u32(1..5), random.u32(..most));
    let failing = random.u32(..2 * count);
    let (mut sinks, mut told) = (Vec::new(), Vec::new());
    for number in 0..count {
        let events = Arc::new(Mutex::new(Vec::new()));
        let fails_at = (number == failing && batches > 0).then(|| random.u32(..batches));
        sinks.push(OpenSink {
            name: number.to_string(),
            delivery: Delivery::AtLeastOnce,
            sink: Box::new(scripted(events.clone(), fails_at, random.u64(..))),
        });
        told.push((events, fails_at));
    }
    let tasks = SinkTasks::new(sinks);
    let table = table();
    for piece in 0..batches {
        pauses.pause().await;
        let column = Arc::new(Int64Array::from(vec![i64::from(piece)]));
        let batch = Batch {
            piece,
            ..testing::batch(&table, vec![column])
        };
        let works = tasks.write(batch).await;
        assert!(works || told.iter().all(|(_, fails_at)| fails_at.is_some()));
    }
    let aborts = random.u32(..4) == 0;
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
