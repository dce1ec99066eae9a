//! The crawl that a command works on: a new one, or an earlier one that is resumed or replayed.

pub(crate) mod deliveries;
mod fingerprint;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::anyhow;
use fortilake_crawler::Source;
use fortilake_sink::{self as sink, Phase};
use fortilake_state::{
    self as state, CrawlJournal, Journal, MemoryJournal, NewCrawl, State, Status,
};

pub(crate) use self::fingerprint::Fingerprint;
use crate::{
    config::{Env, SettingOrigin},
    exit::{CommandError, Result},
    time::Span,
};

/// The program and version that crawls, as recorded in the state and in manifests.
pub(crate) const GENERATOR: &str = concat!("fortilake ", env!("CARGO_PKG_VERSION"));

/// A crawl to work on.
pub(crate) struct Session {
    /// The crawl's id and name, as sinks get them.
    pub(crate) crawl: sink::Crawl,
    /// When it began, in microseconds of Unix time.
    pub(crate) began: i64,
    /// The pages read so far.
    pub(crate) journal: Arc<dyn Journal>,
    /// The same journal in the state file; `None` for a crawl that is kept in memory only.
    stored: Option<Arc<CrawlJournal>>,
    /// How many calls earlier runs of this crawl have journaled.
    pub(crate) recalled: u64,
    /// Messages about earlier crawls, to be printed before this one starts.
    pub(crate) notes: Vec<String>,
}

/// The crawl that a run should work on next.
pub(crate) enum NextCrawl {
    /// A crawl to resume, or a new one.
    Read(Session),
    /// A crawl that was read completely but not published.
    Publish(Session),
}

/// Which earlier crawls a run may resume.
pub(crate) struct ResumeCriteria<'a> {
    /// The sources and settings of this run.
    pub(crate) fingerprint: &'a Fingerprint,
    /// Whether to start a new crawl even if one could be resumed.
    pub(crate) fresh: bool,
    /// How long a crawl may lie idle before it is abandoned instead of resumed.
    pub(crate) max_idle: Duration,
}

impl Session {
    /// A new crawl that is kept in memory only, so it cannot be resumed.
    pub(crate) fn passing(selection: sink::Selection) -> Self {
        let journal = Arc::new(MemoryJournal::default());
        let began = jiff::Timestamp::now();
        Self {
            crawl: sink::Crawl {
                selection,
                ..identity(began)
            },
            began: began.as_microsecond(),
            journal,
            stored: None,
            recalled: 0,
            notes: Vec::new(),
        }
    }

    /// Finds the newest crawl of these sources if it is unfinished, and otherwise starts a new one.
    ///
    /// A crawl is resumed only with unchanged settings, because its journal would otherwise mix
    /// pages that answer different questions. A crawl that was read completely is exempt: it makes
    /// no more calls and is published with its own settings.
    pub(crate) fn find(state: &State, criteria: &ResumeCriteria<'_>) -> Result<NextCrawl> {
        let fingerprint = criteria.fingerprint;
        let crawls = state.crawls().map_err(CommandError::from)?;
        let mut notes = Vec::new();
        let other = crawls.iter().find(|crawl| {
            crawl.status.is_unfinished()
                && crawl.records > 0
                && !fingerprint.has_sources_of(&crawl.fingerprint)
                && fingerprint.shares_a_source_with(&crawl.fingerprint)
        });
        if let Some(other) = other {
            notes.push(format!(
                "crawl {} is unfinished, but is not resumed, because its sources or API users \
                 differ from those of this run",
                other.id
            ));
        }
        let same = crawls
            .into_iter()
            .find(|crawl| fingerprint.has_sources_of(&crawl.fingerprint));
        let Some(crawl) = same.filter(|crawl| crawl.status.is_unfinished() && !criteria.fresh)
        else {
            return Self::begin(state, fingerprint, notes).map(NextCrawl::Read);
        };
        let session = Self::take_up(state, &crawl.id)?;
        // Settings that have changed since do not matter for a crawl that was read completely.
        if fortilake_crawler::reading_has_ended(&*session.journal)? {
            if session.crawl.selection == *fingerprint.selection() {
                return Ok(NextCrawl::Publish(Self { notes, ..session }));
            }
            // It belongs to other sinks, and its row counts say nothing about this run.
            notes.push(format!(
                "crawl {0} was read but not published, and covers another selection; run \
                 `fortilake replay {0}` to publish it",
                crawl.id
            ));
            drop(session);
            return Self::begin(state, fingerprint, notes).map(NextCrawl::Read);
        }
        let differences = fingerprint.differences(&crawl.fingerprint);
        if differences.is_empty() {
            let idle = state.last_activity(&crawl)?;
            let idle = jiff::Timestamp::now().as_microsecond().saturating_sub(idle);
            if idle <= i64::try_from(criteria.max_idle.as_micros()).unwrap_or(i64::MAX) {
                return Ok(NextCrawl::Read(Self { notes, ..session }));
            }
            session.set_status(Status::Abandoned, None)?;
            if crawl.records > 0 {
                notes.push(format!(
                    "crawl {} has been idle for {} and is abandoned (`max_idle`); starting a new \
                     crawl",
                    crawl.id,
                    Span(Duration::from_micros(idle.unsigned_abs()))
                ));
            }
            drop(session);
            return Self::begin(state, fingerprint, notes).map(NextCrawl::Read);
        }
        drop(session);
        // A crawl without any response, such as one with a wrong password, holds nothing worth
        // resuming. It must not force anyone to use `--fresh`.
        if crawl.records == 0 {
            return Self::begin(state, fingerprint, notes).map(NextCrawl::Read);
        }
        let error = anyhow!(
            "crawl `{}` is unfinished and cannot be resumed, because the settings changed: {}",
            crawl.id,
            differences.join("; ")
        );
        Err(CommandError::not_started(error)
            .hint("undo the change to resume it, or pass `--fresh` to start a new crawl"))
    }

