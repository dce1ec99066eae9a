//! How a sink ends: `finish`, `abort`, or a drop.

use super::is_atomic;
use crate::conformance::bench::{Bench, Stop};
use crate::conformance::compare::Times;
use crate::conformance::load::Load;

pub(super) async fn receipt(bench: &Bench<'_>) -> Result<(), Stop> {
    let room = bench.room().await;
    let load = Load::plain(1);
    let receipt = room.deliver(&load).await?;
    if receipt.rows != load.rows() {
        let expected = format!("the receipt counts {} rows", load.rows());
        return Err(room.failed(expected, format!("{} rows", receipt.rows)));
    }
    if receipt.location.is_empty() {
        return Err(room.failed("the receipt has a location", "the location is empty"));
    }
    room.expect_clean().await
}

pub(super) async fn nothing_early(bench: &Bench<'_>) -> Result<(), Stop> {
    let room = bench.room().await;
    let load = Load::plain(1);
    let mut sink = room.open(&load).await?;
    room.expect_nothing(&load).await?;
    for batch in &load.batches {
        room.write(sink.as_mut(), batch).await?;
        room.expect_nothing(&load).await?;
    }
    room.finish(sink, &load).await?;
    room.expect_whole(&load, Times::Once).await
}

pub(super) async fn abort(bench: &Bench<'_>) -> Result<(), Stop> {
    let load = Load::plain(1);
    for written in 0..=load.batches.len() {
        let room = bench.room().await;
        let mut sink = room.open(&load).await?;
        for batch in &load.batches[..written] {
            room.write(sink.as_mut(), batch).await?;
        }
        room.abort(sink).await?;
        room.expect_nothing(&load).await?;
        room.expect_clean().await?;
        room.deliver(&load).await?;
        room.expect_whole(&load, Times::Repeated).await?;
        room.expect_clean().await?;
    }
    Ok(())
}

pub(super) async fn dropped(bench: &Bench<'_>) -> Result<(), Stop> {
    let load = Load::plain(1);
    for written in 0..=load.batches.len() {
        let room = bench.room().await;
        let mut sink = room.open(&load).await?;
        for batch in &load.batches[..written] {
            room.write(sink.as_mut(), batch).await?;
        }
        drop(sink);
        room.note("dropped the sink");
        room.expect_nothing(&load).await?;
        room.deliver(&load).await?;
        room.expect_whole(&load, Times::Repeated).await?;
        // A message may still be on its way when its sink is dropped.
        if is_atomic(bench) {
            room.expect_clean().await?;
        }
    }
    Ok(())
}
