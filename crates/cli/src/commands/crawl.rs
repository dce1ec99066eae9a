//! `fortilake crawl`: reads the sources and publishes a snapshot.

mod changes;
mod paused;
mod prepare;
mod usage;

use std::{path::Path, sync::Arc};

use anyhow::anyhow;
use fortilake_crawler::{
    Carry, Crawl, Incomplete, Kind, Report, ShrinkLimits, Source, changes_table, edition, tables_of,
};
use fortilake_sink::{self as sink, Partial, nearest};
use fortilake_state::{State, Status};
use tokio::sync::watch;
use tracing::Instrument as _;

pub(crate) use self::usage::write_usage_error;
use super::SinkOpener;

use crate::{
    again,
    args::{CrawlArgs, SourceArgs},
    baseline,
    config::{self, Config, Env, SinkConfig, SourceConfig},
    connect,
    console::Console,
    exit::{Code, CommandError, Result},
    metrics::MetricsTarget,
    organization,
    progress::Progress,
    record::RunRecord,
    session::{self, NextCrawl, ResumeCriteria, Session},
    signals,
    summary::{self, SummaryTarget},
    traces,
};

/// Crawls and publishes. The summary is written however the run ends, errors included.
pub(crate) fn run(args: &CrawlArgs, console: Console) -> Result {
    let summary = SummaryTarget::open(args.summary.as_deref(), console)?;
    let mut record = RunRecord::default();
    let result = measured(args, &mut record, console);
    summary.write(record.summary, &result)?;
    result
}

/// Crawls and writes the metrics, if they are wanted. That they cannot be written is an error like
/// any other, so it is in the summary too.
fn measured(args: &CrawlArgs, record: &mut RunRecord, console: Console) -> Result {
    let metrics = MetricsTarget::open(args.metrics_file.as_deref())?;
    let result = configured(args, record, console);
    let written = metrics.write(record, &result);
    let code = result?;
    written?;
    Ok(code)
}

fn configured(args: &CrawlArgs, record: &mut RunRecord, console: Console) -> Result {
    // A simulation needs no variables, so it must also work where `.env` cannot be read. Its sinks may.
    let (config, env) = if args.simulate {
        let sources = vec![SourceConfig::new("simulated")];
        let sinks = config::sink_specs(&args.sink)?;
        (Config::new(sources, sinks), Env::process())
    } else {
        let env = Env::read()?;
        let config = selected(args.config.as_deref(), &args.source, &args.sink, &env)?;
        (config, env)
    };
    super::interruptible(console, config.stop_timeout, |signals| {
        crawl(args, &config, &env, record, signals, console)
    })
}

