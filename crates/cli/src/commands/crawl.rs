//! `fortilake crawl`: reads the sources and publishes a snapshot.

mod prepare;

use std::{fs, path::Path, sync::Arc};

use anyhow::{Context as _, anyhow};
use fortilake_crawler::{
    Crawl, Guard, Incomplete, Kind, Report, Source,
    sink::nearest,
    state::{State, Status},
    tables_of,
};

use crate::{
    args::{CrawlArgs, SourceArgs},
    baseline,
    config::{self, Config, Env, SinkConfig, SourceConfig},
    connect::{self, Time},
    console::Console,
    exit::{Code, Failure, Result},
    progress::Progress,
    session::{self, Session},
    signals, summary,
};

/// Crawls and publishes. The summary is written however the run ends, errors included.
pub(crate) fn run(args: &CrawlArgs, console: Console) -> Result {
    // What is simulated needs no variables, so a `.env` file that cannot be read is no matter.
    let (config, env) = if args.simulate {
        (simulated(args)?, Env::default())
    } else {
        let env = Env::read()?;
        let config = selected(args.config.as_deref(), &args.source, &args.sink, &env)?;
        (config, env)
    };
    if let Some(path) = &args.summary {
        try_summary(path)?;
    }
    super::interruptible(console, |signals| {
        crawl(args, &config, &env, signals, console)
    })
}

async fn crawl(
    args: &CrawlArgs,
    config: &Config,
    env: &Env,
    signals: signals::Watch,
    console: Console,
) -> Result {
    // A simulated crawl leaves no state, unless `--state` asks for one to try out resuming.
    let passing = args.simulate && args.state.state.is_none();
    let state = if passing {
        None
    } else {
        Some(session::open_state(args.state.state.as_deref(), env)?)
    };
    let terms = prepare::terms(args, state.as_ref(), console);
    let (mut sources, fingerprint) = prepare::sources(args, config, env, &terms)?;
    let session = match &state {
        None => Session::passing(),
        Some(state) => Session::resume_or_begin(state, &fingerprint, args.fresh)?,
    };
    if let Some(state) = &state {
        prepare::lend_details(&mut sources, config, state, &fingerprint, &session)?;
    }
    let reach = fingerprint.reach();
    let guard = match &state {
        Some(state) if !args.accept_shrink => baseline::guard(state, &reach, config.max_shrink)?,
        _ => None,
    };
    if !args.account.is_empty() {
        console.note("reading the named accounts alone: the tables will hold nothing else\n");
    }
    if let Some(id) = &session.passed_over {
        console.note(&format!(
            "crawl {id} is unfinished and not resumed: its sources or their users are not all the \
             same\n",
        ));
    }
    if session.recalled > 0 {
        console.note(&format!(
            "resuming crawl {}: {} calls are answered already\n",
            session.crawl.id, session.recalled
        ));
    }
    let terms = Publishing {
        sinks: &config.sinks,
        state: state.as_ref(),
        incomplete: if args.require_complete {
            Incomplete::Discard
        } else {
            Incomplete::Publish
        },
        guard,
    };
    let clients: Vec<_> = sources
        .iter()
        .filter_map(|source| source.client.clone())
        .collect();
    let result = publish(&session, sources, terms, signals, console).await;
    // Whatever became of the crawl, and before anything of the state can fail.
    connect::sign_out(&clients, console).await;
    let (report, code) = end(&session, result, args, console)?;
    if let Some(state) = &state {
        if summary::reached_a_sink(&report) {
            baseline::keep(state, &reach, &session.crawl, &report)?;
        }
        state.retain(config.keep)?;
    }
    Ok(code)
}

/// Where to and on what terms a crawl is published.
pub(crate) struct Publishing<'a> {
    /// The sinks to publish to, in order.
    pub(crate) sinks: &'a [SinkConfig],
    /// Where the sinks remember things, if they may.
    pub(crate) state: Option<&'a State>,
    /// What to do if scopes failed.
    pub(crate) incomplete: Incomplete,
    /// What to do if rows are missing.
    pub(crate) guard: Option<Guard>,
}

/// Runs the crawl from opening the sinks to their end.
pub(crate) async fn publish(
    session: &Session,
    sources: Vec<Source>,
    terms: Publishing<'_>,
    signals: signals::Watch,
    console: Console,
) -> Result<(Report, Progress)> {
    let endpoints: Vec<&str> = sources
        .iter()
        .flat_map(|source| source.settings.endpoints())
        .collect();
    let tables = tables_of(&endpoints);
    session.begin_deliveries(terms.sinks)?;
    let sinks = super::open_sinks(terms.sinks, &session.crawl, &tables, terms.state).await?;
    let clients = sources
        .iter()
        .filter_map(|source| source.client.clone())
        .collect();
    let progress = Progress::start(console, clients);
    let crawl = Crawl {
        id: session.crawl.id.clone(),
        sources,
        tables,
        sinks,
        incomplete: terms.incomplete,
        guard: terms.guard,
        journal: session.journal.clone(),
        clock: Arc::new(|| jiff::Timestamp::now().as_microsecond()),
        observer: progress.observer(),
        stop: signals.stop.clone(),
    };
    let result = crawl.run().await;
    signals.end();
    progress.end().await;
    match result {
        Ok(report) => {
            session.end_deliveries(&report.sinks)?;
            Ok((report, progress))
        }
        Err(error) => {
            Err(stopped_short(session, &error, &progress).unwrap_or_else(|| error.into()))
        }
    }
}

