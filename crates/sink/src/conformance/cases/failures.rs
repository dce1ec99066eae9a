//! Destinations that fail and recover.

use crate::conformance::Fault;
use crate::conformance::bench::{Bench, Stop, TestSetup, chain};
use crate::conformance::compare::Times;
use crate::conformance::load::Load;
use crate::{Error, Kind};

pub(super) async fn down(bench: &Bench<'_>) -> Result<(), Stop> {
    fails(bench, Fault::Down).await
}

pub(super) async fn full(bench: &Bench<'_>) -> Result<(), Stop> {
    fails(bench, Fault::Full).await
}

pub(super) async fn slow(bench: &Bench<'_>) -> Result<(), Stop> {
    let setup = bench.setup().await;
    let load = Load::plain(1);
    setup.fail(Fault::Slow).await?;
    setup.deliver(&load).await?;
    // A sink with short timeouts may have sent something twice.
    setup.expect_whole(&load, Times::Repeated).await
}

/// The destination fails after the first batch, and recovers once the sink has returned an error.
async fn fails(bench: &Bench<'_>, fault: Fault) -> Result<(), Stop> {
    let setup = bench.setup().await;
    let load = Load::plain(1);
    let mut sink = setup.open(&load).await?;
    setup.write(sink.as_mut(), &load.batches[0]).await?;
    setup.fail(fault).await?;

    let mut failure = None;
    for batch in &load.batches[1..] {
        if let Err(error) = setup.try_write(sink.as_mut(), batch).await? {
            failure = Some(error);
            break;
        }
    }
    if let Some(error) = failure {
        expect_kind(&setup, fault, &error)?;
        setup.destination.heal().await;
        setup.note("healed the destination");
        if setup.try_finish(sink, &load).await?.is_ok() {
            let expected = "`finish` fails, because a batch was not taken";
            return Err(setup.failed(expected, "the sink finished"));
        }
    } else {
        let finished = setup.try_finish(sink, &load).await?;
        setup.destination.heal().await;
        let Err(error) = finished else {
            return Err(setup.failed("`write` or `finish` fails", "the sink finished"));
        };
        expect_kind(&setup, fault, &error)?;
        setup.note("healed the destination");
    }
    setup.expect_nothing_or_whole(&load).await?;
    setup.deliver(&load).await?;
    setup.expect_whole(&load, Times::Repeated).await
}

fn expect_kind(setup: &TestSetup<'_>, fault: Fault, error: &Error) -> Result<(), Stop> {
    let (expected, is_fine) = match fault {
        Fault::Full => ("an error of kind `Full`", error.kind() == Kind::Full),
        _ => ("a transient error", error.is_transient()),
    };
    if is_fine {
        return Ok(());
    }
    let seen = format!("{:?} error: {}", error.kind(), chain(error));
    Err(setup.failed(expected, seen))
}
