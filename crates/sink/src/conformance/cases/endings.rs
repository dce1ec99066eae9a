//! How a sink ends: `finish`, `abort`, or a drop.

use super::is_atomic;
use crate::conformance::bench::{Bench, Stop};
use crate::conformance::compare::Times;
use crate::conformance::load::Load;

pub(super) async fn receipt(bench: &Bench<'_>) -> Result<(), Stop> {
    let room = bench.room();
    let load = Load::plain(1);
    let receipt = room.deliver(&load).await?;
    if receipt.rows != load.rows() {
        let expected = format!("a receipt of {} rows", load.rows());
        return Err(room.failed(expected, format!("{} rows", receipt.rows)));
    }
    if receipt.location.is_empty() {
        return Err(room.failed("a receipt that says where the rows are", "no location"));
    }
    room.expect_clean()
}

pub(super) async fn nothing_early(bench: &Bench<'_>) -> Result<(), Stop> {
    let room = bench.room();
    let load = Load::plain(1);
    let mut sink = room.open(&load).await?;
    room.expect_nothing(&load)?;
    for batch in &load.batches {
        room.write(sink.as_mut(), batch).await?;
        room.expect_nothing(&load)?;
    }
    room.finish(sink, &load).await?;
    room.expect_whole(&load, Times::Once)
}

pub(super) async fn abort(bench: &Bench<'_>) -> Result<(), Stop> {
    let load = Load::plain(1);
    for written in 0..=load.batches.len() {
        let room = bench.room();
        let mut sink = room.open(&load).await?;
        for batch in &load.batches[..written] {
            room.write(sink.as_mut(), batch).await?;
        }
        room.abort(sink).await?;
        room.expect_nothing(&load)?;
        room.expect_clean()?;
        room.deliver(&load).await?;
        room.expect_whole(&load, Times::Repeated)?;
        room.expect_clean()?;
    }
    Ok(())
}

pub(super) async fn dropped(bench: &Bench<'_>) -> Result<(), Stop> {
    let load = Load::plain(1);
    for written in 0..=load.batches.len() {
        let room = bench.room();
        let mut sink = room.open(&load).await?;
        for batch in &load.batches[..written] {
            room.write(sink.as_mut(), batch).await?;
        }
        drop(sink);
        room.note("dropped the sink");
        room.expect_nothing(&load)?;
        room.deliver(&load).await?;
        room.expect_whole(&load, Times::Repeated)?;
        // What is sent as it comes may still be under way when its sink is dropped.
        if is_atomic(bench) {
            room.expect_clean()?;
        }
    }
    Ok(())
}
