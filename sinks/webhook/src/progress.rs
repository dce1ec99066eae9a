//! Records in the store which messages the receiver has, for later processes.
//!
//! The store has one key per crawl, and one key per scope of which the receiver has rows. The value of a scope is a
//! list of row ranges per table. Ranges merge as messages are delivered, so the value stays at a few bytes whether
//! the scope has one message or thousands.
//! The keys of scopes are deleted when the receiver has the final message, and the key of the crawl when a later crawl
//! has been delivered.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use fortilake_sink::{Crawl, Error, Kind, Phase, Result, Standing, Store};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::encode::Shape;
use crate::message::{Message, Position, edition_key};

/// The prefix of keys of crawls: `crawl/<destination>/<edition>`.
const CRAWL: &str = "crawl/";

/// The prefix of keys of scopes: `scope/<destination>/<edition>/<scope>`.
const SCOPE: &str = "scope/";

/// The record of the deliveries to one destination.
#[derive(Debug)]
pub(crate) struct Progress {
    store: Arc<dyn Store>,
    destination: String,
    /// Held while a value is read, changed and written back.
    changing: Mutex<()>,
}

/// The value of a crawl's key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CrawlRecord {
    pub(crate) shape: Shape,
    crawl: String,
    /// The crawl's name, by which crawls are ordered. Clocks are not compared.
    name: String,
    /// Whether the receiver has the final message, and therefore everything.
    pub(crate) finished: bool,
}

/// The rows of one scope that the receiver has: sorted, disjoint ranges by table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Delivered(BTreeMap<String, Vec<Range<u64>>>);

impl Progress {
    pub(crate) fn new(store: Arc<dyn Store>, destination: String) -> Self {
        Self {
            store,
            destination,
            changing: Mutex::new(()),
        }
    }

    /// Begins or resumes the delivery of `crawl`. `shape` is only used if the delivery begins.
    pub(crate) async fn begin(&self, crawl: &Crawl, shape: Shape) -> Result<CrawlRecord> {
        let key = self.crawl_key(&crawl.edition);
        if let Some(record) = self.read(&key).await? {
            return Ok(record);
        }
        let record = CrawlRecord {
            shape,
            crawl: crawl.id.clone(),
            name: crawl.name.clone(),
            finished: false,
        };
        self.write(&key, &record).await?;
        Ok(record)
    }

    /// The rows of a scope that the receiver has.
    pub(crate) async fn of_scope(&self, edition: &str, scope: &str) -> Result<Delivered> {
        let delivered = self.read(&self.scope_key(edition, scope)).await?;
        Ok(delivered.unwrap_or_default())
    }

    /// Records that the receiver has the message. Does nothing if the record of its crawl was deleted.
    pub(crate) async fn delivered(&self, message: &Message) -> Result<()> {
        let _changing = self.changing.lock().await;
        let crawl_key = self.crawl_key(&message.edition);
        let Some(record) = self.read::<CrawlRecord>(&crawl_key).await? else {
            return Ok(());
        };
        // If a dead letter of a finished crawl is delivered late, its scope gets no key, which nothing would delete.
        if record.finished {
            return Ok(());
        }
        if let Some(position) = &message.position {
            let key = self.scope_key(&message.edition, &position.scope);
            let mut delivered: Delivered = self.read(&key).await?.unwrap_or_default();
            delivered.insert(position, message.rows);
            return self.write(&key, &delivered).await;
        }
        let finished = true;
        self.write(&crawl_key, &CrawlRecord { finished, ..record })
            .await?;
        self.forget_scopes(&crawl_key).await
    }

    /// Deletes the record of one edition of a crawl.
    pub(crate) async fn forget(&self, edition: &str) -> Result<()> {
        self.forget_key(&self.crawl_key(edition)).await
    }

