//! The pages of earlier crawls, for what need not be asked again in every crawl.

use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;

use super::{Record, RecordKind, page};
use crate::{
    Crawl, Result, State,
    state::{self, Durability},
};

/// The pages of some crawls that are kept.
pub struct Archive {
    state: State,
    connection: Mutex<Connection>,
    /// The newest first.
    crawls: Vec<i64>,
}

impl State {
    /// The pages of these crawls, the newest first.
    pub fn archive(&self, crawls: &[Crawl]) -> Result<Archive> {
        let connection = state::connect(self.path(), Durability::Full)?;
        Ok(Archive {
            state: self.clone(),
            connection: Mutex::new(connection),
            crawls: crawls.iter().map(Crawl::number).collect(),
        })
    }
}

impl Archive {
    /// The newest page of this key that is not older than this.
    pub fn newest(&self, key: &str, since: i64) -> Result<Option<Record>> {
        // It only ever reads.
        let connection = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for &crawl in &self.crawls {
            let found = page::read(&connection, crawl, key);
            let found = found.map_err(|fault| fault.during("read a page", self.state.path()))?;
            let is_good =
                |record: &Record| record.kind == RecordKind::Page && record.observed_at >= since;
            if let Some(record) = found.filter(is_good) {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }
}
