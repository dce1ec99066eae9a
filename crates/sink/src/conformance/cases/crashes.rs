//! Crashes, simulated by dropping calls at each point where they wait.

use crate::conformance::bench::{Bench, Stop, TestSetup, cut, settle};
use crate::conformance::compare::Times;
use crate::conformance::load::Load;

/// How many points are tried per call. A call that waits more often waits in a loop.
const POINTS: usize = 40;

pub(super) async fn in_open(bench: &Bench<'_>) -> Result<(), Stop> {
    let load = Load::plain(1);
    for polls in 1..=POINTS {
        let setup = bench.setup().await;
        let opening = setup.opening(&load);
        if setup.in_time(cut(opening, polls)).await?.is_some() {
            break;
        }
        setup.note(format!("dropped an open after {polls} polls"));
        setup.expect_nothing(&load).await?;
        delivers_after(&setup, &load).await?;
    }
    Ok(())
}

pub(super) async fn in_write(bench: &Bench<'_>) -> Result<(), Stop> {
    let load = Load::plain(1);
    for polls in 1..=POINTS {
        let setup = bench.setup().await;
        let mut sink = setup.open(&load).await?;
        setup.write(sink.as_mut(), &load.batches[0]).await?;
        let writing = cut(sink.write(&load.batches[1]), polls);
        if setup.in_time(writing).await?.is_some() {
            break;
        }
        drop(sink);
        setup.note(format!("dropped a write after {polls} polls, and the sink"));
        setup.expect_nothing(&load).await?;
        delivers_after(&setup, &load).await?;
    }
    Ok(())
}

pub(super) async fn in_finish(bench: &Bench<'_>) -> Result<(), Stop> {
    let load = Load::plain(1);
    let outcome = load.outcome();
    for polls in 1..=POINTS {
        let setup = bench.setup().await;
        let mut sink = setup.open(&load).await?;
        for batch in &load.batches {
            setup.write(sink.as_mut(), batch).await?;
        }
        let finishing = cut(sink.finish(&outcome), polls);
        if setup.in_time(finishing).await?.is_some() {
            break;
        }
        setup.note(format!("dropped finish after {polls} polls"));
        setup.expect_nothing_or_whole(&load).await?;
        delivers_after(&setup, &load).await?;
    }
    Ok(())
}

/// Asserts that a new sink on the same destination can deliver the whole crawl.
async fn delivers_after(setup: &TestSetup<'_>, load: &Load) -> Result<(), Stop> {
    setup.deliver(load).await?;
    setup.expect_whole(load, Times::Repeated).await?;
    // Work of the dropped call may take effect only now.
    settle().await;
    setup.note("waited");
    setup.expect_whole(load, Times::Repeated).await
}

/// A published crawl is delivered again, and dropped at each step.
pub(super) async fn in_replay(bench: &Bench<'_>) -> Result<(), Stop> {
    let load = Load::plain(1);
    at_each_step(bench, &load, &load, async |setup| {
        setup.expect_whole(&load, Times::Repeated).await
    })
    .await
}

/// A crawl replaces the previous one, and is dropped at each step.
pub(super) async fn in_next(bench: &Bench<'_>) -> Result<(), Stop> {
    let (old, new) = (Load::again(1), Load::again(2));
    at_each_step(bench, &old, &new, async |setup| {
        setup.expect_old_or_new(&old, &new).await
    })
    .await
}

/// Delivers `old` to a new destination, then drops the delivery of `new`, at each step that it reaches.
async fn at_each_step(
    bench: &Bench<'_>,
    old: &Load,
    new: &Load,
    expect: impl AsyncFn(&TestSetup<'_>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let mut next = Some(DeathPoint::Open(1));
    while let Some(point) = next {
        let setup = bench.setup().await;
        setup.deliver(old).await?;
        let died = die(&setup, new, point).await?;
        next = point.next(died, new);
        if !died {
            continue;
        }
        expect(&setup).await?;
        delivers_after(&setup, new).await?;
    }
    Ok(())
}

/// Where a process dies.
#[derive(Clone, Copy)]
enum DeathPoint {
    /// In `open`, after this many polls.
    Open(usize),
    /// Between two calls, after this many batches.
    Written(usize),
    /// In `finish`, after this many polls.
    Finish(usize),
}

impl DeathPoint {
    /// The next point to try. A call that completed before its point has no later ones.
    fn next(self, died: bool, load: &Load) -> Option<Self> {
        match self {
            Self::Open(polls) if died && polls < POINTS => Some(Self::Open(polls + 1)),
            Self::Open(_) => Some(Self::Written(0)),
            Self::Written(count) if count < load.batches.len() => Some(Self::Written(count + 1)),
            Self::Written(_) => Some(Self::Finish(1)),
            Self::Finish(polls) => (died && polls < POINTS).then_some(Self::Finish(polls + 1)),
        }
    }
}

/// Delivers up to a step and drops everything; returns `false` if the call completed before that step.
async fn die(setup: &TestSetup<'_>, load: &Load, step: DeathPoint) -> Result<bool, Stop> {
    match step {
        DeathPoint::Open(polls) => {
            let opened = setup.in_time(cut(setup.opening(load), polls)).await?;
            setup.note(format!("dropped an open after {polls} polls"));
            Ok(opened.is_none())
        }
        DeathPoint::Written(count) => {
            let mut sink = setup.open(load).await?;
            for batch in &load.batches[..count] {
                setup.write(sink.as_mut(), batch).await?;
            }
            drop(sink);
            setup.note("dropped the sink");
            Ok(true)
        }
        DeathPoint::Finish(polls) => {
            let sink = setup.begin(load).await?;
            let outcome = load.outcome();
            let finished = setup.in_time(cut(sink.finish(&outcome), polls)).await?;
            setup.note(format!("dropped finish after {polls} polls"));
            Ok(finished.is_none())
        }
    }
}
