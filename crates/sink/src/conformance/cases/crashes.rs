//! Crashes, simulated by dropping calls at each point where they wait.

use crate::conformance::bench::{Bench, Room, Stop, cut, settle};
use crate::conformance::compare::Times;
use crate::conformance::load::Load;

/// How many points are tried per call. A call that waits more often waits in a loop.
const POINTS: usize = 40;

pub(super) async fn in_open(bench: &Bench<'_>) -> Result<(), Stop> {
    let load = Load::plain(1);
    for polls in 1..=POINTS {
        let room = bench.room().await;
        let opening = room.opening(&load);
        if room.in_time(cut(opening, polls)).await?.is_some() {
            break;
        }
        room.note(format!("dropped an open after {polls} polls"));
        room.expect_nothing(&load).await?;
        delivers_after(&room, &load).await?;
    }
    Ok(())
}

pub(super) async fn in_write(bench: &Bench<'_>) -> Result<(), Stop> {
    let load = Load::plain(1);
    for polls in 1..=POINTS {
        let room = bench.room().await;
        let mut sink = room.open(&load).await?;
        room.write(sink.as_mut(), &load.batches[0]).await?;
        let writing = cut(sink.write(&load.batches[1]), polls);
        if room.in_time(writing).await?.is_some() {
            break;
        }
        drop(sink);
        room.note(format!("dropped a write after {polls} polls, and the sink"));
        room.expect_nothing(&load).await?;
        delivers_after(&room, &load).await?;
    }
    Ok(())
}

pub(super) async fn in_finish(bench: &Bench<'_>) -> Result<(), Stop> {
    let load = Load::plain(1);
    let outcome = load.outcome();
    for polls in 1..=POINTS {
        let room = bench.room().await;
        let mut sink = room.open(&load).await?;
        for batch in &load.batches {
            room.write(sink.as_mut(), batch).await?;
        }
        let finishing = cut(sink.finish(&outcome), polls);
        if room.in_time(finishing).await?.is_some() {
            break;
        }
        room.note(format!("dropped finish after {polls} polls"));
        room.expect_nothing_or_whole(&load).await?;
        delivers_after(&room, &load).await?;
    }
    Ok(())
}

/// Asserts that a new sink on the same destination can deliver the whole crawl.
async fn delivers_after(room: &Room<'_>, load: &Load) -> Result<(), Stop> {
    room.deliver(load).await?;
    room.expect_whole(load, Times::Repeated).await?;
    // Work of the dropped call may take effect only now.
    settle().await;
    room.note("waited");
    room.expect_whole(load, Times::Repeated).await
}

/// A published crawl is delivered again, and dropped at each step.
pub(super) async fn in_replay(bench: &Bench<'_>) -> Result<(), Stop> {
    let load = Load::plain(1);
    for step in steps(&load) {
        let room = bench.room().await;
        room.deliver(&load).await?;
        if !die(&room, &load, step).await? {
            continue;
        }
        room.expect_whole(&load, Times::Repeated).await?;
        delivers_after(&room, &load).await?;
    }
    Ok(())
}

/// A crawl replaces the previous one, and is dropped at each step.
pub(super) async fn in_next(bench: &Bench<'_>) -> Result<(), Stop> {
    let (old, new) = (Load::again(1), Load::again(2));
    for step in steps(&new) {
        let room = bench.room().await;
        room.deliver(&old).await?;
        if !die(&room, &new, step).await? {
            continue;
        }
        room.expect_old_or_new(&old, &new).await?;
        delivers_after(&room, &new).await?;
    }
    Ok(())
}

/// Where a process dies.
#[derive(Clone, Copy)]
enum Step {
    /// In `open`, after this many polls.
    Open(usize),
    /// Between two calls, after this many batches.
    Written(usize),
    /// In `finish`, after this many polls.
    Finish(usize),
}

fn steps(load: &Load) -> impl Iterator<Item = Step> {
    let opens = (1..=POINTS).map(Step::Open);
    let written = (0..=load.batches.len()).map(Step::Written);
    opens.chain(written).chain((1..=POINTS).map(Step::Finish))
}

/// Delivers up to a step and drops everything; returns `false` if the call completed before that step.
async fn die(room: &Room<'_>, load: &Load, step: Step) -> Result<bool, Stop> {
    match step {
        Step::Open(polls) => {
            let opened = room.in_time(cut(room.opening(load), polls)).await?;
            room.note(format!("dropped an open after {polls} polls"));
            Ok(opened.is_none())
        }
        Step::Written(count) => {
            let mut sink = room.open(load).await?;
            for batch in &load.batches[..count] {
                room.write(sink.as_mut(), batch).await?;
            }
            drop(sink);
            room.note("dropped the sink");
            Ok(true)
        }
        Step::Finish(polls) => {
            let sink = room.begin(load).await?;
            let outcome = load.outcome();
            let finished = room.in_time(cut(sink.finish(&outcome), polls)).await?;
            room.note(format!("dropped finish after {polls} polls"));
            Ok(finished.is_none())
        }
    }
}
