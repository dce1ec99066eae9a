//! The test bench: opens sinks for a case, limits the time of every call, and records the calls for the report.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use super::compare::{self, Times};
use super::load::Load;
use super::{Destination, Fault, Verdict, View};
use crate::{Batch, Delivery, Error, MemoryStore, Receipt, Sink, Spec, Store};

/// How long a call may take before the case fails.
const PATIENCE: Duration = Duration::from_mins(2);

/// Why a case ended before its end.
pub(super) type Stop = Verdict;

/// The future of a case.
pub(super) type Running<'a> = Pin<Box<dyn Future<Output = Result<(), Stop>> + 'a>>;

/// The sink under test.
pub(super) struct Bench<'a> {
    pub(super) sink: &'a str,
    pub(super) delivery: Delivery,
    pub(super) fresh: &'a dyn Fn() -> Box<dyn Destination + 'a>,
}

impl<'a> Bench<'a> {
    /// A destination that nobody has used, with an empty store.
    pub(super) fn room(&self) -> Room<'a> {
        Room {
            sink: self.sink.to_owned(),
            delivery: self.delivery,
            destination: (self.fresh)(),
            store: Arc::new(MemoryStore::default()),
            done: RefCell::default(),
        }
    }

    /// Delivers `load` to a new destination and compares what readers see.
    pub(super) async fn delivers(&self, load: &Load) -> Result<(), Stop> {
        let room = self.room();
        room.deliver(load).await?;
        room.expect_whole(load, Times::Once)
    }
}

/// A destination, the sink's store, and the calls that were made so far.
pub(super) struct Room<'a> {
    sink: String,
    delivery: Delivery,
    pub(super) destination: Box<dyn Destination + 'a>,
    pub(super) store: Arc<dyn Store>,
    done: RefCell<Vec<String>>,
}