async fn crawl(
    args: &CrawlArgs,
    config: &Config,
    env: &Env,
    record: &mut RunRecord,
    signals: signals::SignalHandler,
    console: Console,
) -> Result {
    // A simulated crawl leaves no state, unless `--state` asks for one to try out resuming.
    let passing = args.simulate && args.state.state.is_none();
    let state = if passing {
        None
    } else {
        Some(session::open_state(args.state.state.as_deref(), env)?)
    };
    let context = prepare::context(args, state.as_ref(), console);
    let (mut sources, fingerprint) = prepare::sources(args, config, env, &context)?;
    let mut publishing = Publishing {
        sinks: &config.sinks,
        env,
        state: state.as_ref(),
        partial: partial(args, config),
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
    let search = ResumeCriteria {
        fingerprint: &fingerprint,
        fresh: args.fresh,
        max_idle: config.max_idle,
    };
    let session = match &state {
        None => Session::passing(fingerprint.selection().clone()),
        Some(state) => match Session::find(state, &search)? {
            NextCrawl::Read(session) => session,
            NextCrawl::Publish(read) => {
                let code = publish_read(&read, &publishing, record, signals.stop.clone()).await?;
                // A sink that failed now would also fail for the new crawl, after all its calls.
                if code == Code::Failed {
                    return Ok(code);
                }
                // If the new crawl fails, the earlier one must not pass for its result.
                record.summary = None;
                // Releases the lock on the published crawl, so that it can be looked at again.
                drop(read);
                match Session::find(state, &search)? {
                    NextCrawl::Read(session) | NextCrawl::Publish(session) => session,
                }
            }
        },
    };
    if let Some(state) = &state {
        prepare::attach_earlier_details(&mut sources, config, state, &fingerprint, &session)?;
        organization::recall(&mut sources, state, &fingerprint)?;
        publishing.carry = prepare::carry(args, config, state, &fingerprint, &session)?;
    }
    for note in &session.notes {
        console.note(&format!("{note}\n"));
    }
    if session.recalled > 0 {
        console.note(&format!(
            "resuming crawl {}: {} already made\n",
            session.crawl.id,
            summary::count(session.recalled, "call")
        ));
    }
    let named = sources
        .iter()
        .map(|source| (source.settings.source.clone(), source.clients.clone()));
    record.clients = named.collect();
    let clients: Vec<_> = sources
        .iter()
        .flat_map(|source| source.clients.clone())
        .collect();
    let result = publishing
        .run(&session, sources, record, signals.stop.clone())
        .await;
    signals.end();
    // Sign out even if the crawl failed, and before writing to the state can fail: a FortiPortal
    // token that stays behind blocks the next sign-in.
    connect::sign_out(&clients, console).await;
    let code = publishing.end(&session, result, record)?;
    if let Some(state) = &state {
        state.retain(config.keep)?;
    }
    Ok(code)
}

/// What to do with a partial snapshot; a flag wins over the configuration file.
fn partial(args: &CrawlArgs, config: &Config) -> Option<Partial> {
    if args.require_complete {
        Some(Partial::Refuse)
    } else if args.accept_partial {
        Some(Partial::Publish)
    } else {
        config.partial
    }
}

/// Publishes a crawl that an earlier run read completely but did not publish. Makes no calls.
///
/// The pages may be hours old, so they are published as the earlier crawl and not as the new one.
/// The new crawl then reads everything itself. The price is that one command can publish two
/// snapshots.
async fn publish_read(
    session: &Session,
    publishing: &Publishing<'_>,
    record: &mut RunRecord,
    stop: watch::Receiver<bool>,
) -> Result {
    publishing.console.note(&format!(
        "crawl {} was read but not published; publishing it first, without making calls\n",
        session.crawl.id
    ));
    // This is what `replay` does.
    let span = traces::command("replay");
    let publish = async {
        let sources = session.sources()?;
        let result = publishing.run(session, sources, record, stop).await;
        publishing.end(session, result, record)
    };
    let result = publish.instrument(span.clone()).await;
    traces::ended(&span, &result);
    result
}

/// Where crawls are published, and the conditions for publishing them.
pub(crate) struct Publishing<'a> {
    /// The sinks to publish to, in order.
    pub(crate) sinks: &'a [SinkConfig],
    /// Resolves references to environment variables, files and commands.
    pub(crate) env: &'a Env,
    /// Where sinks store what they need in later runs; `None` if the run must leave no state.
    pub(crate) state: Option<&'a State>,
    /// What to do with a partial snapshot; `None` leaves the choice to each sink.
    pub(crate) partial: Option<Partial>,
    /// The earlier crawls whose rows are published in place of scopes that cannot be read; `None`
    /// publishes only what the crawl reads.
    pub(crate) carry: Option<Carry>,
    /// How many rows may disappear; `None` turns the shrink guard off.
    pub(crate) limits: Option<ShrinkLimits>,
    /// Whether the table `changes` is part of the snapshot.
    pub(crate) changes: bool,
    /// The sources and their users, as the key under which the row counts are stored.
    pub(crate) baseline_key: String,
    /// The flags that other commands need to work on the same sinks and state, for hints.
    pub(crate) flags: String,
    /// Where progress and the summary are printed.
    pub(crate) console: Console,
}

