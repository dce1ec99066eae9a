//! Crashes, simulated by dropping calls at each point where they wait.

use std::sync::Arc;

use crate::conformance::bench::{Bench, Room, Stop, cut};
use crate::conformance::compare::Times;
use crate::conformance::load::Load;

/// How many points are tried per call. A call that waits more often waits in a loop.
const POINTS: usize = 40;

pub(super) async fn in_open(bench: &Bench<'_>) -> Result<(), Stop> {
    let load = Load::plain(1);
    for polls in 1..=POINTS {
        let room = bench.room();
        let opening = room.spec().open(load.context(Arc::clone(&room.store)));
        if room.in_time(cut(opening, polls)).await?.is_some() {
            break;
        }
        room.note(format!("dropped an open after {polls} polls"));
        room.expect_nothing(&load)?;
        delivers_after(&room, &load).await?;
    }
    Ok(())
}

pub(super) async fn in_write(bench: &Bench<'_>) -> Result<(), Stop> {
    let load = Load::plain(1);
    for polls in 1..=POINTS {
        let room = bench.room();
        let mut sink = room.open(&load).await?;
        room.write(sink.as_mut(), &load.batches[0]).await?;
        let writing = cut(sink.write(&load.batches[1]), polls);
        if room.in_time(writing).await?.is_some() {
            break;
        }
        drop(sink);
        room.note(format!("dropped a write after {polls} polls, and the sink"));
        room.expect_nothing(&load)?;
        delivers_after(&room, &load).await?;
    }
    Ok(())
}

pub(super) async fn in_finish(bench: &Bench<'_>) -> Result<(), Stop> {
    let load = Load::plain(1);
    let outcome = load.outcome();
    for polls in 1..=POINTS {
        let room = bench.room();
        let mut sink = room.open(&load).await?;
        for batch in &load.batches {
            room.write(sink.as_mut(), batch).await?;
        }
        let finishing = cut(sink.finish(&outcome), polls);
        if room.in_time(finishing).await?.is_some() {
            break;
        }
        room.note(format!("dropped finish after {polls} polls"));
        room.expect_nothing_or_whole(&load)?;
        delivers_after(&room, &load).await?;
    }
    Ok(())
}

pub(super) async fn cancelled_write(bench: &Bench<'_>) -> Result<(), Stop> {
    let load = Load::plain(1);
    let room = bench.room();
    let mut sink = room.open(&load).await?;
    let writing = cut(sink.write(&load.batches[0]), 1);
    if room.in_time(writing).await?.is_some() {
        return Err(super::left_out("a write does not wait for anything"));
    }
    room.note("dropped a write after 1 poll");
    let finished = room.try_finish(sink, &load).await?;
    if finished.is_ok() {
        return Err(room.failed("finish fails", "it did not"));
    }
    room.expect_nothing(&load)
}

/// A new sink at the same place makes it whole.
async fn delivers_after(room: &Room<'_>, load: &Load) -> Result<(), Stop> {
    room.deliver(load).await?;
    room.expect_whole(load, Times::Repeated)
}
