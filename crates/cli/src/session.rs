//! The crawl that a command works on: a new one, or an earlier one that is resumed or replayed.

pub(crate) mod deliveries;
mod fingerprint;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::anyhow;
use fortilake_crawler::{
    sink,
    state::{self, CrawlJournal, Journal, MemoryJournal, NewCrawl, State, Status},
};

pub(crate) use self::fingerprint::Fingerprint;
use crate::{
    config::Env,
    exit::{Failure, Result},
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
    /// An unfinished crawl that has some of these sources, and is another one all the same.
    pub(crate) passed_over: Option<String>,
}

impl Session {
    /// A crawl that ends with the process.
    pub(crate) fn passing() -> Self {
        let journal = Arc::new(MemoryJournal::default());
        let began = jiff::Timestamp::now();
        Self {
            crawl: identity(began),
            began: began.as_microsecond(),
            journal,
            stored: None,
            recalled: 0,
            passed_over: None,
        }
    }

    /// The newest crawl of these sources if something is left to do for it, else a new one.
    pub(crate) fn resume_or_begin(
        state: &State,
        fingerprint: &Fingerprint,
        fresh: bool,
    ) -> Result<Self> {
        let crawls = state.crawls().map_err(Failure::from)?;
        let other = crawls.iter().find(|crawl| {
            crawl.status.is_unfinished()
                && crawl.records > 0
                && !fingerprint.has_sources_of(&crawl.fingerprint)
                && fingerprint.shares_a_source_with(&crawl.fingerprint)
        });
        let passed_over = other.map(|crawl| crawl.id.clone());
        let same = crawls
            .into_iter()
            .find(|crawl| fingerprint.has_sources_of(&crawl.fingerprint));
        match same.filter(|crawl| crawl.status.is_unfinished() && !fresh) {
            None => Ok(Self {
                passed_over,
                ..Self::begin(state, fingerprint)?
            }),
            Some(crawl) => {
                let differences = fingerprint.differences(&crawl.fingerprint);
                if differences.is_empty() {
                    return Self::take_up(state, &crawl.id);
                }
                // Nothing is lost with a crawl that got no answer, such as one with a wrong password.
                if crawl.records == 0 {
                    return Self::begin(state, fingerprint);
                }
                let error = anyhow!(
                    "crawl `{}` is unfinished and cannot be resumed, because this differs: {}",
                    crawl.id,
                    differences.join("; ")
                );
                Err(Failure::not_started(error)
                    .hint("undo the change to resume it, or give it up with `--fresh`"))
            }
        }
    }

    fn begin(state: &State, fingerprint: &Fingerprint) -> Result<Self> {
        let began = jiff::Timestamp::now();
        let crawl = identity(began);
        let journal = state.begin(&NewCrawl {
            id: crawl.id.clone(),
            snapshot: crawl.snapshot.clone(),
            fingerprint: fingerprint.to_text(),
            version: GENERATOR.to_owned(),
        })?;
        Ok(Self::stored(crawl, began, journal, 0))
    }

    /// Opens a stored crawl, finished or not; an error if another process is working on it.
    pub(crate) fn take_up(state: &State, id: &str) -> Result<Self> {
        let journal = state.take_up(id)?;
        let kept = journal.crawl()?;
        let began = jiff::Timestamp::from_microsecond(kept.created_at).map_err(Failure::failed)?;
        let crawl = sink::Crawl {
            id: kept.id,
            snapshot: kept.snapshot,
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
            passed_over: None,
        }
    }

    /// Whether another run can go on where this one stops.
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
    let snapshot = began.strftime("%Y%m%dT%H%M%SZ").to_string();
    let random = RandomState::new().hash_one(std::process::id()) & 0xffff_ffff;
    sink::Crawl {
        id: format!("{snapshot}-{random:08x}"),
        snapshot,
        started_at: began.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        generator: GENERATOR.to_owned(),
    }
}

/// Opens the state in this folder, else in `$FORTILAKE_STATE`, else in the user's state folder.
pub(crate) fn open_state(directory: Option<&Path>, env: &Env) -> Result<State> {
    let directory = match directory {
        Some(directory) => directory.to_owned(),
        None => default_directory(env).ok_or_else(|| {
            Failure::not_started(anyhow!("there is no folder to keep the state in"))
                .hint("name one with `--state DIR` or `FORTILAKE_STATE`")
        })?,
    };
    let clock = Arc::new(|| jiff::Timestamp::now().as_microsecond());
    State::open(&directory, clock).map_err(Failure::from)
}

fn default_directory(env: &Env) -> Option<PathBuf> {
    if let Some(directory) = env.get("FORTILAKE_STATE") {
        return Some(directory.into());
    }
    let home = match env.get("XDG_STATE_HOME") {
        Some(home) => PathBuf::from(home),
        // `home_dir` also works where `$HOME` is not set, as in some cron jobs.
        None => std::env::home_dir()?.join(".local/state"),
    };
    Some(home.join("fortilake"))
}

impl From<state::Error> for Failure {
    fn from(error: state::Error) -> Self {
        use state::Kind;
        let hint = error.hint().map(str::to_owned);
        let failure = match error.kind() {
            Kind::Held | Kind::Missing | Kind::Newer => Self::not_started(error),
            _ => Self::failed(error),
        };
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
