//! `fortilake plan`: estimates the calls and the time that a crawl takes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use anyhow::anyhow;
use fortilake_auth::later;
use fortilake_client::{
    Client,
    ledger::{Ledger as _, LedgerUsage, Limits},
};
use fortilake_crawler::Settings;
use fortilake_models as models;
use fortilake_sink::Selection;
use fortilake_state::{Crawl, State};
use serde_json::{Value, json};

use super::crawl;
use crate::{
    args::PlanArgs,
    config::Env,
    connect::{self, ClientContext},
    console::Console,
    exit::{Code, CommandError, Result},
    session::{self, Fingerprint},
    source_usage::least_time,
    summary::count,
    time::{Span, Time, clock, window_name},
};

/// The endpoint that takes one call per product, and so dominates the estimate.
const DETAILS: &str = "products/details";

/// The number of calls of a crawl, by endpoint.
type Calls = BTreeMap<String, u64>;

/// Prints an estimate for each configured source.
pub(crate) fn run(args: &PlanArgs, console: Console) -> Result {
    let env = Env::read()?;
    let config = crawl::load_sources(&args.sources, &[], &env)?;
    let state = session::open_state(args.state.state.as_deref(), &env)?;
    let context = ClientContext::new(Some(state.clone()), console);
    super::block_on(&super::runtime()?, async {
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
        let mut list = Vec::new();
        for (source, settings) in config.sources.iter().zip(&settings) {
            let clients = connect::clients(source, &env, &context)?;
            let (calls, basis) = match (args.discover, last_shape(&kept, settings)) {
                (false, Some(shape)) => shape,
                (_, _) if args.discover => {
                    let found = settings.system.estimate(&clients[0], settings).await;
                    connect::sign_out(&clients[..1], console).await;
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
            let of_user = connect::config(source, &env)?.limits();
            let (limits, usage) = of_all(&state, &clients, &of_user).await?;
            let estimate = Estimate {
                source: &source.name,
                basis,
                usage,
                calls,
                limits: &limits,
                unfinished: kept.first().filter(|crawl| crawl.status.is_unfinished()),
            };
            if args.json {
                list.push(estimate.to_json());
            } else {
                let text = estimate.to_string();
                console.data(&text).map_err(CommandError::failed)?;
            }
        }
        if args.json {
            let text = format!("{:#}\n", Value::from(list));
            console.data(&text).map_err(CommandError::failed)?;
        }
        Ok(Code::Complete)
    })
}

/// What the users of a source may call together, and what they have used of it.
async fn of_all(
    state: &State,
    clients: &[Arc<Client>],
    of_user: &Limits,
) -> Result<(Limits, LedgerUsage)> {
    // Users with the same budget have one key.
    let keys: BTreeSet<&str> = clients.iter().map(|client| client.ledger_key()).collect();
    let mut all: Option<(Limits, LedgerUsage)> = None;
    for key in keys {
        let usage = state.usage(key, of_user).await;
        let usage = usage.map_err(CommandError::failed)?;
        let Some((limits, sum)) = &mut all else {
            all = Some((of_user.clone(), usage));
            continue;
        };
        for (limit, of_one) in limits.calls.iter_mut().zip(&of_user.calls) {
            limit.max += of_one.max;
        }
        if let (Some(limit), Some(of_one)) = (&mut limits.errors, of_user.errors) {
            limit.max += of_one.max;
            limit.reserve += of_one.reserve;
        }
        for (used, more) in sum.calls.iter_mut().zip(usage.calls) {
            *used += more;
        }
        sum.errors += usage.errors;
        // While one user may call, the source is not closed.
        sum.closed_for = sum.closed_for.zip(usage.closed_for).map(|(a, b)| a.min(b));
    }
    all.ok_or_else(|| CommandError::failed(anyhow!("the source has no API user")))
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

/// What a crawl of one source needs.
struct Estimate<'a> {
    source: &'a str,
    /// Where the number of calls comes from.
    basis: String,
    /// The calls by endpoint; empty if there is nothing to estimate from.
    calls: Calls,
    limits: &'a Limits,
    /// What is used of the limits.
    usage: LedgerUsage,
    /// A crawl that can be resumed.
    unfinished: Option<&'a Crawl>,
}

impl Estimate<'_> {
    fn total(&self) -> u64 {
        self.calls.values().sum()
    }

    /// The least time, if the number of calls is known.
    fn duration(&self) -> Option<Duration> {
        let total = self.total();
        (total > 0).then(|| least_time(total, &self.limits.calls, &self.usage.calls))
    }

    /// The estimate as JSON. Its members are a documented interface.
    fn to_json(&self) -> Value {
        let windows = self.limits.calls.iter().zip(&self.usage.calls);
        let windows = windows.map(|(window, used)| {
            json!({ "max": window.max, "window_seconds": window.per.as_secs(), "used": used })
        });
        let errors = self.limits.errors.map(|limit| {
            json!({
                "max": limit.max,
                "window_seconds": limit.per.as_secs(),
                "reserve": limit.reserve,
                "used": self.usage.errors,
            })
        });
        let unfinished = self
            .unfinished
            .map(|crawl| json!({ "crawl_id": crawl.id, "saved_calls": crawl.records }));
        json!({
            "source": self.source,
            "basis": self.basis,
            "calls": (self.total() > 0).then(|| self.total()),
            "calls_by_endpoint": self.calls,
            "least_seconds": self.duration().map(|least| least.as_secs()),
            "call_limits": windows.collect::<Vec<_>>(),
            "error_limit": errors,
            "closed_for_seconds": self.usage.closed_for.map(|wait| wait.as_secs()),
            "unfinished": unfinished,
        })
    }
}

impl fmt::Display for Estimate<'_> {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(text, "{}\n  {}\n", self.source, self.basis)?;
        for (endpoint, count) in &self.calls {
            let service = models::endpoint(endpoint)
                .and_then(|endpoint| endpoint.client_id)
                .unwrap_or("-");
            writeln!(text, "  {service:16}  {endpoint:16}  {count:>8}")?;
        }
        let total = self.total();
        if total > 0 {
            writeln!(text, "  {:16}  {:16}  {total:>8}\n", "total", "")?;
        }
        for (window, used) in self.limits.calls.iter().zip(&self.usage.calls) {
            let (max, name) = (window.max, window_name(window.per));
            writeln!(text, "  {used} of {max} calls used in the last {name}")?;
        }
        if let Some(errors) = &self.limits.errors {
            let (used, max, name) = (self.usage.errors, errors.max, window_name(errors.per));
            writeln!(text, "  {used} of {max} errors used in the last {name}")?;
        }
        if let Some(wait) = self.usage.closed_for {
            let until = Time(later(clock()(), wait));
            writeln!(text, "  the API accepts no calls before {until}")?;
        }
        if let Some(least) = self.duration() {
            let least = Span(least);
            writeln!(text, "  takes at least {least} within these limits")?;
        }
        if let Some(unfinished) = self.unfinished {
            let (id, saved) = (&unfinished.id, count(unfinished.records, "call"));
            writeln!(
                text,
                "  crawl {id} is unfinished; resuming it saves {saved}"
            )?;
        }
        text.write_str("\n")
    }
}

#[cfg(test)]
mod tests {
    use fortilake_client::Window;

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
        let estimate = |calls, used| least_time(calls, &windows, &[used, used]);
        assert_eq!(estimate(0, 0), Duration::ZERO);
        assert_eq!(estimate(100, 0), Duration::ZERO);
        assert_eq!(estimate(101, 0), Duration::from_mins(1));
        assert_eq!(estimate(100, 1), Duration::from_mins(1));
        assert_eq!(estimate(1000, 0), Duration::from_mins(9));
        assert_eq!(estimate(1001, 0), Duration::from_hours(1));
        assert_eq!(estimate(44_000, 0), Duration::from_hours(43));
    }
}