    fn begin(state: &State, fingerprint: &Fingerprint, notes: Vec<String>) -> Result<Self> {
        let began = jiff::Timestamp::now();
        let crawl = sink::Crawl {
            selection: fingerprint.selection().clone(),
            ..identity(began)
        };
        let journal = state.begin(&NewCrawl {
            id: crawl.id.clone(),
            snapshot: crawl.name.clone(),
            fingerprint: fingerprint.to_text(),
            version: GENERATOR.to_owned(),
        })?;
        Ok(Self {
            notes,
            ..Self::stored(crawl, began, journal, 0)
        })
    }

    /// Opens a stored crawl, finished or not; an error if another process is working on it.
    pub(crate) fn take_up(state: &State, id: &str) -> Result<Self> {
        let journal = state.take_up(id)?;
        let kept = journal.crawl()?;
        let began =
            jiff::Timestamp::from_microsecond(kept.created_at).map_err(CommandError::failed)?;
        let fingerprint = Fingerprint::of_text(&kept.fingerprint);
        let phase = if fortilake_crawler::reading_has_ended(&journal)? {
            Phase::Ended
        } else {
            Phase::Reading
        };
        let crawl = sink::Crawl {
            id: kept.id,
            name: kept.snapshot,
            phase,
            selection: fingerprint.map_or_else(Default::default, |print| print.selection().clone()),
            ..identity(began)
        };
        Ok(Self::stored(crawl, began, journal, kept.records))
    }

    fn stored(
        crawl: sink::Crawl,
        began: jiff::Timestamp,
        journal: CrawlJournal,
        recalled: u64,
    ) -> Self {
        let stored = Arc::new(journal);
        Self {
            crawl,
            began: began.as_microsecond(),
            journal: stored.clone(),
            stored: Some(stored),
            recalled,
            notes: Vec::new(),
        }
    }

    /// The sources of a stored crawl, without clients: its journal is read again without calls.
    pub(crate) fn sources(&self) -> Result<Vec<Source>> {
        let kept = match &self.stored {
            Some(stored) => stored.crawl()?.fingerprint,
            None => String::new(),
        };
        let fingerprint = Fingerprint::of_text(&kept).ok_or_else(|| {
            let id = &self.crawl.id;
            CommandError::failed(anyhow!(
                "crawl `{id}` was stored by another version of fortilake"
            ))
        })?;
        let source = |settings| Source {
            settings,
            clients: Vec::new(),
            concurrency: 1,
            older: None,
        };
        Ok(fingerprint.settings().map(source).collect())
    }

    /// Whether another run can resume this crawl.
    pub(crate) fn is_resumable(&self) -> bool {
        self.stored.is_some()
    }

    /// Stores the status of the crawl, and its summary if it has finished.
    pub(crate) fn set_status(
        &self,
        status: Status,
        summary: Option<&serde_json::Value>,
    ) -> Result<()> {
        match (&self.stored, summary) {
            (None, _) => {}
            (Some(stored), None) => stored.set_status(status)?,
            (Some(stored), Some(summary)) => stored.finish(status, &summary.to_string())?,
        }
        Ok(())
    }
}