    /// Deletes the records that a delivered crawl supersedes, for all destinations.
    ///
    /// A crawl that was just read supersedes all others. A replay supersedes crawls with a smaller name, and other
    /// editions of itself.
    pub(crate) async fn forget_superseded(&self, crawl: &Crawl) -> Result<()> {
        let own = self.crawl_key(&crawl.edition);
        // A process that died right after recording the final message has left keys of scopes.
        self.forget_scopes(&own).await?;
        if crawl.phase == Phase::Reading {
            // This also deletes keys that other versions wrote in another form.
            for key in self.store.keys("").await? {
                if key != own {
                    self.store.delete(&key).await?;
                }
            }
            return Ok(());
        }
        for (key, other) in self.crawls(CRAWL).await? {
            let is_superseded = other.name < crawl.name || other.crawl == crawl.id;
            if key != own && is_superseded {
                self.forget_key(&key).await?;
            }
        }
        Ok(())
    }

    /// Whether the receiver already has a newer crawl than this one.
    pub(crate) async fn standing(&self, crawl: &Crawl) -> Result<Standing> {
        if crawl.phase == Phase::Reading {
            return Ok(Standing::Latest);
        }
        let crawls = self
            .crawls(&format!("{CRAWL}{}/", self.destination))
            .await?;
        let mut others = crawls.into_iter().map(|(_, other)| other);
        let is_behind = others.any(|other| other.finished && other.name > crawl.name);
        Ok(if is_behind {
            Standing::Behind
        } else {
            Standing::Latest
        })
    }

    async fn crawls(&self, prefix: &str) -> Result<Vec<(String, CrawlRecord)>> {
        let mut crawls = Vec::new();
        for key in self.store.keys(prefix).await? {
            // Records of other versions cannot be read. They are skipped here and deleted when the next crawl has
            // been delivered.
            if let Ok(Some(record)) = self.read(&key).await {
                crawls.push((key, record));
            }
        }
        Ok(crawls)
    }

    async fn forget_key(&self, crawl_key: &str) -> Result<()> {
        // The scopes go first. If the process died after deleting the crawl's key, they could not be found again.
        self.forget_scopes(crawl_key).await?;
        self.store.delete(crawl_key).await
    }

    async fn forget_scopes(&self, crawl_key: &str) -> Result<()> {
        let names = crawl_key.strip_prefix(CRAWL).unwrap_or_default();
        for key in self.store.keys(&format!("{SCOPE}{names}/")).await? {
            self.store.delete(&key).await?;
        }
        Ok(())
    }

    fn crawl_key(&self, edition: &str) -> String {
        format!("{CRAWL}{}/{}", self.destination, edition_key(edition))
    }

    fn scope_key(&self, edition: &str, scope: &str) -> String {
        let edition = edition_key(edition);
        format!("{SCOPE}{}/{edition}/{scope}", self.destination)
    }

    async fn read<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        let Some(text) = self.store.get(key).await? else {
            return Ok(None);
        };
        serde_json::from_slice(&text).map(Some).map_err(|error| {
            let text =
                format!("the record `{key}` in the state is damaged or from another version");
            Error::new(Kind::Internal, text).with_source(error)
        })
    }

    async fn write(&self, key: &str, value: &(impl Serialize + Sync)) -> Result<()> {
        let text = serde_json::to_vec(value).map_err(|error| {
            Error::new(Kind::Internal, format!("cannot encode `{key}`")).with_source(error)
        })?;
        self.store.put(key, &text).await
    }
}

impl Delivered {
    /// Whether the receiver has all of these rows.
    pub(crate) fn contains(&self, table: &str, rows: &Range<u64>) -> bool {
        let ranges = self.0.get(table).into_iter().flatten();
        ranges
            .into_iter()
            .any(|range| range.start <= rows.start && rows.end <= range.end)
    }

    fn insert(&mut self, position: &Position, rows: u64) {
        let ranges = self.0.entry(position.table.clone()).or_default();
        ranges.push(position.first_row..position.first_row.saturating_add(rows));
        ranges.sort_unstable_by_key(|range| (range.start, range.end));
        let mut merged: Vec<Range<u64>> = Vec::with_capacity(ranges.len());
        for range in ranges.drain(..) {
            match merged.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        *ranges = merged;
    }
}

#[cfg(test)]
mod tests;
