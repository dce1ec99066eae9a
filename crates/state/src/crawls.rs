//! The list of crawls.

#[cfg(test)]
mod tests;

/// The properties of a new crawl.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCrawl {
    /// The crawl's id, unique in the state.
    pub id: String,
    /// The name of the snapshot that it produces.
    pub snapshot: String,
    /// Identifies what the crawl's plan depends on, in the caller's own format. A run resumes only a
    /// crawl with the same fingerprint.
    pub fingerprint: String,
    /// The version of fortilake.
    pub version: String,
}

/// A crawl in the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crawl {
    /// The crawl's id.
    pub id: String,
    /// The name of the snapshot that it produces.
    pub snapshot: String,
    /// As [`NewCrawl::fingerprint`].
    pub fingerprint: String,
    /// The version of fortilake that started it.
    pub version: String,
    /// When it started, in microseconds of Unix time.
    pub created_at: i64,
    /// When it finished, in microseconds of Unix time; `None` as long as it is unfinished.
    pub finished_at: Option<i64>,
    /// Its current status.
    pub status: Status,
    /// The crawler's summary from the last pause or finish, as JSON.
    pub summary: Option<String>,
    /// The number of pages and failures in its journal.
    pub records: u64,
    /// Whether a process has it open now.
    pub is_open: bool,
    pub(crate) number: i64,
}

impl Crawl {
    pub(crate) fn number(&self) -> i64 {
        self.number
    }
}

/// The status of a crawl.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// It makes API calls, or its process died while it did.
    Running,
    /// It stopped at a limit and has calls left to make.
    Paused,
    /// All calls are made, but it is not published to every sink yet.
    Done,
    /// It is published to every sink.
    Published,
    /// It ended without being published. A replay can still publish it.
    Discarded,
    /// It was idle for too long, so it is not resumed.
    Abandoned,
}

impl Status {
    /// Whether the crawl can be resumed, because calls or publications are left.
    pub fn is_unfinished(self) -> bool {
        matches!(self, Self::Running | Self::Paused | Self::Done)
    }

    /// The name in the state file and in output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Done => "done",
            Self::Published => "published",
            Self::Discarded => "discarded",
            Self::Abandoned => "abandoned",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        [
            Self::Running,
            Self::Paused,
            Self::Done,
            Self::Published,
            Self::Discarded,
            Self::Abandoned,
        ]
        .into_iter()
        .find(|status| status.name() == name)
    }
}
