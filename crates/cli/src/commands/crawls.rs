//! `fortilake crawls`: the crawls in the state.

use std::fmt::Write as _;

use anyhow::anyhow;
use fortilake_sink::nearest;
use fortilake_state::{Crawl, State, Status};
use indicatif::DecimalBytes;
use serde_json::{Value, json};

use crate::{
    args::{CrawlsAction, CrawlsArgs},
    config::Env,
    console::Console,
    exit::{Code, CommandError, Result},
    session::{
        self,
        deliveries::{self, DeliveryRecord},
    },
    summary,
};

/// Lists, shows, verifies or removes crawls.
///
/// Before that, it finishes or cleans up what dead processes left in the sinks' folders, so that
/// the list shows how each crawl really ended.
pub(crate) fn run(args: &CrawlsArgs, console: Console) -> Result {
    let env = Env::read()?;
    let state = session::open_state(args.state.state.as_deref(), &env)?;
    super::block_on(&super::runtime()?, deliveries::recover(&state, &env))?;
    let text = match &args.action {
        None | Some(CrawlsAction::List) if args.json => {
            let crawls = state.crawls()?;
            let mut objects = Vec::new();
            for crawl in &crawls {
                objects.push(object(crawl, &deliveries::of(&state, crawl)?));
            }
            format!("{:#}\n", Value::Array(objects))
        }
        None | Some(CrawlsAction::List) => {
            let crawls = state.crawls()?;
            // The list itself has one line for each crawl, for programs.
            console.note(&size_and_age(&state, &crawls)?);
            list(&crawls)
        }
        Some(CrawlsAction::Show { id }) if args.json => {
            let crawl = newest_or(&state, id)?;
            format!("{:#}\n", object(&crawl, &deliveries::of(&state, &crawl)?))
        }
        Some(CrawlsAction::Show { id }) => {
            let crawl = newest_or(&state, id)?;
            let mut text = show(&crawl, &deliveries::of(&state, &crawl)?);
            if crawl.status.is_unfinished() {
                for error in state.last_errors()? {
                    let _ = writeln!(text, "error:     {error}");
                }
            }
            text
        }
        Some(CrawlsAction::Verify) => {
            state.check()?;
            "no damage found\n".to_owned()
        }
        Some(CrawlsAction::Remove { id }) => {
            let crawl = find(&state, id)?;
            state.remove(&crawl.id)?;
            format!("removed crawl {}; its published snapshots stay\n", crawl.id)
        }
    };
    console.data(&text).map_err(CommandError::failed)?;
    Ok(Code::Complete)
}

/// Finds a crawl by its id; `latest` is the newest one, however it ended.
fn newest_or(state: &State, id: &str) -> Result<Crawl> {
    match state.crawls()?.into_iter().next() {
        Some(newest) if id == "latest" => Ok(newest),
        _ => find(state, id),
    }
}

/// Finds a crawl by its id.
pub(crate) fn find(state: &State, id: &str) -> Result<Crawl> {
    let crawls = state.crawls()?;
    let known: Vec<String> = crawls.iter().map(|crawl| crawl.id.clone()).collect();
    crawls
        .into_iter()
        .find(|crawl| crawl.id == id)
        .ok_or_else(|| {
            let failure = CommandError::not_started(anyhow!("there is no crawl `{id}`"));
            match nearest(id, known.iter().map(String::as_str)) {
                Some(known) => failure.hint(format!("did you mean `{known}`?")),
                None => failure.hint("`fortilake crawls` lists the crawls"),
            }
        })
}

/// How large the state is, and how far back it goes.
fn size_and_age(state: &State, crawls: &[Crawl]) -> Result<String> {
    let name = state.name();
    let Some(oldest) = crawls.last() else {
        return Ok(format!("{name} has no crawls\n"));
    };
    Ok(format!(
        "{name} has {} since {} and takes {}\n",
        summary::count(crawls.len() as u64, "crawl"),
        time(oldest.created_at),
        DecimalBytes(state.size()?),
    ))
}

fn list(crawls: &[Crawl]) -> String {
    let mut text = String::new();
    for crawl in crawls {
        let _ = writeln!(
            text,
            "{}  {:11}  {:>8} calls  {}",
            crawl.id,
            status(crawl),
            crawl.records,
            time(crawl.created_at)
        );
    }
    text
}

/// The status in one word. A crawl that runs in no process is interrupted.
fn status(crawl: &Crawl) -> &'static str {
    match crawl.status {
        Status::Running if !crawl.is_open => "interrupted",
        status => status.name(),
    }
}

/// Everything that `crawls show` prints, as JSON.
fn object(crawl: &Crawl, deliveries: &[(String, DeliveryRecord)]) -> Value {
    let sinks = deliveries.iter().map(|(label, delivery)| {
        json!({ "sink": label, "state": delivery.state.name(), "error": delivery.error })
    });
    let summary = crawl.summary.as_deref();
    json!({
        "id": crawl.id,
        "snapshot": crawl.snapshot,
        "status": status(crawl),
        "calls": crawl.records,
        "began_at": time(crawl.created_at),
        "finished_at": crawl.finished_at.map(time),
        "version": crawl.version,
        "sinks": sinks.collect::<Vec<_>>(),
        "summary": summary.and_then(|text| serde_json::from_str::<Value>(text).ok()),
    })
}

fn show(crawl: &Crawl, deliveries: &[(String, DeliveryRecord)]) -> String {
    let mut text = format!(
        "crawl:     {}\nsnapshot:  {}\nstatus:    {}\nstarted:   {}\ncalls:     {}\nversion:   {}\n",
        crawl.id,
        crawl.snapshot,
        status(crawl),
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
