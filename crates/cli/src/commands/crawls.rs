//! `fortilake crawls`: the crawls in the state.

use std::fmt::Write as _;

use anyhow::anyhow;
use fortilake_crawler::{
    sink::nearest,
    state::{Crawl, State},
};
use serde_json::Value;

use crate::{
    args::{CrawlsAction, CrawlsArgs},
    config::Env,
    console::Console,
    exit::{Code, Failure, Result},
    session::{
        self,
        deliveries::{self, Delivery},
    },
};

/// Lists, shows, verifies or removes crawls.
///
/// Before that, it finishes or cleans up what dead processes left in the sinks' folders, so that
/// the list shows how each crawl really ended.
pub(crate) fn run(args: &CrawlsArgs, console: Console) -> Result {
    let state = session::open_state(args.state.state.as_deref(), &Env::read()?)?;
    super::runtime()?.block_on(deliveries::recover(&state))?;
    let text = match &args.action {
        None | Some(CrawlsAction::List) => list(&state.crawls()?),
        Some(CrawlsAction::Show { id }) => {
            let crawl = find(&state, id)?;
            show(&crawl, &deliveries::of(&state, &crawl)?)
        }
        Some(CrawlsAction::Verify) => {
            state.check()?;
            "everything is as it was written\n".to_owned()
        }
        Some(CrawlsAction::Remove { id }) => {
            let crawl = find(&state, id)?;
            state.remove(&crawl.id)?;
            format!("removed {}: what it published stays\n", crawl.id)
        }
    };
    console.data(&text).map_err(Failure::failed)?;
    Ok(Code::Complete)
}

/// Finds a crawl by its id.
pub(crate) fn find(state: &State, id: &str) -> Result<Crawl> {
    let crawls = state.crawls()?;
    let known: Vec<String> = crawls.iter().map(|crawl| crawl.id.clone()).collect();
    crawls
        .into_iter()
        .find(|crawl| crawl.id == id)
        .ok_or_else(|| {
            let failure = Failure::not_started(anyhow!("there is no crawl `{id}`"));
            match nearest(id, known.iter().map(String::as_str)) {
                Some(known) => failure.hint(format!("did you mean `{known}`?")),
                None => failure.hint("`fortilake crawls` lists them"),
            }
        })
}

fn list(crawls: &[Crawl]) -> String {
    let mut text = String::new();
    for crawl in crawls {
        let _ = writeln!(
            text,
            "{}  {:9}  {:>8} calls  {}",
            crawl.id,
            crawl.status.name(),
            crawl.records,
            time(crawl.created_at)
        );
    }
    text
}

fn show(crawl: &Crawl, deliveries: &[(String, Delivery)]) -> String {
    let mut text = format!(
        "crawl:     {}\nsnapshot:  {}\nstatus:    {}\nbegan:     {}\ncalls:     {}\nmade by:   {}\n",
        crawl.id,
        crawl.snapshot,
        crawl.status.name(),
        time(crawl.created_at),
        crawl.records,
        crawl.version,
    );
    if let Some(finished_at) = crawl.finished_at {
        let _ = writeln!(text, "finished:  {}", time(finished_at));
    }
    for (label, delivery) in deliveries {
        let _ = write!(text, "sink:      {label}: {}", delivery.state.name());
        let _ = match &delivery.error {
            Some(error) => writeln!(text, ", {error}"),
            None => writeln!(text),
        };
    }
    let summary = crawl
        .summary
        .as_deref()
        .and_then(|summary| serde_json::from_str::<Value>(summary).ok());
    if let Some(summary) = summary {
        let _ = write!(text, "\n{summary:#}\n");
    }
    text
}

fn time(micros: i64) -> String {
    let time = jiff::Timestamp::from_microsecond(micros);
    time.map(|time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
        .unwrap_or_default()
}
