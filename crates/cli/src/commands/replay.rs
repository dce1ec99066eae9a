//! `fortilake replay`: publishes a stored crawl to the sinks again, without making calls.

use anyhow::anyhow;
use fortilake_crawler::{
    Incomplete, SinkReport, Source,
    sink::{Options, registry},
    sink_store,
    state::{State, Status},
};

use super::{
    crawl::{Publishing, publish},
    crawls,
};
use crate::{
    args::ReplayArgs,
    baseline,
    config::{self, Env, SinkConfig},
    console::Console,
    exit::{Code, Failure, Result},
    session::{self, Fingerprint, Session},
    summary,
};

/// Publishes a crawl again, or redelivers dead letters.
pub(crate) fn run(args: &ReplayArgs, console: Console) -> Result {
    let state = session::open_state(args.state.state.as_deref(), &Env::read()?)?;
    let sinks = config::sinks(args.config.as_deref(), &args.sink)?;
    match &args.id {
        Some(id) => crawl(id, args.accept_shrink, &state, &sinks, console),
        None => super::runtime()?.block_on(dead_letters(&state, &sinks, console)),
    }
}

fn crawl(id: &str, accept: bool, state: &State, sinks: &[SinkConfig], console: Console) -> Result {
    let kept = crawls::find(state, id)?;
    if kept.status.is_unfinished() && kept.summary.is_none() {
        let error = anyhow!(
            "crawl `{}` is unfinished, so there is nothing whole to send",
            kept.id
        );
        return Err(Failure::not_started(error).hint("`fortilake crawl` resumes it"));
    }
    let fingerprint = Fingerprint::of_text(&kept.fingerprint).ok_or_else(|| {
        Failure::failed(anyhow!("crawl `{}` was kept by another version", kept.id))
    })?;
    let source = |settings| Source {
        settings,
        client: None,
        concurrency: 1,
        older: None,
    };
    let sources = fingerprint.settings().map(source).collect();
    super::interruptible(console, async |signals| {
        let session = Session::take_up(state, &kept.id)?;
        let terms = Publishing {
            sinks,
            state: Some(state),
            incomplete: Incomplete::Publish,
            // Whoever names a crawl wants that one.
            guard: None,
        };
        let (report, _) = publish(&session, sources, terms, signals, console).await?;
        console.note(&summary::text(&session.crawl, &report));
        let reached = summary::reached_a_sink(&report);
        // Looking at a crawl that was refused is not accepting it; where a disk was full before,
        // there is nothing to accept.
        if reached && (accept || kept.status == Status::Done) {
            session.set_status(Status::Published, None)?;
            baseline::keep(state, &fingerprint.reach(), &session.crawl, &report)?;
        }
        Ok(summary::code(&report))
    })
}

/// Lets every sink that keeps dead letters send them again.
async fn dead_letters(state: &State, sinks: &[SinkConfig], console: Console) -> Result {
    let mut reports = Vec::new();
    for SinkConfig { label, spec } in sinks {
        let Some(redeliver) = registry::find(&spec.sink)?.redeliver else {
            continue;
        };
        let store = sink_store(state, spec)?;
        reports.push(SinkReport {
            name: label.clone(),
            result: redeliver(Options(spec.options.clone()), store).await,
        });
    }
    if reports.is_empty() {
        let error = anyhow!("none of the sinks keeps dead letters");
        return Err(Failure::not_started(error).hint("name one that does with `--sink`"));
    }
    console.note(&summary::sinks(&reports));
    let failed = reports.iter().any(|report| report.result.is_err());
    Ok(if failed { Code::Failed } else { Code::Complete })
}
