//! Destinations that fail and recover.

use crate::conformance::Fault;
use crate::conformance::bench::{Bench, Room, Stop, chain};
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
    let room = bench.room().await;
    let load = Load::plain(1);
    room.fail(Fault::Slow).await?;
    room.deliver(&load).await?;
    // A sink with short timeouts may have sent something twice.
    room.expect_whole(&load, Times::Repeated).await
}

/// The destination fails after the first batch, and recovers once the sink has returned an error.
async fn fails(bench: &Bench<'_>, fault: Fault) -> Result<(), Stop> {
    let room = bench.room().await;
    let load = Load::plain(1);
    let mut sink = room.open(&load).await?;
    room.write(sink.as_mut(), &load.batches[0]).await?;
    room.fail(fault).await?;

    let mut failure = None;
    for batch in &load.batches[1..] {
        if let Err(error) = room.try_write(sink.as_mut(), batch).await? {
            failure = Some(error);
            break;
        }
    }
    if let Some(error) = failure {
        expect_kind(&room, fault, &error)?;
        room.destination.heal().await;
        room.note("healed the destination");
        if room.try_finish(sink, &load).await?.is_ok() {
            let expected = "`finish` fails, because a batch was not taken";
            return Err(room.failed(expected, "the sink finished"));
        }
    } else {
        let finished = room.try_finish(sink, &load).await?;
        room.destination.heal().await;
        let Err(error) = finished else {
            return Err(room.failed("`write` or `finish` fails", "the sink finished"));
        };
        expect_kind(&room, fault, &error)?;
        room.note("healed the destination");
    }
    room.expect_nothing_or_whole(&load).await?;
    room.deliver(&load).await?;
    room.expect_whole(&load, Times::Repeated).await
}

fn expect_kind(room: &Room<'_>, fault: Fault, error: &Error) -> Result<(), Stop> {
    let (expected, is_fine) = match fault {
        Fault::Full => ("an error of kind `Full`", error.kind() == Kind::Full),
        _ => ("a transient error", error.is_transient()),
    };
    if is_fine {
        return Ok(());
    }
    let seen = format!("{:?} error: {}", error.kind(), chain(error));
    Err(room.failed(expected, seen))
}
