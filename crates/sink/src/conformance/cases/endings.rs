//! How a sink ends: `finish`, `abort`, or a drop.

use super::is_atomic;
use crate::conformance::bench::{Bench, Stop};
use crate::conformance::compare::Times;
use crate::conformance::load::Load;

pub(super) async fn receipt(bench: &Bench<'_>) -> Result<(), Stop> {
    let setup = bench.setup().await;
    let load = Load::plain(1);
    let receipt = setup.deliver(&load).await?;
    if receipt.rows != load.rows() {
        let expected = format!("the receipt counts {} rows", load.rows());
        return Err(setup.failed(expected, format!("{} rows", receipt.rows)));
    }
    if receipt.location.is_empty() {
        return Err(setup.failed("the receipt has a location", "the location is empty"));
    }
    setup.expect_clean().await
}

pub(super) async fn nothing_early(bench: &Bench<'_>) -> Result<(), Stop> {
    let setup = bench.setup().await;
    let load = Load::plain(1);
    let mut sink = setup.open(&load).await?;
    setup.expect_nothing(&load).await?;
    for batch in &load.batches {
        setup.write(sink.as_mut(), batch).await?;
        setup.expect_nothing(&load).await?;
    }
    setup.finish(sink, &load).await?;
    setup.expect_whole(&load, Times::Once).await
}

pub(super) async fn abort(bench: &Bench<'_>) -> Result<(), Stop> {
    let load = Load::plain(1);
    for written in 0..=load.batches.len() {
        let setup = bench.setup().await;
        let mut sink = setup.open(&load).await?;
        for batch in &load.batches[..written] {
            setup.write(sink.as_mut(), batch).await?;
        }
        setup.abort(sink).await?;
        setup.expect_nothing(&load).await?;
        setup.expect_clean().await?;
        setup.deliver(&load).await?;
        setup.expect_whole(&load, Times::Repeated).await?;
        setup.expect_clean().await?;
    }
    Ok(())
}

pub(super) async fn dropped(bench: &Bench<'_>) -> Result<(), Stop> {
    let load = Load::plain(1);
    for written in 0..=load.batches.len() {
        let setup = bench.setup().await;
        let mut sink = setup.open(&load).await?;
        for batch in &load.batches[..written] {
            setup.write(sink.as_mut(), batch).await?;
        }
        drop(sink);
        setup.note("dropped the sink");
        setup.expect_nothing(&load).await?;
        setup.deliver(&load).await?;
        setup.expect_whole(&load, Times::Repeated).await?;
        // A message may still be on its way when its sink is dropped.
        if is_atomic(bench) {
            setup.expect_clean().await?;
        }
    }
    Ok(())
}