impl Room<'_> {
    pub(super) fn spec(&self) -> Spec {
        Spec {
            sink: self.sink.clone(),
            options: self.destination.options().0,
        }
    }

    pub(super) fn note(&self, step: impl Into<String>) {
        self.done.borrow_mut().push(step.into());
    }

    /// A failed verdict: `seen` is not what was `expected`.
    pub(super) fn failed(&self, expected: impl Into<String>, seen: impl Into<String>) -> Stop {
        Verdict::Failed {
            done: told(&self.done.borrow()),
            expected: expected.into(),
            seen: seen.into(),
        }
    }

    /// Puts the destination into a state, or leaves the case out.
    pub(super) fn fail(&self, fault: Fault) -> Result<(), Stop> {
        if self.destination.fail(fault) {
            self.note(format!("made the destination {}", name(fault)));
            return Ok(());
        }
        let why = format!("the destination cannot be made {}", name(fault));
        Err(Verdict::LeftOut { why })
    }

    pub(super) async fn open(&self, load: &Load) -> Result<Box<dyn Sink>, Stop> {
        self.note(format!("opened for crawl `{}`", load.crawl.id));
        let opening = self.spec().open(load.context(Arc::clone(&self.store)));
        self.in_time(opening)
            .await?
            .map_err(|error| self.unexpected("the sink opens", &error))
    }

    pub(super) async fn write(&self, sink: &mut dyn Sink, batch: &Batch) -> Result<(), Stop> {
        let written = self.try_write(sink, batch).await?;
        written.map_err(|error| self.unexpected("the batch is taken", &error))
    }

    pub(super) async fn try_write(
        &self,
        sink: &mut dyn Sink,
        batch: &Batch,
    ) -> Result<crate::Result<()>, Stop> {
        self.note(format!(
            "wrote batch {} of `{}`",
            batch.sequence, batch.table.name
        ));
        self.in_time(sink.write(batch)).await
    }

    pub(super) async fn finish(&self, sink: Box<dyn Sink>, load: &Load) -> Result<Receipt, Stop> {
        let finished = self.try_finish(sink, load).await?;
        finished.map_err(|error| self.unexpected("the sink finishes", &error))
    }

    pub(super) async fn try_finish(
        &self,
        sink: Box<dyn Sink>,
        load: &Load,
    ) -> Result<crate::Result<Receipt>, Stop> {
        self.note("finished");
        self.in_time(sink.finish(&load.outcome())).await
    }

    pub(super) async fn abort(&self, sink: Box<dyn Sink>) -> Result<(), Stop> {
        self.note("aborted");
        let aborted = self.in_time(sink.abort()).await?;
        aborted.map_err(|error| self.unexpected("the sink takes everything back", &error))
    }

    /// Opens a sink, delivers all of `load`, and finishes.
    pub(super) async fn deliver(&self, load: &Load) -> Result<Receipt, Stop> {
        let mut sink = self.open(load).await?;
        let before = self.done.borrow().len();
        for batch in &load.batches {
            self.write(sink.as_mut(), batch).await?;
        }
        self.done.borrow_mut().truncate(before);
        self.note(format!("wrote all {} batches", load.batches.len()));
        self.finish(sink, load).await
    }

    pub(super) fn view(&self, load: &Load) -> View {
        self.destination
            .read(&load.context(Arc::clone(&self.store)))
    }

    /// Readers see all of `load`.
    pub(super) fn expect_whole(&self, load: &Load, times: Times) -> Result<(), Stop> {
        let expected = "a reader sees every table with all its rows";
        match compare::difference(&self.view(load), load, self.delivery, times) {
            Some(seen) => Err(self.failed(expected, seen)),
            None => Ok(()),
        }
    }

    /// Readers are not told of a snapshot, and of an atomic sink see no row either.
    pub(super) fn expect_nothing(&self, load: &Load) -> Result<(), Stop> {
        let mut view = self.view(load);
        if self.delivery == Delivery::AtLeastOnce {
            view.parts.clear();
        }
        let expected = "a reader does not see the snapshot";
        compare::visible(&view).map_or(Ok(()), |seen| Err(self.failed(expected, seen)))
    }

    /// Readers see nothing or all of `load`, whichever.
    pub(super) fn expect_nothing_or_whole(&self, load: &Load) -> Result<(), Stop> {
        let view = self.view(load);
        if view.whole {
            let expected = "a reader who is told that the snapshot is whole sees all of it";
            let seen = compare::difference(&view, load, self.delivery, Times::Repeated);
            return seen.map_or(Ok(()), |seen| Err(self.failed(expected, seen)));
        }
        if self.delivery == Delivery::Atomic && !view.parts.is_empty() {
            let seen = compare::visible(&view).unwrap_or_default();
            return Err(self.failed("a reader sees nothing or everything", seen));
        }
        Ok(())
    }

    pub(super) fn expect_clean(&self) -> Result<(), Stop> {
        let left = self.destination.leftovers();
        if left.is_empty() {
            return Ok(());
        }
        Err(self.failed("nothing is left behind", left.join(", ")))
    }

    /// Waits for one call of the sink, with a time limit.
    pub(super) async fn in_time<T>(&self, call: impl Future<Output = T>) -> Result<T, Stop> {
        tokio::time::timeout(PATIENCE, call).await.map_err(|_| {
            let seen = format!("no answer in {} seconds", PATIENCE.as_secs());
            self.failed("the call ends", seen)
        })
    }

    fn unexpected(&self, expected: &str, error: &Error) -> Stop {
        self.failed(
            expected,
            format!("{:?} error: {}", error.kind(), chain(error)),
        )
    }
}

/// Polls a call up to `polls` times, then drops it. Returns its output if it completed before.
pub(super) async fn cut<F: Future>(call: F, polls: usize) -> Option<F::Output> {
    // Counting polls is deterministic: each number drops the call at another point where it waits. A timeout would drop
    // it at random points, and rarely at the interesting ones.
    let mut call = pin!(call);
    let mut left = polls;
    poll_fn(|context| {
        left = left.saturating_sub(1);
        match call.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// The steps, without the middle of many.
fn told(steps: &[String]) -> String {
    match steps {
        [first, second, middle @ .., last_but_one, last] if middle.len() > 6 => {
            let count = middle.len();
            format!("{first}, {second}, {count} further steps, {last_but_one}, {last}")
        }
        steps => steps.join(", "),
    }
}

/// An error and its causes, separated by colons.
pub(super) fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

fn name(fault: Fault) -> &'static str {
    match fault {
        Fault::Down => "unavailable",
        Fault::Full => "full",
        Fault::Slow => "slow",
    }
}
