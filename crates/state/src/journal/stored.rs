//! A journal in the state file.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rusqlite::Connection;

use super::{
    Journal, Record, Records,
    page::{self, Place},
    writer::Writer,
};
use crate::{
    Crawl, Result, State, Status,
    crawls::{self, Hold},
    error::Fault,
    state::{self, Durability},
};

/// The [`Journal`] of one crawl, which no other process can work on while this is held.
///
/// What was appended is written within 100 ms; a kill loses no more than that.
/// Dropping it writes what is left and gives the crawl back.
pub struct CrawlJournal {
    // Dropped in this order: others may have the crawl when all of it is written.
    pub(super) writer: Writer,
    reader: Mutex<Connection>,
    hold: Hold,
}

impl CrawlJournal {
    pub(crate) fn open(state: &State, hold: Hold) -> Result<Self> {
        let path = state.path().to_owned();
        let connection = state::connect(&path, Durability::Full)?;
        let reader = state::connect(&path, Durability::Full)?;
        Ok(Self {
            writer: Writer::start(connection, path, hold.number)?,
            reader: Mutex::new(reader),
            hold,
        })
    }

    /// The crawl as the file has it now.
    pub fn crawl(&self) -> Result<Crawl> {
        crawls::by_number(&self.hold.state, self.hold.number)
    }

    /// Says how far the crawl has come, once everything that was appended is on the disk.
    pub fn set_status(&self, status: Status) -> Result<()> {
        self.flush()?;
        crawls::set_status(&self.hold.state, self.hold.number, status, None)
    }

    /// The same with a summary, as JSON.
    pub fn finish(&self, status: Status, summary: &str) -> Result<()> {
        self.flush()?;
        crawls::set_status(&self.hold.state, self.hold.number, status, Some(summary))
    }

    /// Keeps how far a sink has come, in the caller's words.
    pub fn set_delivery(&self, sink: &str, state: &str) -> Result<()> {
        crawls::set_delivery(&self.hold.state, self.hold.number, sink, state)
    }

    /// How far each sink has come, by its name.
    pub fn deliveries(&self) -> Result<Vec<(String, String)>> {
        crawls::deliveries(&self.hold.state, self.hold.number)
    }

    fn look<T>(&self, work: impl FnOnce(&Connection, i64) -> Result<T, Fault>) -> Result<T> {
        work(&self.reader(), self.hold.number)
            .map_err(|fault| fault.during("read the journal", self.hold.state.path()))
    }

    fn reader(&self) -> MutexGuard<'_, Connection> {
        // It only ever reads.
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
            None => self.look(|connection, crawl| page::read(connection, crawl, key)),
        }
    }

    fn records(&self) -> Result<Records<'_>> {
        self.flush()?;
        let (last, crawl) =
            self.look(|connection, crawl| Ok((page::last_sequence(connection, crawl)?, crawl)))?;
        Ok(Box::new(Iter {
            journal: self,
            after: Place::before(crawl),
            last: Place::new(crawl, last),
            read: VecDeque::new(),
        }))
    }

    /// The file keeps it: that is what a resumed crawl and a replay read.
    fn release(&self, _: &str) {}
}

impl fmt::Debug for CrawlJournal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CrawlJournal")
            .field("crawl", &self.hold.number)
            .finish_non_exhaustive()
    }
}

/// Reads some records at a time, so that no long read keeps the log from being emptied.
struct Iter<'a> {
    journal: &'a CrawlJournal,
    after: Place,
    last: Place,
    read: VecDeque<(Arc<str>, Record)>,
}

impl Iterator for Iter<'_> {
    type Item = Result<(Arc<str>, Record)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.read.is_empty() && self.after < self.last {
            let records = self
                .journal
                .look(|connection, _| page::read_some(connection, self.after, self.last));
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
