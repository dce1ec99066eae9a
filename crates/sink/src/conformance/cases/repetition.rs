//! The same crawl again, and the next crawl.

use std::sync::Arc;

use super::is_atomic;
use crate::MemoryStore;
use crate::conformance::bench::{Bench, Room, Stop};
use crate::conformance::compare::Times;
use crate::conformance::load::Load;
use crate::conformance::{Part, View};

/// How many crawls are delivered one after another.
const CRAWLS: u32 = 8;

pub(super) async fn replay(bench: &Bench<'_>) -> Result<(), Stop> {
    let room = bench.room();
    let load = Load::plain(1);
    for _ in 0..3 {
        room.deliver(&load).await?;
        room.expect_whole(&load, Times::Repeated)?;
    }
    Ok(())
}

pub(super) async fn replay_without_store(bench: &Bench<'_>) -> Result<(), Stop> {
    let mut room = bench.room();
    let load = Load::plain(1);
    room.deliver(&load).await?;
    room.store = Arc::new(MemoryStore::default());
    room.note("emptied the store");
    room.deliver(&load).await?;
    room.expect_whole(&load, Times::Repeated)
}

pub(super) async fn determinism(bench: &Bench<'_>) -> Result<(), Stop> {
    let load = Load::plain(1);
    let (one, other) = (bench.room(), bench.room());
    one.deliver(&load).await?;
    other.deliver(&load).await?;
    let views = [&one, &other].map(|room| ordered(bench, room.view(&load)));
    other.note("delivered the same to another destination");
    match first_difference(&views[0], &views[1]) {
        None => Ok(()),
        Some(seen) => Err(other.failed("both destinations show the same", seen)),
    }
}

/// Sorts messages, because they may overtake each other. Files and tables have an order.
fn ordered(bench: &Bench<'_>, mut view: View) -> View {
    if !is_atomic(bench) {
        view.parts
            .sort_by(|one, other| (&one.table, &one.id).cmp(&(&other.table, &other.id)));
    }
    view
}

fn first_difference(one: &View, other: &View) -> Option<String> {
    if one == other {
        return None;
    }
    let name = |part: &Part| match &part.id {
        Some(id) => format!("`{id}`"),
        None => format!("of table `{}`", part.table),
    };
    let pairs = one.parts.iter().zip(&other.parts);
    let differs = pairs.into_iter().find(|(one, other)| one != other);
    Some(match differs {
        Some((one, other)) => format!(
            "the part {} here, the part {} there",
            name(one),
            name(other)
        ),
        None => format!(
            "{} parts here, {} there",
            one.parts.len(),
            other.parts.len()
        ),
    })
}

pub(super) async fn next_crawl(bench: &Bench<'_>) -> Result<(), Stop> {
    let room = bench.room();
    let mut early = 0;
    for number in 1..=CRAWLS {
        let load = Load::plain(number);
        room.deliver(&load).await?;
        room.expect_whole(&load, Times::Once)?;
        if number == CRAWLS / 4 {
            early = stored(&room)?;
        }
    }
    let late = stored(&room)?;
    if late > early * 2 {
        return Err(room.failed(
            "the store stays as small as it was",
            format!(
                "{early} bytes after {} crawls, {late} after {CRAWLS}",
                CRAWLS / 4
            ),
        ));
    }
    Ok(())
}

/// The bytes that a sink has put into its store.
fn stored(room: &Room<'_>) -> Result<usize, Stop> {
    let sizes = room.store.keys("").and_then(|keys| {
        let size =
            |key: &String| Ok(key.len() + room.store.get(key)?.map_or(0, |value| value.len()));
        keys.iter().map(size).sum::<crate::Result<usize>>()
    });
    sizes.map_err(|error| room.failed("the store can be read", error.to_string()))
}
