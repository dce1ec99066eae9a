//! Maintenance of a sink's target outside a crawl: `probe` and `recover`.

use std::sync::Arc;

use super::{is_atomic, left_out};
use crate::conformance::bench::{Bench, Room, Stop, cut};
use crate::conformance::compare::Times;
use crate::conformance::load::Load;
use crate::{Options, Result as SinkResult, Store, Task};

/// How many points of `finish` are tried for a crash before `recover`.
const POINTS: usize = 40;

pub(super) async fn probe(bench: &Bench<'_>) -> Result<(), Stop> {
    let room = bench.room().await;
    let load = Load::plain(1);
    probed(&room).await?;
    room.expect_nothing(&load).await?;
    room.expect_clean().await?;
    room.deliver(&load).await?;
    probed(&room).await?;
    room.expect_whole(&load, Times::Once).await?;
    room.expect_clean().await
}

async fn probed(room: &Room<'_>) -> Result<(), Stop> {
    let descriptor = room.descriptor()?;
    room.note("probed the target");
    let probing = (descriptor.probe)(room.destination.options());
    let probed = room.in_time(probing).await?;
    probed.map_err(|error| room.unexpected("the target can be written", &error))
}

pub(super) async fn recover(bench: &Bench<'_>) -> Result<(), Stop> {
    let load = Load::plain(1);
    for written in 0..=load.batches.len() {
        let room = bench.room().await;
        let mut sink = room.open(&load).await?;
        for batch in &load.batches[..written] {
            room.write(sink.as_mut(), batch).await?;
        }
        drop(sink);
        room.note("dropped the sink");
        recovered(bench, &room).await?;
        room.expect_nothing(&load).await?;
        delivers_after(bench, &room, &load).await?;
    }
    for polls in 1..=POINTS {
        let room = bench.room().await;
        let sink = room.begin(&load).await?;
        let outcome = load.outcome();
        if room
            .in_time(cut(sink.finish(&outcome), polls))
            .await?
            .is_some()
        {
            break;
        }
        room.note(format!("dropped finish after {polls} polls"));
        recovered(bench, &room).await?;
        room.expect_nothing_or_whole(&load).await?;
        delivers_after(bench, &room, &load).await?;
    }
    Ok(())
}

async fn delivers_after(bench: &Bench<'_>, room: &Room<'_>, load: &Load) -> Result<(), Stop> {
    room.deliver(load).await?;
    room.expect_whole(load, Times::Repeated).await?;
    recovered(bench, room).await?;
    room.expect_whole(load, Times::Repeated).await
}

/// Recovers twice, because a recovery may crash too and be repeated.
async fn recovered(bench: &Bench<'_>, room: &Room<'_>) -> Result<(), Stop> {
    let Some(recover) = room.descriptor()?.recover else {
        return Err(left_out("the sink has no `recover`"));
    };
    for _ in 0..2 {
        room.note("recovered the target");
        let recovering = call(recover, room.destination.options(), Arc::clone(&room.store));
        let recovered = room.in_time(recovering).await?;
        recovered.map_err(|error| room.unexpected("the target is recovered", &error))?;
    }
    if is_atomic(bench) {
        room.expect_clean().await?;
    }
    Ok(())
}

async fn call(
    recover: fn(Options, Arc<dyn Store>) -> Task<()>,
    options: Options,
    store: Arc<dyn Store>,
) -> SinkResult<()> {
    recover(options, store).await
}
