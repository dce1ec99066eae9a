//! `fortilake plan`: estimates the calls and the time that a crawl takes.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc, time::Duration};

use fortilake_auth::later;
use fortilake_client::{Window, ledger::Limits};
use fortilake_crawler::Settings;
use fortilake_models as models;
use fortilake_sink::Selection;
use fortilake_state::{Crawl, State};
use serde_json::Value;

use super::crawl;
use crate::{
    args::PlanArgs,
    config::Env,
    connect::{self, ClientContext},
    console::Console,
    exit::{Code, Failure, Result},
    session::{self, Fingerprint},
    summary::count,
    time::{Span, Time, clock},
};

/// The endpoint that takes one call per product, and so dominates the estimate.
const DETAILS: &str = "products/details";

/// The number of calls of a crawl, by endpoint.
type Calls = BTreeMap<String, u64>;

/// Prints an estimate for each configured source.
pub(crate) fn run(args: &PlanArgs, console: Console) -> Result {
    let env = Env::read()?;
    let config = crawl::load_sources(&args.sources, &env)?;
    let state = session::open_state(args.state.state.as_deref(), &env)?;
    let context = ClientContext::new(Some(state.clone()), console);
    super::runtime()?.block_on(async {
        let settings: Vec<Settings> = config
            .sources
            .iter()
            .map(|source| source.settings(&[]))
            .collect::<Result<_>>()?;
        let users: Vec<String> = config
            .sources
            .iter()
            .map(|source| Ok(source.identity(&connect::config(source, &env)?.user())))
            .collect::<Result<_>>()?;
        let fingerprint = Fingerprint::new(settings.iter().zip(users), Selection::default());
        let kept: Vec<Crawl> = state
            .crawls()?
            .into_iter()
            .filter(|crawl| fingerprint.has_sources_of(&crawl.fingerprint))
            .collect();
        for (source, settings) in config.sources.iter().zip(&settings) {
            let client = Arc::new(connect::client(source, &env, &context)?);
            let (calls, basis) = match (args.discover, last_shape(&kept, settings)) {
                (false, Some(shape)) => shape,
                (_, _) if args.discover => {
                    let found = settings.system.estimate(&client, settings).await;
                    connect::sign_out(std::slice::from_ref(&client), console).await;
                    let estimate = found?;
                    (estimate.calls, format!("estimated from {}", estimate.basis))
                }
                (_, _) => (
                    Calls::new(),
                    "no earlier crawl to estimate from; use `--discover` to count accounts \
                     (makes calls)"
                        .to_owned(),
                ),
            };
            let limits = connect::config(source, &env)?.limits();
            let text = describe(
                &source.name,
                &calls,
                &basis,
                &state,
                client.user(),
                &limits,
                &kept,
            )?;
            console.data(&text).map_err(Failure::failed)?;
        }
        Ok(Code::Complete)
    })
}

/// The calls of the newest finished crawl of this source, and a sentence that names the crawl.
fn last_shape(kept: &[Crawl], settings: &Settings) -> Option<(Calls, String)> {
    let source = settings.source.as_ref();
    kept.iter().find_map(|crawl| {
        let summary: Value = serde_json::from_str(crawl.summary.as_deref()?).ok()?;
        let calls = summary["calls_by_endpoint"][source].clone();
        let mut calls: Calls = serde_json::from_value(calls).ok()?;
        let products = summary["tables"]["products"].as_u64();
        // The configuration may have changed since that crawl.
        if settings.details.is_some() && !calls.contains_key(DETAILS) {
            // The earlier crawl read no details. Which products `details_for` selects is known only
            // once the lists are read, so the estimate assumes all products, which is the maximum.
            calls.insert(DETAILS.to_owned(), products.unwrap_or(0));
        }
        Some((calls, format!("estimated from crawl {}", crawl.id)))
    })
}

fn describe(
    name: &str,
    calls: &Calls,
    basis: &str,
    state: &State,
    user: &str,
    limits: &Limits,
    kept: &[Crawl],
) -> Result<String> {
    use fortilake_client::ledger::Ledger as _;
    let usage = state.usage(user, limits).map_err(Failure::failed)?;
    let mut text = format!("{name}\n  {basis}\n\n");
    for (endpoint, count) in calls {
        let service = models::endpoint(endpoint)
            .and_then(|endpoint| endpoint.client_id)
            .unwrap_or("-");
        let _ = writeln!(text, "  {service:16}  {endpoint:16}  {count:>8}");
    }
    let total: u64 = calls.values().sum();
    if total > 0 {
        let _ = writeln!(text, "  {:16}  {:16}  {total:>8}\n", "all", "");
    }
    for (window, used) in limits.calls.iter().zip(&usage.calls) {
        let _ = writeln!(
            text,
            "  {used} of {} calls used in the last {}",
            window.max,
            window_name(window.per)
        );
    }
    if let Some(errors) = &limits.errors {
        let _ = writeln!(
            text,
            "  {} of {} errors used in the last {}",
            usage.errors,
            errors.max,
            window_name(errors.per)
        );
    }
    if let Some(wait) = usage.closed_for {
        let until = Time(later(clock()(), wait));
        let _ = writeln!(text, "  the API accepts no calls before {until}");
    }
    if total > 0 {
        let least = Span(duration(total, &limits.calls, &usage.calls));
        let _ = writeln!(text, "  takes at least {least} within these limits");
    }
    if let Some(unfinished) = kept.first().filter(|crawl| crawl.status.is_unfinished()) {
        let saved = count(unfinished.records, "call");
        let _ = writeln!(
            text,
            "  crawl {} is unfinished; resuming it saves {saved}",
            unfinished.id
        );
    }
    text.push('\n');
    Ok(text)
}

/// The length of a window, as it is said after "in the last".
fn window_name(length: Duration) -> String {
    match length.as_secs() {
        60 => "minute".to_owned(),
        3600 => "hour".to_owned(),
        _ => Span(length).to_string(),
    }
}

/// The least time that this many calls take within the windows, if the first can be sent now.
///
/// A window lets `max` calls through at once and is then full for its whole length. So it makes
/// the calls wait once for every `max` calls before the last one, calls already used included. The
/// duration of the calls themselves is left out, which makes this a lower bound.
fn duration(calls: u64, windows: &[Window], used: &[u32]) -> Duration {
    let per_window = windows.iter().zip(used).map(|(window, &used)| {
        let full = (calls + u64::from(used)).saturating_sub(1) / u64::from(window.max.max(1));
        window
            .per
            .saturating_mul(u32::try_from(full).unwrap_or(u32::MAX))
    });
    per_window.max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_window_decides() {
        let windows = [
            Window {
                max: 100,
                per: Duration::from_mins(1),
            },
            Window {
                max: 1000,
                per: Duration::from_hours(1),
            },
        ];
        let estimate = |calls, used| duration(calls, &windows, &[used, used]);
        assert_eq!(estimate(0, 0), Duration::ZERO);
        assert_eq!(estimate(100, 0), Duration::ZERO);
        assert_eq!(estimate(101, 0), Duration::from_mins(1));
        assert_eq!(estimate(100, 1), Duration::from_mins(1));
        assert_eq!(estimate(1000, 0), Duration::from_mins(9));
        assert_eq!(estimate(1001, 0), Duration::from_hours(1));
        assert_eq!(estimate(44_000, 0), Duration::from_hours(43));
    }
}