/// The id and name of a crawl that begins at this time.
///
/// The id has a random part, because two crawls can begin in the same second.
pub(crate) fn identity(began: jiff::Timestamp) -> sink::Crawl {
    use std::hash::{BuildHasher, RandomState};
    let name = began.strftime("%Y%m%dT%H%M%SZ").to_string();
    // The hasher's random keys come from the operating system, so the ids of two machines differ, too.
    let random = RandomState::new().hash_one(std::process::id()) & 0xffff_ffff;
    let id = format!("{name}-{random:08x}");
    sink::Crawl {
        edition: id.clone(),
        id,
        name,
        phase: Phase::Reading,
        selection: sink::Selection::default(),
        started_at: began.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        generator: GENERATOR.to_owned(),
    }
}

/// Opens the state in this folder or database, else in `$FORTILAKE_STATE`, else in the user's state
/// folder.
pub(crate) fn open_state(place: Option<&Path>, env: &Env) -> Result<State> {
    let (place, _) = state_place(place, env)?;
    let clock: fortilake_auth::Clock = Arc::new(|| jiff::Timestamp::now().as_microsecond());
    match url_of(&place) {
        Some(url) => open_database(url, env, &clock),
        None => State::open(&place, clock).map_err(CommandError::from),
    }
}

/// The variable with the key that encrypts tokens in a database.
#[cfg(feature = "postgres")]
const STATE_KEY: &str = "FORTILAKE_STATE_KEY";

#[cfg(feature = "postgres")]
fn open_database(url: &str, env: &Env, clock: &fortilake_auth::Clock) -> Result<State> {
    let config = state::PostgresConfig::parse(url)?;
    let key = env.get(STATE_KEY).ok_or_else(|| {
        CommandError::not_started(anyhow!(
            "a state in PostgreSQL needs a key that encrypts tokens, but `{STATE_KEY}` is not set"
        ))
        .hint(
            "make a key with `openssl rand -hex 32`, and set it on every machine that uses this \
             state",
        )
    })?;
    let key = state::TokenKey::parse(&key).map_err(|error| {
        CommandError::from(error).context(format!("`{STATE_KEY}` cannot be used"))
    })?;
    State::open_postgres(config, key, clock).map_err(CommandError::from)
}

#[cfg(not(feature = "postgres"))]
fn open_database(_: &str, _: &Env, _: &fortilake_auth::Clock) -> Result<State> {
    Err(CommandError::not_started(anyhow!(
        "a state in PostgreSQL needs a build with the feature `postgres`"
    ))
    .hint("build with `--features postgres`, or use a folder: `--state DIR`"))
}

/// The URL of a state in a database; `None` for a folder.
fn url_of(place: &Path) -> Option<&str> {
    let text = place.to_str()?;
    let is_url = text.starts_with("postgres://") || text.starts_with("postgresql://");
    is_url.then_some(text)
}

/// The place of the state for messages. A URL can contain a password, so it is shown without one.
pub(crate) fn shown_place(place: &Path) -> String {
    match url_of(place) {
        None => place.display().to_string(),
        #[cfg(feature = "postgres")]
        Some(url) => match state::PostgresConfig::parse(url) {
            Ok(config) => config.shown(),
            Err(_) => HIDDEN_URL.to_owned(),
        },
        #[cfg(not(feature = "postgres"))]
        Some(_) => HIDDEN_URL.to_owned(),
    }
}

/// Stands for a URL that may contain a password.
const HIDDEN_URL: &str = "postgres://…";

/// The folder or the URL of the state, and who chose it.
pub(crate) fn state_place(directory: Option<&Path>, env: &Env) -> Result<(PathBuf, SettingOrigin)> {
    if let Some(directory) = directory {
        return Ok((directory.to_owned(), SettingOrigin::Flag("--state")));
    }
    let variable = |name| {
        let in_file = env.is_in_file(name)?;
        Some((env.get(name)?, SettingOrigin::Variable { name, in_file }))
    };
    if let Some((directory, origin)) = variable("FORTILAKE_STATE") {
        return Ok((directory.into(), origin));
    }
    if let Some((home, origin)) = variable("XDG_STATE_HOME") {
        return Ok((PathBuf::from(home).join("fortilake"), origin));
    }
    // `home_dir` also works where `$HOME` is not set, as in some cron jobs.
    let home = std::env::home_dir().ok_or_else(|| {
        CommandError::not_started(anyhow!(
            "cannot find your home folder to store the state in"
        ))
        .hint("set a folder with `--state DIR` or `FORTILAKE_STATE`")
    })?;
    Ok((home.join(".local/state/fortilake"), SettingOrigin::Default))
}

impl From<state::Error> for CommandError {
    fn from(error: state::Error) -> Self {
        use state::Kind;
        let hint = error.hint().map(str::to_owned);
        let failure = match error.kind() {
            Kind::Held | Kind::Unavailable => Self::busy(error),
            Kind::Missing | Kind::Newer | Kind::Refused => Self::not_started(error),
            _ => Self::failed(error),
        };
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
