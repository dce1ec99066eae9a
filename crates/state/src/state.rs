//! The state, in whichever database it is.

use std::{collections::HashSet, path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use fortilake_auth::{Clock, StoredToken, TokenStore};
use fortilake_client::{
    self as client,
    ledger::{
        CallOutcome, ErrorReason, Ledger, LedgerUsage, Limits, PastError, Reservation, Ticket,
    },
};

use crate::{
    Baseline, Clocks, Crawl, Kind, OnCorrection, Result, backend::Backend, sqlite::Sqlite,
};

/// The open state, which several processes can share.
///
/// Clones share one connection and one entry in the list of processes.
#[derive(Clone)]
pub struct State(pub(crate) Arc<dyn Backend>);

impl State {
    /// Opens the state in this directory. Creates the directory and the file if they do not exist.
    ///
    /// `wall` is the system's clock, in microseconds of Unix time.
    ///
    /// # Errors
    ///
    /// [`Kind::Newer`](crate::Kind::Newer) if a newer version wrote the file,
    /// [`Kind::Damaged`](crate::Kind::Damaged) if it is damaged or is not a state file.
    pub fn open(directory: &Path, wall: Clock) -> Result<Self> {
        Self::open_with(directory, Clocks::system(wall))
    }

    /// Opens the state with these clocks instead of the system's.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    pub fn open_with(directory: &Path, clocks: Clocks) -> Result<Self> {
        Ok(Self(Arc::new(Sqlite::open_with(directory, clocks)?)))
    }

    /// The path of the state file; `None` if the state is on a server.
    pub fn path(&self) -> Option<&Path> {
        self.0.file()
    }

    /// Where the state is, for messages: its file, or its server. Without secrets.
    pub fn name(&self) -> String {
        self.0.name()
    }

    /// How many bytes the state occupies.
    pub fn size(&self) -> Result<u64> {
        self.0.size()
    }

    /// Sets the listener for clock corrections, and calls it for those found so far.
    ///
    /// Each correction is reported once, by the process that notices it first.
    pub fn on_correction(&self, listener: OnCorrection) {
        self.0.on_correction(listener);
    }

    /// Reads everything and compares every checksum of the crawls' pages and notes.
    ///
    /// This is not needed for safety, because a row is always checked when it is read. It does not
    /// block a running crawl.
    pub fn check(&self) -> Result<()> {
        self.0.check()
    }

    /// The last errors of all users whose reasons are known, newest first.
    pub fn last_errors(&self) -> Result<Vec<PastError>> {
        self.0.last_errors()
    }

    /// All crawls, newest first.
    pub fn crawls(&self) -> Result<Vec<Crawl>> {
        self.0.crawls()
    }

    /// The crawl with this id; `None` if it does not exist.
    pub fn crawl(&self, id: &str) -> Result<Option<Crawl>> {
        Ok(self.crawls()?.into_iter().find(|crawl| crawl.id == id))
    }

    /// The delivery state of each sink of a crawl, as (sink, state), in the crawler's own format.
    pub fn deliveries(&self, crawl: &Crawl) -> Result<Vec<(String, String)>> {
        self.0.deliveries(crawl.number())
    }

    /// When the crawl last recorded the outcome of a call, in microseconds of Unix time. Its start
    /// if it has not recorded any.
    pub fn last_activity(&self, crawl: &Crawl) -> Result<i64> {
        let newest = self.0.newest_record(crawl.number())?;
        Ok(newest.map_or(crawl.created_at, |newest| newest.max(crawl.created_at)))
    }

    /// Removes a crawl with its journal, and frees its space.
    ///
    /// # Errors
    ///
    /// [`Kind::Held`] if another process has it open, [`Kind::Missing`] if it does not exist.
    pub fn remove(&self, id: &str) -> Result<()> {
        self.0.remove_crawl(id)
    }

    /// Removes old crawls and returns their ids.
    ///
    /// It keeps the newest `keep` crawls, crawls that a process has open, and for each fingerprint
    /// the newest crawl if it is unfinished, because the next run would resume it.
    pub fn retain(&self, keep: usize) -> Result<Vec<String>> {
        let mut removed = Vec::new();
        let mut newer = HashSet::new();
        let mut kept = 0;
        for crawl in self.crawls()? {
            let is_newest = newer.insert(crawl.fingerprint.clone());
            kept += 1;
            if kept <= keep || (is_newest && crawl.status.is_unfinished()) {
                continue;
            }
            match self.remove(&crawl.id) {
                Ok(()) => removed.push(crawl.id),
                Err(error) if matches!(error.kind(), Kind::Held | Kind::Missing) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(removed)
    }

    /// The baseline of these sources; `None` if there is none yet.
    pub fn baseline(&self, sources: &str) -> Result<Option<Baseline>> {
        self.0.baseline(sources)
    }

    /// The keys of all baselines, sorted.
    pub fn baseline_keys(&self) -> Result<Vec<String>> {
        self.0.baseline_keys()
    }

    /// Stores a baseline, replacing the previous one of the same sources.
    pub fn set_baseline(&self, sources: &str, baseline: &Baseline) -> Result<()> {
        self.0.set_baseline(sources, baseline)
    }
}

#[async_trait]
impl Ledger for State {
    async fn reserve(&self, user: &str, limits: &Limits) -> client::Result<Reservation> {
        self.0.reserve(user, limits).await
    }

    async fn settle(
        &self,
        ticket: Ticket,
        outcome: CallOutcome,
        reason: Option<&ErrorReason>,
    ) -> client::Result<()> {
        self.0.settle(ticket, outcome, reason).await
    }

    async fn close(&self, user: &str, wait: Duration) -> client::Result<()> {
        self.0.close(user, wait).await
    }

    async fn usage(&self, user: &str, limits: &Limits) -> client::Result<LedgerUsage> {
        self.0.usage(user, limits).await
    }
}

#[async_trait]
impl TokenStore for State {
    async fn load(&self, user: &str, client_id: &str) -> Option<StoredToken> {
        self.0.load(user, client_id).await
    }

    async fn save(&self, user: &str, client_id: &str, token: &StoredToken) {
        self.0.save(user, client_id, token).await;
    }

    async fn remove(&self, user: &str, client_id: &str) {
        TokenStore::remove(&*self.0, user, client_id).await;
    }
}
