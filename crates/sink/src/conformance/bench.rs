//! The test bench: opens sinks for a case, limits the time of every call, and records the calls for the report.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use serde_json::{Map, Value};

use super::compare::{self, Times};
use super::load::{Expected, Load};
use super::model::ExpectedRows;
use super::{CaseResult, Destination, Fault, View};
use crate::{
    Batch, Delivery, Descriptor, Error, MemoryStore, Options, Receipt, Result as SinkResult, Sink,
    Spec, Store, registry,
};

/// How long a call may take before the case fails.
const PATIENCE: Duration = Duration::from_mins(2);

/// How often to check for leftovers while the work of a dropped call may still be running.
const SETTLING: u32 = 1000;

/// The result of a case that stopped early: it failed, or does not apply.
pub(super) type Stop = CaseResult;

/// The future of a case.
pub(super) type Running<'a> = Pin<Box<dyn Future<Output = Result<(), Stop>> + 'a>>;

/// The future that creates a destination.
pub(super) type Making<'a> = Pin<Box<dyn Future<Output = Box<dyn Destination + 'a>> + 'a>>;

/// The sink under test.
pub(super) struct Bench<'a> {
    pub(super) sink: &'a str,
    pub(super) delivery: Delivery,
    pub(super) fresh: &'a dyn Fn() -> Making<'a>,
}

impl<'a> Bench<'a> {
    /// A new, empty destination, with an empty store.
    pub(super) async fn setup(&self) -> TestSetup<'a> {
        let destination = (self.fresh)().await;
        TestSetup {
            sink: self.sink.to_owned(),
            delivery: self.delivery,
            keeps_rows: destination.keeps_rows(),
            kept: RefCell::default(),
            destination,
            store: Arc::new(MemoryStore::default()),
            done: RefCell::default(),
        }
    }

    /// Delivers `load` to a new destination and compares what readers see.
    pub(super) async fn delivers(&self, load: &Load) -> Result<(), Stop> {
        let setup = self.setup().await;
        setup.deliver(load).await?;
        setup.expect_whole(load, Times::Once).await
    }
}

/// A destination, the sink's store, and the calls that were made so far.
pub(super) struct TestSetup<'a> {
    sink: String,
    pub(super) delivery: Delivery,
    pub(super) keeps_rows: bool,
    /// The expected rows of earlier crawls, for a destination that keeps rows.
    kept: RefCell<ExpectedRows>,
    pub(super) destination: Box<dyn Destination + 'a>,
    pub(super) store: Arc<dyn Store>,
    done: RefCell<Vec<String>>,
}

