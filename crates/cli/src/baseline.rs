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
fn stored(state: &State, sources: &str) -> Result<Baselines> {
    let kept = state.baseline(sources)?;
    let baselines = kept.and_then(|kept| serde_json::from_str(&kept.figures).ok());
    match baselines {
        Some(baselines) => Ok(baselines),
        None => Ok(of_first_edition(state, sources)?.unwrap_or_default()),
    }
}

/// The baselines that the first edition stored for these sources.
///
/// It identified users in another way, so users are compared only if there are several that crawled
/// sources of these names. It had no selection of models.
fn of_first_edition(state: &State, sources: &str) -> Result<Option<Baselines>> {
    let Ok(sources) = serde_json::from_str::<Vec<(String, String)>>(sources) else {
        return Ok(None);
    };
    let is_same_source = |(kept, new): (&(String, String, Vec<i64>), &(String, String))| {
        kept.0 == new.0 && kept.2.is_empty()
    };
    let mut found = Vec::new();
    for key in state.baseline_keys()? {
        let Ok(kept) = serde_json::from_str::<Vec<(String, String, Vec<i64>)>>(&key) else {
            continue;
        };
        if kept.len() == sources.len() && kept.iter().zip(&sources).all(is_same_source) {
            let has_same_users = kept.iter().zip(&sources).all(|(kept, new)| kept.1 == new.1);
            found.push((has_same_users, key));
        }
    }
    let key = match &found[..] {
        [(_, key)] => Some(key),
        several => several.iter().find(|(same, _)| *same).map(|(_, key)| key),
    };
    let Some(key) = key else {
        return Ok(None);
    };
    let kept = state.baseline(key)?;
    Ok(kept.and_then(|kept| Baselines::of_first_edition(&kept.figures, &kept.snapshot)))
}
