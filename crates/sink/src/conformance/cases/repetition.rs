//! The same crawl again, and the next crawl.

use std::sync::Arc;

use super::is_atomic;
use crate::conformance::bench::{Bench, Stop, TestSetup};
use crate::conformance::compare::Times;
use crate::conformance::load::Load;
use crate::conformance::{Part, View};
use crate::{MemoryStore, Store};

/// How many crawls are delivered one after another.
const CRAWLS: u32 = 8;

pub(super) async fn replay(bench: &Bench<'_>) -> Result<(), Stop> {
    let setup = bench.setup().await;
    let load = Load::plain(1);
    for _ in 0..3 {
        setup.deliver(&load).await?;
        setup.expect_whole(&load, Times::Repeated).await?;
    }
    Ok(())
}

pub(super) async fn replay_without_store(bench: &Bench<'_>) -> Result<(), Stop> {
    let mut setup = bench.setup().await;
    let load = Load::plain(1);
    setup.deliver(&load).await?;
    setup.store = Arc::new(MemoryStore::default());
    setup.note("emptied the store");
    setup.deliver(&load).await?;
    setup.expect_whole(&load, Times::Repeated).await
}

pub(super) async fn determinism(bench: &Bench<'_>) -> Result<(), Stop> {
    let load = Load::plain(1);
    let (one, other) = (bench.setup().await, bench.setup().await);
    one.deliver(&load).await?;
    other.deliver(&load).await?;
    let views = [one.view(&load).await, other.view(&load).await].map(|view| ordered(bench, view));
    other.note("delivered the same crawl to another destination");
    match first_difference(&views[0], &views[1]) {
        None => Ok(()),
        Some(seen) => Err(other.failed("both destinations show the same content", seen)),
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
            "the part {} in one, the part {} in the other",
            name(one),
            name(other)
        ),
        None => format!(
            "{} parts in one, {} in the other",
            one.parts.len(),
            other.parts.len()
        ),
    })
}

pub(super) async fn next_crawl(bench: &Bench<'_>) -> Result<(), Stop> {
    let setup = bench.setup().await;
    let mut early = 0;
    for number in 1..=CRAWLS {
        let load = Load::plain(number);
        setup.deliver(&load).await?;
        setup.expect_whole(&load, Times::Once).await?;
        if number == CRAWLS / 4 {
            early = stored(&setup).await?;
        }
    }
    let late = stored(&setup).await?;
    if late > early * 2 {
        return Err(setup.failed(
            "the store does not grow",
            format!(
                "{early} bytes after {} crawls, {late} after {CRAWLS}",
                CRAWLS / 4
            ),
        ));
    }
    Ok(())
}

/// The size of the sink's store in bytes.
async fn stored(setup: &TestSetup<'_>) -> Result<usize, Stop> {
    let sizes = sizes(setup.store.as_ref()).await;
    sizes.map_err(|error| setup.failed("the store can be read", error.to_string()))
}

async fn sizes(store: &dyn Store) -> crate::Result<usize> {
    let mut sum = 0;
    for key in store.keys("").await? {
        let value = store.get(&key).await?;
        sum += key.len() + value.map_or(0, |value| value.len());
    }
    Ok(sum)
}
