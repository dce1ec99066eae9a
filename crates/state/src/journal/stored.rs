//! The journal in a database.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Journal, Records, writer::Writer};
use crate::{
    Crawl, Error, Kind, NewCrawl, Record, Result, State, Status,
    backend::{CrawlLease, RecordReader},
    records::PageId,
};

impl State {
    /// Starts a crawl. Other processes cannot open it until the journal is dropped.
    pub fn begin(&self, new: &NewCrawl) -> Result<CrawlJournal> {
        CrawlJournal::open(self, self.0.begin(new)?)
    }

    /// Opens an existing crawl. Other processes cannot open it until the journal is dropped.
    ///
    /// # Errors
    ///
    /// [`Kind::Held`](crate::Kind::Held) if another process has it open,
    /// [`Kind::Missing`](crate::Kind::Missing) if it does not exist.
    pub fn take_up(&self, id: &str) -> Result<CrawlJournal> {
        CrawlJournal::open(self, self.0.take_up(id)?)
    }
}

/// The [`Journal`] of one crawl in the state. No other process can open the crawl meanwhile.
///
/// A record is written at once, or with the next transaction if one is running. A kill loses only
/// the records that are not written by then. Dropping the journal writes all records and releases
/// the crawl.
pub struct CrawlJournal {
    // Fields are dropped in this order: first write everything, then release the crawl.
    pub(super) writer: Writer,
    reader: Mutex<Box<dyn RecordReader>>,
    lease: Box<dyn CrawlLease>,
    state: State,
}

impl CrawlJournal {
    fn open(state: &State, lease: Box<dyn CrawlLease>) -> Result<Self> {
        Ok(Self {
            writer: Writer::start(lease.writer()?)?,
            reader: Mutex::new(state.0.reader()?),
            lease,
            state: state.clone(),
        })
    }

    /// The crawl as it is stored now.
    pub fn crawl(&self) -> Result<Crawl> {
        let number = self.lease.number();
        let mut crawls = self.state.crawls()?.into_iter();
        let crawl = crawls.find(|crawl| crawl.number() == number);
        crawl.ok_or_else(|| {
            let message = format!("crawl {number} is missing in {}", self.state.name());
            Error::new(Kind::Damaged, message)
        })
    }

    /// Sets the status, after writing all appended records to disk.
    pub fn set_status(&self, status: Status) -> Result<()> {
        self.flush()?;
        self.lease.set_status(status, None)
    }

    /// Sets the status and the summary, which is JSON, after writing all appended records to disk.
    pub fn finish(&self, status: Status, summary: &str) -> Result<()> {
        self.flush()?;
        self.lease.set_status(status, Some(summary))
    }

    /// Stores the delivery state of a sink, in the caller's own format.
    pub fn set_delivery(&self, sink: &str, state: &str) -> Result<()> {
        self.lease.set_delivery(sink, state)
    }

    /// The delivery state of each sink, as (sink, state), sorted by sink.
    pub fn deliveries(&self) -> Result<Vec<(String, String)>> {
        self.state.0.deliveries(self.lease.number())
    }

    fn reader(&self) -> MutexGuard<'_, Box<dyn RecordReader>> {
        // It only reads, so it is usable even if another thread panicked.
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for CrawlJournal {
    fn append(&self, key: &str, record: Record) -> Result<()> {
        self.writer.append(key, record)
    }

    fn flush(&self) -> Result<()> {
        self.writer.flush()
    }

    fn read(&self, key: &str) -> Result<Option<Record>> {
        match self.writer.unwritten(key) {
            Some(record) => Ok(Some(record)),
            None => self.reader().read(self.lease.number(), key),
        }
    }

    fn records(&self) -> Result<Records<'_>> {
        self.flush()?;
        let crawl = self.lease.number();
        let last = self.reader().last_sequence(crawl)?;
        Ok(Box::new(Iter {
            journal: self,
            after: PageId::before(crawl),
            last: PageId::new(crawl, last),
            read: VecDeque::new(),
        }))
    }
}

impl fmt::Debug for CrawlJournal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CrawlJournal")
            .field("crawl", &self.lease.number())
            .finish_non_exhaustive()
    }
}

/// Reads some records at a time. One long read would keep `SQLite` from truncating its log, which
/// would grow as long as the crawl writes.
struct Iter<'a> {
    journal: &'a CrawlJournal,
    after: PageId,
    last: PageId,
    read: VecDeque<(Arc<str>, Record)>,
}

impl Iterator for Iter<'_> {
    type Item = Result<(Arc<str>, Record)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.read.is_empty() && self.after < self.last {
            let records = self.journal.reader().read_some(self.after, self.last);
            match records {
                Ok(records) => {
                    self.after = records.last().map_or(self.last, |(place, ..)| *place);
                    let records = records.into_iter();
                    self.read = records.map(|(_, key, record)| (key, record)).collect();
                }
                Err(error) => {
                    self.after = self.last;
                    return Some(Err(error));
                }
            }
        }
        self.read.pop_front().map(Ok)
    }
}