impl TestSetup<'_> {
    /// Opens a sink as a crawl does, without recording the call.
    pub(super) async fn open_with(
        &self,
        load: &Load,
        options: Options,
    ) -> SinkResult<Box<dyn Sink>> {
        let context = load.context(Arc::clone(&self.store));
        self.spec().open(context, options).await
    }

    pub(super) fn spec(&self) -> Spec {
        Spec {
            sink: self.sink.clone(),
            options: self.destination.options().0,
        }
    }

    pub(super) fn descriptor(&self) -> Result<&'static Descriptor, Stop> {
        let found = registry::find(&self.sink);
        found.map_err(|error| self.unexpected("the registry contains the sink", &error))
    }

    pub(super) fn opening(&self, load: &Load) -> impl Future<Output = SinkResult<Box<dyn Sink>>> {
        self.open_with(load, self.destination.options())
    }

    pub(super) fn note(&self, step: impl Into<String>) {
        self.done.borrow_mut().push(step.into());
    }

    /// A failed result: `seen` is not what was `expected`.
    pub(super) fn failed(&self, expected: impl Into<String>, seen: impl Into<String>) -> Stop {
        CaseResult::Failed {
            done: told(&self.done.borrow()),
            expected: expected.into(),
            seen: seen.into(),
        }
    }

    /// Makes the destination fail, or skips the case if that is not possible.
    pub(super) async fn fail(&self, fault: Fault) -> Result<(), Stop> {
        if self.destination.fail(fault).await {
            self.note(format!("made the destination {}", name(fault)));
            return Ok(());
        }
        let why = format!("the destination cannot be made {}", name(fault));
        Err(CaseResult::LeftOut { why })
    }

    pub(super) async fn open(&self, load: &Load) -> Result<Box<dyn Sink>, Stop> {
        self.note(format!("opened for crawl `{}`", load.crawl.id));
        self.in_time(self.opening(load))
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
        let Batch {
            table,
            scope,
            piece,
            ..
        } = batch;
        self.note(format!(
            "wrote piece {piece} of `{}` from `{scope}`",
            table.name
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
        let finished = self.in_time(sink.finish(&load.outcome())).await?;
        if finished.is_ok() {
            let kept = self.kept.borrow().after(load);
            self.kept.replace(kept);
        }
        Ok(finished)
    }

    pub(super) async fn abort(&self, sink: Box<dyn Sink>) -> Result<(), Stop> {
        self.note("aborted");
        let aborted = self.in_time(sink.abort()).await?;
        aborted.map_err(|error| self.unexpected("the sink aborts", &error))
    }

    /// Opens a sink, delivers all of `load`, and finishes.
    pub(super) async fn deliver(&self, load: &Load) -> Result<Receipt, Stop> {
        let sink = self.begin(load).await?;
        self.finish(sink, load).await
    }

    /// Opens a sink and delivers all of `load`.
    pub(super) async fn begin(&self, load: &Load) -> Result<Box<dyn Sink>, Stop> {
        let mut sink = self.open(load).await?;
        let before = self.done.borrow().len();
        for batch in &load.batches {
            self.write(sink.as_mut(), batch).await?;
        }
        self.done.borrow_mut().truncate(before);
        self.note(format!("wrote all batches ({})", load.batches.len()));
        Ok(sink)
    }

    pub(super) async fn view(&self, load: &Load) -> View {
        let context = load.context(Arc::clone(&self.store));
        self.destination.read(&context).await
    }

    /// The rows that the destination should have after `load`.
    fn expected(&self, load: &Load) -> Expected {
        let mut expected = if self.keeps_rows {
            self.kept.borrow().after(load).expected()
        } else {
            load.expected()
        };
        let rows = expected.values_mut().flat_map(BTreeMap::values_mut);
        for value in rows
            .filter_map(Value::as_object_mut)
            .flat_map(Map::values_mut)
        {
            if let Value::String(text) = value {
                *text = self.destination.stores(text);
            }
        }
        expected
    }

    /// Asserts that readers see all of `load`.
    pub(super) async fn expect_whole(&self, load: &Load, times: Times) -> Result<(), Stop> {
        let expected = "readers see every table with all its rows";
        let (view, rows) = (self.view(load).await, self.expected(load));
        match compare::difference(&view, load, &rows, self.delivery, times) {
            Some(seen) => Err(self.failed(expected, seen)),
            None => Ok(()),
        }
    }

    /// Asserts that readers see all of `old` or all of `new`, for a crawl that replaces the previous one.
    pub(super) async fn expect_old_or_new(&self, old: &Load, new: &Load) -> Result<(), Stop> {
        self.expect_nothing_or_whole(new).await?;
        let is_new = self.keeps_rows || self.view(new).await.whole;
        if is_new || self.delivery == Delivery::AtomicPerTable {
            return Ok(());
        }
        let is_old = self.expect_whole(old, Times::Repeated).await;
        // The work of a dropped call may have completed between the two reads.
        if is_old.is_err() && self.view(new).await.whole {
            return self.expect_nothing_or_whole(new).await;
        }
        is_old
    }

    /// Asserts that readers of an atomic sink still see the rows of earlier crawls.
    fn expect_kept(&self, view: &View) -> Result<(), Stop> {
        if self.delivery == Delivery::AtLeastOnce {
            return Ok(());
        }
        let rows = self.kept.borrow().expected();
        let seen = compare::difference_of_rows(view, &rows, self.delivery, Times::Once);
        seen.map_or(Ok(()), |seen| {
            Err(self.failed("readers still see the rows of earlier crawls", seen))
        })
    }

    /// Asserts that the snapshot is not reported as whole, and with an atomic sink, that readers see no rows of it.
    pub(super) async fn expect_nothing(&self, load: &Load) -> Result<(), Stop> {
        let mut view = self.view(load).await;
        if self.keeps_rows && !view.whole {
            return self.expect_kept(&view);
        }
        if self.delivery == Delivery::AtLeastOnce {
            view.parts.clear();
        }
        let expected = "readers do not see the snapshot";
        compare::visible(&view).map_or(Ok(()), |seen| Err(self.failed(expected, seen)))
    }

    /// Asserts that readers see either nothing of `load` or all of it.
    pub(super) async fn expect_nothing_or_whole(&self, load: &Load) -> Result<(), Stop> {
        let view = self.view(load).await;
        if view.whole {
            let expected = "a snapshot that is reported as whole has all rows";
            let seen = compare::difference(
                &view,
                load,
                &self.expected(load),
                self.delivery,
                Times::Repeated,
            );
            return seen.map_or(Ok(()), |seen| Err(self.failed(expected, seen)));
        }
        if self.keeps_rows {
            return self.expect_kept(&view);
        }
        if self.delivery == Delivery::Atomic && !view.parts.is_empty() {
            let seen = compare::visible(&view).unwrap_or_default();
            return Err(self.failed("readers see nothing or everything", seen));
        }
        Ok(())
    }

    pub(super) async fn expect_clean(&self) -> Result<(), Stop> {
        let mut left = self.destination.leftovers().await;
        // The work of a dropped call may still be running; it removes its files when it ends.
        for _ in 0..SETTLING {
            if left.is_empty() {
                return Ok(());
            }
            settle().await;
            left = self.destination.leftovers().await;
        }
        Err(self.failed("nothing is left behind", left.join(", ")))
    }

    /// Waits for one call of the sink, with a time limit.
    pub(super) async fn in_time<T>(&self, call: impl Future<Output = T>) -> Result<T, Stop> {
        tokio::time::timeout(PATIENCE, call).await.map_err(|_| {
            let seen = format!("the call did not return within {} s", PATIENCE.as_secs());
            self.failed("the call returns", seen)
        })
    }

    pub(super) fn unexpected(&self, expected: &str, error: &Error) -> Stop {
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

/// Yields to other tasks, so that work that is still running can make progress.
pub(super) async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// The steps as text. If there are many, those in the middle are only counted.
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
