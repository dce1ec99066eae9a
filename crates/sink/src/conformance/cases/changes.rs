//! Changes between crawls, and between two deliveries of one crawl.

use super::{is_atomic, left_out};
use crate::conformance::bench::{Bench, Stop, TestSetup, chain};
use crate::conformance::compare::Times;
use crate::conformance::load::{self, Load};
use crate::{Kind, Partial, Phase, Standing};

/// A crawl is delivered with some of its scopes, pauses, and is delivered again with more scopes.
pub(super) async fn late_scope(bench: &Bench<'_>) -> Result<(), Stop> {
    let load = Load::late();
    for is_aborted in [true, false] {
        let setup = bench.setup().await;
        for scopes in 1..load.scopes.len() {
            let begun = load.first_scopes(scopes);
            let mut sink = setup.open(&begun).await?;
            for batch in &begun.batches {
                setup.write(sink.as_mut(), batch).await?;
            }
            if is_aborted {
                setup.abort(sink).await?;
            } else {
                drop(sink);
                setup.note("dropped the sink");
            }
            setup.expect_nothing(&begun).await?;
        }
        setup.deliver(&load).await?;
        setup.expect_whole(&load, Times::Repeated).await?;
        let ended = load.clone().ended();
        setup.deliver(&ended).await?;
        setup.expect_whole(&ended, Times::Repeated).await?;
    }
    Ok(())
}

pub(super) async fn new_column(bench: &Bench<'_>) -> Result<(), Stop> {
    let setup = bench.setup().await;
    let columns = |number: u32| {
        let mut columns = load::named(0, 4, &format!("crawl {number}, thing"));
        if number > 1 {
            let values = ["red", "", "null"].map(str::to_owned).map(Some).into_iter();
            columns.push(load::text("colour", values.chain([None])));
        }
        columns
    };
    for number in 1..=3 {
        let columns = columns(number);
        let mut load = Load::new(number);
        let table = load.table("things", &columns);
        load.batch(&table, columns);
        setup.deliver(&load).await?;
        setup.expect_whole(&load, Times::Once).await?;
    }
    Ok(())
}

pub(super) async fn same_keys(bench: &Bench<'_>) -> Result<(), Stop> {
    let setup = bench.setup().await;
    for number in 1..=3 {
        let load = Load::again(number);
        setup.deliver(&load).await?;
        setup.expect_whole(&load, Times::Once).await?;
    }
    Ok(())
}

pub(super) async fn gone_rows(bench: &Bench<'_>) -> Result<(), Stop> {
    let setup = bench.setup().await;
    let mut loads = vec![Load::with_all(1), Load::with_less(2)];
    // Other destinations may refuse a selection, because it would replace a snapshot that covers more.
    if setup.keeps_rows {
        loads.push(Load::selected(3));
    }
    loads.push(Load::with_one(4));
    for load in &loads {
        setup.deliver(load).await?;
        setup.expect_whole(load, Times::Once).await?;
    }
    Ok(())
}

/// An older crawl is delivered after a newer one: a replay of a published crawl, and one that was never published.
pub(super) async fn older_crawl(bench: &Bench<'_>) -> Result<(), Stop> {
    for is_replay in [true, false] {
        let setup = bench.setup().await;
        let (older, newer) = (Load::again(1), Load::again(2));
        if is_replay {
            setup.deliver(&older).await?;
        }
        setup.deliver(&newer).await?;
        let receipt = setup.deliver(&older.ended()).await?;
        setup.expect_whole(&newer, Times::Repeated).await?;
        if is_atomic(bench) && receipt.standing != Standing::Behind {
            let seen = "the receipt says that the older crawl is the newest";
            return Err(setup.failed("the receipt says that a newer crawl is published", seen));
        }
    }
    Ok(())
}

pub(super) async fn refused(bench: &Bench<'_>) -> Result<(), Stop> {
    let setup = bench.setup().await;
    if !is_atomic(bench) {
        return Err(left_out("batches are visible as they arrive"));
    }
    if setup.keeps_rows {
        return Err(left_out(
            "a failed scope removes no rows from this destination",
        ));
    }
    let before = Load::with_all(1);
    setup.deliver(&before).await?;
    let mut load = Load::with_less(2);
    load.partial = Some(Partial::Refuse);
    let mut sink = setup.open(&load).await?;
    for batch in &load.batches {
        setup.write(sink.as_mut(), batch).await?;
    }
    let finished = setup.try_finish(sink, &load).await?;
    expect_refusal(&setup, finished.err().as_ref())?;
    setup.expect_whole(&before, Times::Once).await?;
    // A later crawl can still be published.
    let next = Load::again(3);
    setup.deliver(&next).await?;
    setup.expect_whole(&next, Times::Once).await
}

fn expect_refusal(setup: &TestSetup<'_>, error: Option<&crate::Error>) -> Result<(), Stop> {
    let seen = match error {
        Some(error) if error.kind() == Kind::Refused => return Ok(()),
        Some(error) => format!("{:?} error: {}", error.kind(), chain(error)),
        None => "the sink finished".to_owned(),
    };
    Err(setup.failed("finish fails with an error of kind `Refused`", seen))
}

impl Load {
    fn ended(mut self) -> Self {
        self.crawl.phase = Phase::Ended;
        self
    }
}