impl Publishing<'_> {
    /// Opens the sinks, runs the crawl and finishes the sinks.
    pub(crate) async fn run(
        &self,
        session: &Session,
        sources: Vec<Source>,
        record: &mut RunRecord,
        stop: watch::Receiver<bool>,
    ) -> Result<(Report, Progress)> {
        let endpoints: Vec<&str> = sources
            .iter()
            .flat_map(|source| source.settings.endpoints())
            .collect();
        let mut tables = tables_of(&endpoints);
        if self.changes {
            tables.push(changes_table());
        }
        let identity = sink::Crawl {
            edition: edition(&session.crawl.id, &tables),
            ..session.crawl.clone()
        };
        traces::works_on(&identity);
        let finder = || changes::finder(&identity, &tables, self.sinks, self.env, self.state);
        let changes = self.changes.then(finder).transpose()?;
        // Recorded before the sinks are opened, because opening may already create files that have
        // to be cleaned up if this process dies.
        session.begin_deliveries(self.sinks)?;
        let opening = SinkOpener {
            crawl: &identity,
            tables: &tables,
            state: self.state,
            env: self.env,
            partial: self.partial,
        };
        let sinks = opening.open(self.sinks).await?;
        let clients = sources
            .iter()
            .map(|source| source.clients.clone())
            .collect();
        let guard = match (self.state, self.limits) {
            (Some(state), Some(limits)) => {
                Some(baseline::guard(state, &self.baseline_key, limits)?)
            }
            // Without state there is no earlier crawl to compare with.
            _ => None,
        };
        let progress = Progress::start(self.console, clients);
        record.calls = Some(progress.tally());
        let crawl = Crawl {
            identity,
            sources,
            tables,
            sinks,
            incomplete: match self.partial {
                Some(Partial::Refuse) => Incomplete::Discard,
                _ => Incomplete::Publish,
            },
            carry: self.carry.clone(),
            guard,
            changes,
            journal: session.journal.clone(),
            clock: Arc::new(|| jiff::Timestamp::now().as_microsecond()),
            observer: progress.observer(),
            stop,
        };
        let result = crawl.run().await;
        progress.end().await;
        match result {
            Ok(report) => {
                session.end_deliveries(&report.sinks)?;
                Ok((report, progress))
            }
            Err(error) => {
                Err(paused::failure(session, &error, &progress).unwrap_or_else(|| error.into()))
            }
        }
    }

    /// Prints how the crawl ended, stores its status and returns the exit code.
    pub(crate) fn end(
        &self,
        session: &Session,
        result: Result<(Report, Progress)>,
        record: &mut RunRecord,
    ) -> Result {
        let (report, progress) = match result {
            Ok(ended) => ended,
            Err(failure) => {
                // Only the first failure is reported. If the state cannot be written either, the
                // next run reports that.
                let _ = session.set_status(left_as(session, &failure), None);
                return Err(failure);
            }
        };
        let console = self.console;
        let summary = summary::json(&session.crawl, &report, &progress.calls_by_endpoint());
        summary::print(console, &session.crawl, &report, &summary, &self.flags);
        let status = ended_as(&report);
        let code = summary::code(&report);
        if session.is_resumable() && code == Code::Failed {
            let what = match status {
                Status::Done => {
                    "run the same command again to publish it, without making calls".to_owned()
                }
                _ => format!(
                    "run `fortilake replay {}{}` to publish it to the other sinks, without making calls",
                    session.crawl.id, self.flags
                ),
            };
            console.problem(&format!("\nhint: nothing is lost; {what}\n"));
        }
        session.set_status(status, Some(&summary))?;
        record.summary = Some(summary);
        if let Some(state) = self.state.filter(|_| summary::reached_a_sink(&report)) {
            baseline::keep(state, &self.baseline_key, &session.crawl, &report)?;
        }
        Ok(code)
    }
}

/// The status of a crawl that was read completely.
///
/// If at least one sink has published the snapshot, the crawl counts as published: the next run
/// starts a new crawl, and `replay` can publish this one to the other sinks. A refused snapshot is
/// not tried again automatically, because only a person can decide to accept it.
fn ended_as(report: &Report) -> Status {
    if summary::reached_a_sink(report) {
        return Status::Published;
    }
    let mut errors = report
        .sinks
        .iter()
        .filter_map(|sink| sink.result.as_ref().err());
    if report.published && errors.any(|error| error.kind() != sink::Kind::Refused) {
        Status::Done
    } else {
        Status::Discarded
    }
}

/// The status of a crawl that was not read completely.
///
/// A crawl that could read nothing, such as one of an account that does not exist, is discarded.
/// It would otherwise be resumed by the next run and fail in the same way again.
fn left_as(session: &Session, failure: &CommandError) -> Status {
    let error = failure.error.downcast_ref::<fortilake_crawler::Error>();
    match error.map(fortilake_crawler::Error::kind) {
        Some(Kind::Unreadable) => Status::Discarded,
        // The sinks could not be opened, so no call was made and there is nothing to resume.
        None if session.recalled == 0
            && matches!(failure.code, Code::NotStarted | Code::Refused) =>
        {
            Status::Discarded
        }
        _ => Status::Paused,
    }
}

/// Loads the configuration, limited to the sources that `--source` names.
pub(crate) fn load_sources(args: &SourceArgs, sinks: &[String], env: &Env) -> Result<Config> {
    selected(args.config.as_deref(), &args.source, sinks, env)
}

fn selected(path: Option<&Path>, names: &[String], sinks: &[String], env: &Env) -> Result<Config> {
    let mut config = config::load(path, sinks, env)?;
    for name in names {
        if !config.sources.iter().any(|source| source.name == *name) {
            let known = config.sources.iter().map(|source| source.name.as_str());
            let failure = CommandError::not_started(anyhow!("there is no source `{name}`"));
            return Err(match nearest(name, known.clone()) {
                Some(known) => failure.hint(format!("did you mean `{known}`?")),
                None => failure.hint(format!(
                    "the sources are: {}",
                    known.collect::<Vec<_>>().join(", ")
                )),
            });
        }
    }
    if !names.is_empty() {
        config.sources.retain(|source| names.contains(&source.name));
    }
    Ok(config)
}
