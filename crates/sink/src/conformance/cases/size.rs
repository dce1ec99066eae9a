//! Large tables, large batches, and bounded memory.

use crate::conformance::bench::{Bench, Stop};
use crate::conformance::load::{self, Load};

/// The bytes of text per batch in the case `memory`, and the number of batches: 64 MiB in total.
const BATCH_BYTES: usize = 2 << 20;
const BATCHES: u32 = 32;

/// The batches before that. Until then, the threads that encode or send get memory from the allocator that it keeps
/// for them, up to several MiB for each.
const WARM_UP: u32 = 8;

/// The rows per batch in the case `memory`.
const BATCH_ROWS: usize = 2048;

pub(super) async fn wide(bench: &Bench<'_>) -> Result<(), Stop> {
    let columns = (0..200).map(|column| {
        let values =
            (0..20).map(move |row| (row != column % 20).then(|| format!("{column}/{row}")));
        load::text(&format!("column_{column}"), values)
    });
    bench
        .delivers(&Load::of("wide", 20, columns.collect()))
        .await
}

pub(super) async fn long(bench: &Bench<'_>) -> Result<(), Stop> {
    let mut load = Load::new(1);
    let table = load.table("things", &load::plain_columns(0, 0));
    load.batch(&table, load::plain_columns(0, 12_000));
    bench.delivers(&load).await
}

pub(super) async fn many_batches(bench: &Bench<'_>) -> Result<(), Stop> {
    let mut load = Load::new(1);
    let table = load.table("things", &load::plain_columns(0, 0));
    for row in 0..300 {
        load.batch(&table, load::plain_columns(row, 1));
    }
    bench.delivers(&load).await
}

/// Compares the memory of the process before and after 64 MiB of rows.
///
/// Other threads and the allocator add noise, so destinations should set a generous limit. 48 MiB still finds a sink
/// that keeps all rows.
pub(super) async fn memory(bench: &Bench<'_>) -> Result<(), Stop> {
    let setup = bench.setup().await;
    let Some(bound) = setup.destination.memory() else {
        return Err(super::left_out("`Destination::memory` sets no limit"));
    };
    let mut load = memory_load();
    let batch = load.batches.remove(0);
    let mut sink = setup.open(&load).await?;
    let mut before = None;
    for piece in 0..WARM_UP + BATCHES {
        if piece == WARM_UP {
            before = resident();
        }
        let again = crate::Batch {
            piece,
            ..batch.clone()
        };
        setup.write(sink.as_mut(), &again).await?;
    }
    let grown = resident().zip(before);
    setup.abort(sink).await?;
    let Some((now, before)) = grown else {
        return Err(super::left_out(
            "the memory of a process cannot be read on this system",
        ));
    };
    let grown = now.saturating_sub(before);
    if grown <= bound {
        return Ok(());
    }
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    Err(setup.failed(
        format!("the process grows by at most {} MiB", mib(bound)),
        format!("the process grew by {} MiB", mib(grown)),
    ))
}

/// One batch of random text, so that a dictionary or a compressor cannot make it small.
fn memory_load() -> Load {
    let mut state = 1_u64;
    let mut next = move || {
        // A linear congruential generator is random enough here, and the same on every run.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        format!("{state:016x}")
    };
    let cells = (0..BATCH_ROWS).map(|_| {
        let words = BATCH_BYTES / BATCH_ROWS / 16;
        Some((0..words).map(|_| next()).collect::<String>())
    });
    let cells: Vec<_> = cells.collect();
    Load::of(
        "things",
        BATCH_ROWS,
        vec![load::text("noise", cells.into_iter())],
    )
}

/// The resident memory of this process in bytes, on Linux.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
