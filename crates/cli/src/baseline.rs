//! The row counts that a crawl is compared with before it is published.

use fortilake_crawler::{
    Census, Guard, Report, sink,
    state::{Baseline, State},
};

use crate::exit::{Failure, Result};

/// The guard of a crawl of these sources: nothing where there is no complete snapshot of them.
pub(crate) fn guard(state: &State, reach: &str, max_shrink: f64) -> Result<Option<Guard>> {
    let Some(Baseline { snapshot, figures }) = state.baseline(reach)? else {
        return Ok(None);
    };
    let before: Census = serde_json::from_str(&figures).map_err(Failure::failed)?;
    Ok(Some(Guard {
        max_shrink,
        snapshot,
        before,
    }))
}

/// Makes what was just published the one that the next crawl is compared with.
pub(crate) fn keep(state: &State, reach: &str, crawl: &sink::Crawl, report: &Report) -> Result<()> {
    if !report.complete || !report.published {
        return Ok(());
    }
    let snapshot = crawl.snapshot.clone();
    // What is replayed may be older than what has been published since.
    let kept = state.baseline(reach)?;
    if kept.is_some_and(|kept| kept.snapshot > snapshot) {
        return Ok(());
    }
    let figures = serde_json::to_string(&report.census).map_err(Failure::failed)?;
    state.set_baseline(reach, &Baseline { snapshot, figures })?;
    Ok(())
}
