//! Pages of earlier crawls, for calls that need not be repeated in every crawl.

use std::sync::{Mutex, PoisonError};

use crate::{Crawl, Record, RecordKind, Result, State, backend::RecordReader};

/// Looks up pages in the journals of several earlier crawls.
pub struct Archive {
    state: State,
    reader: Mutex<Box<dyn RecordReader>>,
    /// The numbers of the crawls, in the order in which they are searched.
    crawls: Vec<i64>,
}

impl State {
    /// An archive of these crawls. It searches them in this order, so pass the newest first.
    pub fn archive(&self, crawls: &[Crawl]) -> Result<Archive> {
        Ok(Archive {
            state: self.clone(),
            reader: Mutex::new(self.0.reader()?),
            crawls: crawls.iter().map(Crawl::number).collect(),
        })
    }
}

impl Archive {
    /// The record with this key in the journal of one crawl; `None` if there is none.
    ///
    /// The crawl need not be one of those that the archive searches.
    pub fn read(&self, crawl: &Crawl, key: &str) -> Result<Option<Record>> {
        self.find(crawl.number(), key)
    }

    /// The page with this key from the first crawl that has one observed at `since` or later.
    ///
    /// Times are microseconds of Unix time. A page from the future is ignored; otherwise a clock
    /// that was ahead for one crawl would keep its pages fresh for years.
    pub fn newest(&self, key: &str, since: i64) -> Result<Option<Record>> {
        let now = self.state.0.now()?;
        for &crawl in &self.crawls {
            let found = self.find(crawl, key)?;
            let is_good = |record: &Record| {
                record.kind == RecordKind::Page && (since..=now).contains(&record.observed_at)
            };
            if let Some(record) = found.filter(is_good) {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    fn find(&self, crawl: i64, key: &str) -> Result<Option<Record>> {
        // It only reads, so it is usable even if another thread panicked.
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        reader.read(crawl, key)
    }
}
