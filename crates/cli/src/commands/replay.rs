//! `fortilake replay`: publishes a stored crawl to the sinks again, without making calls.

use anyhow::anyhow;
use fortilake_crawler::{SinkReport, sink_store};
use fortilake_sink::{Partial, Phase, registry};
use fortilake_state::{Crawl, State, Status};

use super::{crawl::Publishing, crawls};
use crate::{
    again,
    args::ReplayArgs,
    baseline,
    config::{self, Env, SinkConfig},
    console::Console,
    exit::{Code, CommandError, Result},
    record::RunRecord,
    session::{self, Fingerprint, Session},
    signals, summary,
};

/// Publishes a crawl again, or redelivers dead letters.
pub(crate) fn run(args: &ReplayArgs, console: Console) -> Result {
    let env = Env::read()?;
    let state = session::open_state(args.state.state.as_deref(), &env)?;
    let config = config::sinks(args.config.as_deref(), &args.sink)?;
    let sinks = &config.sinks;
    match &args.id {
        Some(id) => {
            let kept = find(&state, id)?;
            let fingerprint = Fingerprint::of_text(&kept.fingerprint).ok_or_else(|| {
                CommandError::failed(anyhow!(
                    "crawl `{}` was stored by another version of fortilake",
                    kept.id
                ))
            })?;
            let publishing = Publishing {
                sinks,
                env: &env,
                state: Some(&state),
                partial: args.accept_partial.then_some(Partial::Publish),
                carry: None,
                limits: (!args.accept_shrink).then_some(config.limits),
                changes: config.changes,
                baseline_key: fingerprint.sources(),
                flags: again::flags(
                    args.config.as_deref(),
                    &args.sink,
                    args.state.state.as_deref(),
                ),
                console,
            };
            crawl(&kept, &publishing, &state, console)
        }
        None => super::block_on(
            &super::runtime()?,
            dead_letters(&state, &env, sinks, console),
        ),
    }
}

/// Finds a crawl by its id; `latest` is the newest one that was read completely.
fn find(state: &State, id: &str) -> Result<Crawl> {
    if id != "latest" {
        return crawls::find(state, id);
    }
    let mut crawls = state.crawls()?.into_iter();
    let latest = crawls.find(|crawl| crawl.summary.is_some());
    latest.ok_or_else(|| {
        CommandError::not_started(anyhow!("no crawl has been read completely yet"))
            .hint("`fortilake crawls` lists the crawls")
    })
}

fn crawl(kept: &Crawl, publishing: &Publishing<'_>, state: &State, console: Console) -> Result {
    super::interruptible(console, signals::STOP_TIMEOUT, async |signals| {
        let session = Session::take_up(state, &kept.id)?;
        if session.crawl.phase == Phase::Reading && kept.summary.is_none() {
            let error = anyhow!("crawl `{}` is unfinished and cannot be replayed", kept.id);
            return Err(CommandError::not_started(error).hint("`fortilake crawl` resumes it"));
        }
        let sources = session.sources()?;
        let result = publishing
            .run(
                &session,
                sources,
                &mut RunRecord::default(),
                signals.stop.clone(),
            )
            .await;
        signals.end();
        let (report, progress) = result?;
        let calls = progress.calls_by_endpoint();
        let result = summary::json(&session.crawl, &report, &calls);
        summary::print(console, &session.crawl, &report, &result, &publishing.flags);
        if summary::reached_a_sink(&report) {
            session.set_status(Status::Published, None)?;
            baseline::keep(state, &publishing.baseline_key, &session.crawl, &report)?;
        }
        Ok(summary::code(&report))
    })
}

/// Redelivers the dead letters of every sink that keeps them.
async fn dead_letters(state: &State, env: &Env, sinks: &[SinkConfig], console: Console) -> Result {
    let mut reports = Vec::new();
    for SinkConfig { label, spec } in sinks {
        let Some(redeliver) = registry::find(&spec.sink)?.redeliver else {
            continue;
        };
        let store = sink_store(state, spec)?;
        reports.push(SinkReport {
            name: label.clone(),
            result: match env.resolve(spec).await {
                Ok(options) => redeliver(options, store).await,
                Err(error) => Err(error),
            },
        });
    }
    if reports.is_empty() {
        let error = anyhow!("none of the sinks keeps dead letters");
        return Err(CommandError::not_started(error).hint("use `--sink` to name a sink that does"));
    }
    summary::print_sinks(console, &reports);
    let failed = reports.iter().any(|report| report.result.is_err());
    Ok(if failed { Code::Failed } else { Code::Complete })
}
