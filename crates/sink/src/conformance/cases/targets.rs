//! Maintenance of a sink's target outside a crawl: `probe` and `recover`.

use std::sync::Arc;

use super::{is_atomic, left_out};
use crate::conformance::bench::{Bench, Stop, TestSetup, cut};
use crate::conformance::compare::Times;
use crate::conformance::load::Load;
use crate::{Options, Result as SinkResult, Store, Task};

/// How many points of `finish` are tried for a crash before `recover`.
const POINTS: usize = 40;

pub(super) async fn probe(bench: &Bench<'_>) -> Result<(), Stop> {
    let setup = bench.setup().await;
    let load = Load::plain(1);
    probed(&setup).await?;
    setup.expect_nothing(&load).await?;
    setup.expect_clean().await?;
    setup.deliver(&load).await?;
    probed(&setup).await?;
    setup.expect_whole(&load, Times::Once).await?;
    setup.expect_clean().await
}

async fn probed(setup: &TestSetup<'_>) -> Result<(), Stop> {
    let descriptor = setup.descriptor()?;
    setup.note("probed the target");
    let probing = (descriptor.probe)(setup.destination.options());
    let probed = setup.in_time(probing).await?;
    probed.map_err(|error| setup.unexpected("the target can be written", &error))
}

pub(super) async fn recover(bench: &Bench<'_>) -> Result<(), Stop> {
    let load = Load::plain(1);
    for written in 0..=load.batches.len() {
        let setup = bench.setup().await;
        let mut sink = setup.open(&load).await?;
        for batch in &load.batches[..written] {
            setup.write(sink.as_mut(), batch).await?;
        }
        drop(sink);
        setup.note("dropped the sink");
        recovered(bench, &setup).await?;
        setup.expect_nothing(&load).await?;
        delivers_after(bench, &setup, &load).await?;
    }
    for polls in 1..=POINTS {
        let setup = bench.setup().await;
        let sink = setup.begin(&load).await?;
        let outcome = load.outcome();
        if setup
            .in_time(cut(sink.finish(&outcome), polls))
            .await?
            .is_some()
        {
            break;
        }
        setup.note(format!("dropped finish after {polls} polls"));
        recovered(bench, &setup).await?;
        setup.expect_nothing_or_whole(&load).await?;
        delivers_after(bench, &setup, &load).await?;
    }
    Ok(())
}

async fn delivers_after(bench: &Bench<'_>, setup: &TestSetup<'_>, load: &Load) -> Result<(), Stop> {
    setup.deliver(load).await?;
    setup.expect_whole(load, Times::Repeated).await?;
    recovered(bench, setup).await?;
    setup.expect_whole(load, Times::Repeated).await
}

/// Recovers twice, because a recovery may crash too and be repeated.
async fn recovered(bench: &Bench<'_>, setup: &TestSetup<'_>) -> Result<(), Stop> {
    let Some(recover) = setup.descriptor()?.recover else {
        return Err(left_out("the sink has no `recover`"));
    };
    for _ in 0..2 {
        setup.note("recovered the target");
        let recovering = call(
            recover,
            setup.destination.options(),
            Arc::clone(&setup.store),
        );
        let recovered = setup.in_time(recovering).await?;
        recovered.map_err(|error| setup.unexpected("the target is recovered", &error))?;
    }
    if is_atomic(bench) {
        setup.expect_clean().await?;
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
