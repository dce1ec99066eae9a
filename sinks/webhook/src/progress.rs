//! Records in the store which messages the receiver has, for later processes.
//!
//! The store has one key per crawl, and one key per scope of which the receiver has rows. The value of a scope is a
//! list of row ranges per table. Ranges merge as messages are delivered, so the value stays at a few bytes whether
//! the scope has one message or thousands.
//! The keys of scopes are deleted when the receiver has the final message, and the key of the crawl when a later crawl
//! has been delivered.

use std::sync::{Arc, Mutex, PoisonError};

use fortilake_sink::{Crawl, Error, Kind, Result, Store};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::encode::Shape;
use crate::message::{Id, Piece, Place};

/// The prefix of keys of crawls: `crawl/<destination>/<edition>`.
const CRAWL: &str = "crawl/";

/// What the keys of batches begin with: `batch/<destination>/<crawl>/<table>/<sequence>`.
const BATCH: &str = "batch/";

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
pub(crate) struct Begun {
    pub(crate) shape: Shape,
    /// As the crawl says it, in RFC 3339.
    started_at: String,
    /// Whether the receiver has the summary, and so everything.
    pub(crate) finished: bool,
}

impl Progress {
    pub(crate) fn new(store: Arc<dyn Store>, destination: String) -> Self {
        Self {
            store,
            destination,
            changing: Mutex::new(()),
        }
    }

    /// Begins or takes up the delivery of `crawl`; `shape` is for one that begins.
    pub(crate) fn begin(&self, crawl: &Crawl, shape: Shape) -> Result<Begun> {
        let key = self.crawl_key(&crawl.id);
        if let Some(begun) = self.read(&key)? {
            return Ok(begun);
        }
        let begun = Begun {
            shape,
            started_at: crawl.started_at.clone(),
            finished: false,
        };
        self.write(&key, &begun)?;
        Ok(begun)
    }

    /// Whether the receiver has the message.
    pub(crate) fn has(&self, crawl: &str, piece: &Piece) -> Result<bool> {
        let key = self.batch_key(crawl, piece);
        let pieces: Option<Pieces> = self.read(&key)?;
        Ok(pieces.is_some_and(|pieces| pieces.contains(piece.number)))
    }

    /// Remembers that the receiver has the message; nothing if the crawl was forgotten.
    pub(crate) fn delivered(&self, id: &Id) -> Result<()> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let crawl_key = self.crawl_key(&id.crawl);
        let Some(begun) = self.read::<Begun>(&crawl_key)? else {
            return Ok(());
        };
        match &id.place {
            Place::Rows(piece) => {
                let key = self.batch_key(&id.crawl, piece);
                let mut pieces: Pieces = self.read(&key)?.unwrap_or_default();
                pieces.insert(piece.number);
                self.write(&key, &pieces)
            }
            Place::Summary => {
                let finished = true;
                self.write(&crawl_key, &Begun { finished, ..begun })?;
                self.forget_batches(&self.destination, &id.crawl)
            }
        }
    }

    /// Forgets what is remembered of a crawl.
    pub(crate) fn forget(&self, crawl: &str) -> Result<()> {
        // The batches first: without the crawl's own key nobody would find them again.
        self.forget_batches(&self.destination, crawl)?;
        self.store.delete(&self.crawl_key(crawl))
    }

    /// Forgets the crawls that started before `crawl`, whatever their destination was.
    pub(crate) fn forget_older(&self, crawl: &Crawl) -> Result<()> {
        let Ok(started_at) = crawl.started_at.parse::<Timestamp>() else {
            return Ok(());
        };
        for key in self.store.keys(CRAWL)? {
            let names = key
                .strip_prefix(CRAWL)
                .and_then(|rest| rest.split_once('/'));
            let Some((destination, other)) = names else {
                continue;
            };
            let begun: Option<Begun> = self.read(&key)?;
            let other_start = begun.and_then(|begun| begun.started_at.parse::<Timestamp>().ok());
            if other_start.is_some_and(|start| start < started_at) {
                self.forget_batches(destination, other)?;
                self.store.delete(&key)?;
            }
        }
        Ok(())
    }

    fn forget_batches(&self, destination: &str, crawl: &str) -> Result<()> {
        let keys = self.store.keys(&format!("{BATCH}{destination}/{crawl}/"))?;
        keys.iter().try_for_each(|key| self.store.delete(key))
    }

    fn crawl_key(&self, crawl: &str) -> String {
        format!("{CRAWL}{}/{crawl}", self.destination)
    }

    fn batch_key(&self, crawl: &str, piece: &Piece) -> String {
        let Piece {
            table, sequence, ..
        } = piece;
        format!("{BATCH}{}/{crawl}/{table}/{sequence}", self.destination)
    }

    fn read<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        let Some(text) = self.store.get(key)? else {
            return Ok(None);
        };
        serde_json::from_slice(&text).map(Some).map_err(|error| {
            let text = format!("what is remembered as `{key}` is damaged or from another version");
            Error::new(Kind::Internal, text).with_source(error)
        })
    }

    fn write(&self, key: &str, value: &impl Serialize) -> Result<()> {
        let text = serde_json::to_vec(value).map_err(|error| {
            Error::new(Kind::Internal, format!("cannot encode `{key}`")).with_source(error)
        })?;
        self.store.put(key, &text)
    }
}

/// Numbers of pieces, as ranges from the first to the last.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Pieces(Vec<(u64, u64)>);

impl Pieces {
    fn contains(&self, piece: u64) -> bool {
        self.0
            .iter()
            .any(|&(first, last)| (first..=last).contains(&piece))
    }

    fn insert(&mut self, piece: u64) {
        self.0.push((piece, piece));
        self.0.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::with_capacity(self.0.len());
        for &(first, last) in &self.0 {
            match merged.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => merged.push((first, last)),
            }
        }
        self.0 = merged;
    }
}

#[cfg(test)]
mod tests;
