//! Readers that read while a sink publishes.

use std::sync::Arc;
use std::thread;

use tokio::runtime::Builder;
use tokio::sync::watch;

use super::left_out;
use crate::conformance::bench::{Bench, Stop, TestSetup, chain};
use crate::conformance::compare::{self, Times};
use crate::conformance::load::Load;
use crate::{Delivery, Error, Kind, Options, Result as SinkResult, Spec, Store};

/// How many crawls are published while the reader reads, and how often each is delivered.
///
/// The reader hits a short inconsistency only by chance, so it needs many tries.
const CRAWLS: u32 = 20;
const TIMES: u32 = 5;

/// The sink runs in another thread with another runtime. In the reader's runtime, a sink that never waits would block
/// the reader.
pub(super) async fn seamless(bench: &Bench<'_>) -> Result<(), Stop> {
    if bench.delivery != Delivery::Atomic {
        return Err(left_out("the tables do not all change at the same moment"));
    }
    let setup = bench.setup().await;
    let loads: Vec<_> = (1..=CRAWLS).map(Load::again).collect();
    setup.deliver(&loads[0]).await?;
    setup.note(format!(
        "delivered {CRAWLS} crawls, each {TIMES} times, while reading in a loop"
    ));
    let (seen, watching) = watch::channel(0);
    let publisher = Publisher {
        spec: setup.spec(),
        options: setup.destination.options(),
        store: Arc::clone(&setup.store),
        loads: loads.clone(),
        seen: watching,
    };
    let publishing = thread::spawn(move || publisher.run());
    let reading = async {
        let mut at = 0;
        while !publishing.is_finished() {
            at = newest(&setup, &loads, at).await?;
            // This fails if the publisher has failed, which is reported below.
            let _ = seen.send(at);
            tokio::task::yield_now().await;
        }
        Ok(())
    };
    let read = setup.in_time(reading).await?;
    // If reading failed, the publisher may be waiting for the reader; dropping the channel ends it.
    drop(seen);
    read?;
    match publishing.join() {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(setup.failed("all crawls are published", chain(&error))),
        Err(_) => Err(setup.failed("all crawls are published", "the sink panicked")),
    }
}

/// The position of the crawl that a reader sees: the one at `at`, or the next one.
///
/// Depending on the destination, older crawls may still exist or have been replaced.
async fn newest(setup: &TestSetup<'_>, loads: &[Load], at: usize) -> Result<usize, Stop> {
    let mut seen = None;
    // The next crawl may be published between reading it and reading the current one, so read it again.
    let next = (at + 1).min(loads.len() - 1);
    for position in [next, at, next] {
        let load = &loads[position];
        let view = setup.view(load).await;
        match compare::difference(&view, load, &load.expected(), setup.delivery, Times::Once) {
            None => return Ok(position),
            // A crawl that is reported as whole must be whole. Any other may be unpublished or already replaced.
            Some(difference) if view.whole => {
                seen = Some(difference);
                break;
            }
            Some(difference) => seen = Some(difference),
        }
    }
    let expected = "readers see all of the last crawl or all of the next one at every moment";
    Err(setup.failed(expected, seen.unwrap_or_default()))
}

/// Publishes the crawls one after another. It starts a crawl when the reader has seen the previous one.
struct Publisher {
    spec: Spec,
    options: Options,
    store: Arc<dyn Store>,
    loads: Vec<Load>,
    seen: watch::Receiver<usize>,
}

impl Publisher {
    fn run(self) -> SinkResult<()> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| {
            Error::new(Kind::Internal, "cannot start a runtime").with_source(error)
        })?;
        runtime.block_on(self.publish())
    }

    async fn publish(mut self) -> SinkResult<()> {
        for position in 0..self.loads.len() {
            if self
                .seen
                .wait_for(|seen| *seen + 1 >= position)
                .await
                .is_err()
            {
                return Ok(());
            }
            let load = &self.loads[position];
            for _ in 0..TIMES {
                self.deliver(load).await?;
            }
        }
        Ok(())
    }

    async fn deliver(&self, load: &Load) -> SinkResult<()> {
        let context = load.context(Arc::clone(&self.store));
        let mut sink = self.spec.open(context, self.options.clone()).await?;
        for batch in &load.batches {
            sink.write(batch).await?;
        }
        sink.finish(&load.outcome()).await.map(drop)
    }
}
