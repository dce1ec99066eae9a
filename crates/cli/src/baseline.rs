//! The row counts that a crawl is compared with before it is published.

use fortilake_crawler::{Baselines, Guard, Report, ShrinkLimits};
use fortilake_sink as sink;
use fortilake_state::{Baseline, State};

use crate::exit::{CommandError, Result};

/// The shrink guard for a crawl of these sources.
pub(crate) fn guard(state: &State, sources: &str, limits: ShrinkLimits) -> Result<Guard> {
    let before = stored(state, sources)?;
    Ok(Guard { limits, before })
}

/// Makes the crawl that was just published the baseline for the next one.
pub(crate) fn keep(
    state: &State,
    sources: &str,
    crawl: &sink::Crawl,
    report: &Report,
) -> Result<()> {
    if !report.published {
        return Ok(());
    }
    let name = published_name(crawl, report);
    // A replay may publish a crawl that is older than the baseline. The baseline must not move
    // back, or the next crawl would be compared with row counts that are no longer published.
    let kept = state.baseline(sources)?;
    if kept.is_some_and(|kept| kept.snapshot > name) {
        return Ok(());
    }
    let mut baselines = stored(state, sources)?;
    baselines.update(&report.outcome, &name);
    let baselines = serde_json::to_string(&baselines).map_err(CommandError::failed)?;
    let baseline = Baseline {
        snapshot: name,
        figures: baselines,
    };
    state.set_baseline(sources, &baseline)?;
    Ok(())
}

/// The name under which the first sink published the snapshot.
///
/// It can be later than the crawl's own name, because a sink takes a later one if that is taken.
pub(crate) fn published_name(crawl: &sink::Crawl, report: &Report) -> String {
    let mut receipts = report
        .sinks
        .iter()
        .filter_map(|sink| sink.result.as_ref().ok());
    let name = receipts.find_map(|receipt| receipt.snapshot.as_ref());
    name.unwrap_or(&crawl.name).clone()
}

/// The stored baselines, or empty ones.
///
/// The first edition stored baselines that counted differently; they do not parse and are ignored.
fn stored(state: &State, sources: &str) -> Result<Baselines> {
    let kept = state.baseline(sources)?;
    let baselines = kept.and_then(|kept| serde_json::from_str(&kept.figures).ok());
    Ok(baselines.unwrap_or_default())
}
