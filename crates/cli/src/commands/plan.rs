//! `fortilake plan`: estimates the calls and the time that a crawl takes.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc, time::Duration};

use fortilake_crawler::{
    Facts, Settings, System,
    client::{Client, Window, ledger::Limits, models},
    state::{Crawl, State},
};
use serde_json::{Value, json};

use super::crawl;
use crate::{
    args::PlanArgs,
    config::Env,
    connect::{self, Span, Terms, Time},
    console::Console,
    exit::{Code, Failure, Result},
    session::{self, Fingerprint},
};

/// The endpoint that takes one call per product, and so dominates the estimate.
const DETAILS: &str = "products/details";

/// The number of calls of a crawl, by endpoint.
type Calls = BTreeMap<String, u64>;

/// Prints an estimate for each configured source.
pub(crate) fn run(args: &PlanArgs, console: Console) -> Result {
    let env = Env::read()?;
    let config = crawl::of_args(&args.sources, &env)?;
    let state = session::open_state(args.state.state.as_deref(), &env)?;
    let terms = Terms::new(Some(state.clone()), console);
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
        let fingerprint = Fingerprint::new(settings.iter().zip(users));
        let kept: Vec<Crawl> = state
            .crawls()?
            .into_iter()
            .filter(|crawl| fingerprint.has_sources_of(&crawl.fingerprint))
            .collect();
        for (source, settings) in config.sources.iter().zip(&settings) {
            let client = Arc::new(connect::client(source, &env, &terms)?);
            let (calls, basis) = match (args.discover, last_shape(&kept, settings)) {
                (false, Some(shape)) => shape,
                (_, _) if args.discover => {
                    let found = match settings.system {
                        System::FortiCloud => discovered(&client, settings).await,
                        System::FortiPortal => organizations(&client).await,
                        System::FortiAuthenticator => Ok(unit()),
                    };
                    connect::sign_out(std::slice::from_ref(&client), console).await;
                    found?
                }
                (_, _) => (
                    Calls::new(),
                    "nothing: there is no finished crawl; ask with `--discover`".to_owned(),
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
        Some((calls, format!("crawl {}", crawl.id)))
    })
}

/// Asks a portal for its organizations, and reckons one list of sites for each and one site each.
async fn organizations(client: &Client) -> Result<(Calls, String)> {
    let list = "portal/account/organizations";
    let organizations = match ask(client, list, json!({})).await? {
        Facts::Counted(facts) => facts.total.unwrap_or(facts.ids.len() as u64),
        _ => 0,
    };
    let calls = Calls::from([
        (list.to_owned(), 1),
        ("portal/device/site/customer".to_owned(), organizations),
        ("portal/device/vdom/site".to_owned(), organizations),
    ]);
    let basis = format!("{organizations} organizations, with one site each");
    Ok((calls, basis))
}

/// What a FortiAuthenticator is always asked.
fn unit() -> (Calls, String) {
    let calls = Calls::from([
        ("authenticator/systeminfo".to_owned(), 1),
        ("authenticator/fortitokenmobilelicenses".to_owned(), 1),
    ]);
    (calls, "what every unit is asked".to_owned())
}

/// Asks for units and accounts, and reckons one page for each list of each account.
async fn discovered(client: &Client, settings: &Settings) -> Result<(Calls, String)> {
    let units = match ask(client, "units/list", json!({})).await? {
        Facts::Units {
            organization,
            units,
        } => organization
            .into_iter()
            .chain(units.known)
            .collect::<std::collections::BTreeSet<_>>(),
        _ => std::collections::BTreeSet::new(),
    };
    let mut accounts = std::collections::BTreeSet::new();
    for &unit in &units {
        if let Facts::Accounts(found) =
            ask(client, "accounts/list", json!({ "parentId": unit })).await?
        {
            accounts.extend(found.known);
        }
    }
    let lists = settings.statuses.len() as u64;
    let mut calls = Calls::from([
        ("units/list".to_owned(), 1),
        ("accounts/list".to_owned(), units.len() as u64),
        ("products/list".to_owned(), accounts.len() as u64 * lists),
    ]);
    for endpoint in &settings.include {
        calls.insert((*endpoint).to_owned(), accounts.len() as u64);
    }
    let basis = format!(
        "{} units and {} accounts, with one page for each list",
        units.len(),
        accounts.len()
    );
    Ok((calls, basis))
}

async fn ask(client: &Client, endpoint: &str, arguments: Value) -> Result<Facts> {
    let facts = super::ask(client, endpoint, arguments).await;
    facts.map_err(Failure::failed)?.map_err(Failure::failed)
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
    use fortilake_crawler::client::ledger::Ledger as _;
    let now = jiff::Timestamp::now().as_microsecond();
    let usage = state.usage(user, limits, now).map_err(Failure::failed)?;
    let mut text = format!("{name}\n  reckoned from {basis}\n\n");
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
            "  used of {} calls in {}: {used}",
            window.max,
            Span(window.per)
        );
    }
    if let Some(errors) = &limits.errors {
        let _ = writeln!(
            text,
            "  used of {} errors in {}: {}",
            errors.max,
            Span(errors.per),
            usage.errors
        );
    }
    if let Some(until) = usage.closed_until {
        let _ = writeln!(text, "  the API takes no call before {}", Time(until));
    }
    if total > 0 {
        let least = Span(duration(total, &limits.calls, &usage.calls));
        let _ = writeln!(text, "  at least {least} within these limits");
    }
    if let Some(unfinished) = kept.first().filter(|crawl| crawl.status.is_unfinished()) {
        let _ = writeln!(
            text,
            "  crawl {} is unfinished; resuming it saves {} calls",
            unfinished.id, unfinished.records
        );
    }
    text.push('\n');
    Ok(text)
}

/// How long the windows alone make so many calls take, if the first can go out now.
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
        let reckon = |calls, used| duration(calls, &windows, &[used, used]);
        assert_eq!(reckon(0, 0), Duration::ZERO);
        assert_eq!(reckon(100, 0), Duration::ZERO);
        assert_eq!(reckon(101, 0), Duration::from_mins(1));
        assert_eq!(reckon(100, 1), Duration::from_mins(1));
        assert_eq!(reckon(1000, 0), Duration::from_mins(9));
        assert_eq!(reckon(1001, 0), Duration::from_hours(1));
        assert_eq!(reckon(44_000, 0), Duration::from_hours(43));
    }
}