/// What to tell of a crawl that can go on later.
fn stopped_short(
    session: &Session,
    error: &fortilake_crawler::Error,
    progress: &Progress,
) -> Option<Failure> {
    let (code, what) = match error.kind() {
        Kind::Paused => (Code::Paused, "paused"),
        Kind::Interrupted => (Code::Interrupted, "interrupted"),
        _ => return None,
    };
    let why = match error.pause() {
        Some(pause) => format!(": {}", pause.reason),
        None => String::new(),
    };
    let failure = Failure {
        code,
        error: anyhow!("{what}{why}, after {} calls", progress.answered()),
        hint: None,
    };
    let when = match error.pause() {
        Some(pause) => format!("from {} on, the same command", Time(pause.resume_at)),
        None => "the same command".to_owned(),
    };
    Some(if session.is_resumable() {
        failure.hint(format!(
            "nothing is lost: {when} resumes crawl {}",
            session.crawl.id
        ))
    } else {
        failure.hint(format!("nothing was published; {when} begins anew"))
    })
}

/// What becomes of a crawl that did not come to its end.
///
/// One that could read nothing, such as that of an account that is not there, is no crawl to go on
/// with, and must not be in the way of the next.
fn left_as(failure: &Failure) -> Status {
    let error = failure.error.downcast_ref::<fortilake_crawler::Error>();
    match error.map(fortilake_crawler::Error::kind) {
        Some(Kind::Unreadable) => Status::Discarded,
        _ => Status::Paused,
    }
}

/// Tells how the crawl ended, and keeps it in the state.
fn end(
    session: &Session,
    result: Result<(Report, Progress)>,
    args: &CrawlArgs,
    console: Console,
) -> Result<(Report, Code)> {
    let (report, progress) = match result {
        Ok(ended) => ended,
        Err(failure) => {
            // The first failure is the one to tell; a state that cannot be written is told next time.
            let _ = session.set_status(left_as(&failure), None);
            return Err(failure);
        }
    };
    console.note(&summary::text(&session.crawl, &report));
    let summary = summary::json(&session.crawl, &report, &progress.calls_by_endpoint());
    // Where one sink has the snapshot, a replay brings it to the others; the next crawl is a new one.
    let status = match (report.published, summary::reached_a_sink(&report)) {
        (false, _) => Status::Discarded,
        (true, false) => Status::Done,
        (true, true) => Status::Published,
    };
    if session.is_resumable() && summary::code(&report) == Code::Failed {
        let what = match status {
            Status::Done => "the same command publishes it without a call".to_owned(),
            _ => format!(
                "`fortilake replay {}` publishes it without a call",
                session.crawl.id
            ),
        };
        console.note(&format!("\nhint: nothing is lost: {what}\n"));
    }
    session.set_status(status, Some(&summary))?;
    if let Some(path) = &args.summary {
        write_summary(path, &summary)?;
    }
    let code = summary::code(&report);
    Ok((report, code))
}

/// Finds out before the crawl whether the summary can be written, and leaves all as it was.
fn try_summary(path: &Path) -> Result<()> {
    let is_new = !path.exists();
    let opened = fs::OpenOptions::new().append(true).create(true).open(path);
    opened
        .with_context(|| format!("the summary `{}` cannot be written", path.display()))
        .map_err(Failure::not_started)?;
    if is_new {
        fs::remove_file(path).map_err(Failure::not_started)?;
    }
    Ok(())
}

fn write_summary(path: &Path, summary: &serde_json::Value) -> Result<()> {
    fs::write(path, format!("{summary:#}\n"))
        .with_context(|| {
            format!(
                "the crawl is done, but its summary `{}` cannot be written",
                path.display()
            )
        })
        .map_err(Failure::failed)
}

/// The configured sources that a command is about.
pub(crate) fn of_args(args: &SourceArgs, env: &Env) -> Result<Config> {
    selected(args.config.as_deref(), &args.source, &[], env)
}

fn selected(path: Option<&Path>, names: &[String], sinks: &[String], env: &Env) -> Result<Config> {
    let mut config = config::load(path, sinks, env)?;
    for name in names {
        if !config.sources.iter().any(|source| source.name == *name) {
            let known = config.sources.iter().map(|source| source.name.as_str());
            let failure = Failure::not_started(anyhow!("no source is named `{name}`"));
            return Err(match nearest(name, known.clone()) {
                Some(known) => failure.hint(format!("did you mean `{known}`?")),
                None => failure.hint(format!(
                    "there are: {}",
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

fn simulated(args: &CrawlArgs) -> Result<Config> {
    let sources = vec![SourceConfig::new("simulated")];
    Ok(Config {
        sources,
        sinks: config::sink_specs(&args.sink)?,
        keep: config::KEEP,
        max_shrink: config::MAX_SHRINK,
    })
}
