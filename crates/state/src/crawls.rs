//! The list of crawls, and which process has which crawl open.

mod removal;
#[cfg(test)]
mod tests;

use rusqlite::{Connection, Row, Transaction};

use self::removal::REMOVED;
use crate::{
    Error, Kind, Result, State,
    checksum::Checksum,
    error::OperationError,
    holder, records,
    state::{self, Durability},
};

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
    number: i64,
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

    fn named(name: &str) -> Option<Self> {
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

impl State {
    /// Adds a crawl to the list, and holds it for this process.
    pub(crate) fn hold_new(&self, new: &NewCrawl) -> Result<CrawlLease> {
        let number = self.0.write("start a crawl", |transaction| {
            if find(transaction, |crawl| crawl.id == new.id)?.is_some() {
                let message = format!("crawl `{}` already exists", new.id);
                return Err(Error::new(Kind::Unforeseen, message).into());
            }
            transaction.execute(
                "INSERT INTO crawls (id, snapshot, fingerprint, version, created_at, status,
                     checksum, holder) VALUES (?, ?, ?, ?, ?, ?, 0, ?)",
                (
                    &new.id,
                    &new.snapshot,
                    &new.fingerprint,
                    &new.version,
                    self.0.now(),
                    Status::Running.name(),
                    self.0.holder.id,
                ),
            )?;
            let number = transaction.last_insert_rowid();
            seal(transaction, number)?;
            Ok(number)
        })?;
        Ok(CrawlLease {
            state: self.clone(),
            number,
        })
    }

    /// Holds an existing crawl for this process.
    pub(crate) fn hold(&self, id: &str) -> Result<CrawlLease> {
        let number = self.0.write("open a crawl", |transaction| {
            let number = free(self, transaction, id)?;
            transaction.execute(
                "UPDATE crawls SET holder = ? WHERE number = ?",
                (self.0.holder.id, number),
            )?;
            Ok(number)
        })?;
        Ok(CrawlLease {
            state: self.clone(),
            number,
        })
    }

    /// All crawls, newest first.
    pub fn crawls(&self) -> Result<Vec<Crawl>> {
        let shared = &self.0;
        shared.write("list the crawls", |transaction| {
            let own = shared.holder.id;
            holder::clean_up_dead(transaction, &shared.directory, own, shared.now())?;
            let mut crawls = list(transaction)?;
            for crawl in &mut crawls {
                let records = records::last_sequence(transaction, crawl.number)?;
                let records = records.try_into().unwrap_or_default();
                if records < crawl.records {
                    let message = format!("pages of crawl {} are missing", crawl.number);
                    return Err(OperationError::Damaged(message));
                }
                crawl.records = records;
            }
            crawls.reverse();
            Ok(crawls)
        })
    }

    /// The crawl with this id; `None` if it does not exist.
    pub fn crawl(&self, id: &str) -> Result<Option<Crawl>> {
        Ok(self.crawls()?.into_iter().find(|crawl| crawl.id == id))
    }

    /// The delivery state of each sink of a crawl, as (sink, state), in the crawler's own format.
    pub fn deliveries(&self, crawl: &Crawl) -> Result<Vec<(String, String)>> {
        deliveries(self, crawl.number)
    }

    /// When the crawl last recorded the outcome of a call, in microseconds of Unix time. Its start
    /// if it has not recorded any.
    pub fn last_activity(&self, crawl: &Crawl) -> Result<i64> {
        let connection = state::connect(self.path(), Durability::Full)?;
        let newest = records::newest(&connection, crawl.number)
            .map_err(|error| error.during("read the journal", self.path()))?;
        Ok(newest.map_or(crawl.created_at, |newest| newest.max(crawl.created_at)))
    }

    pub(crate) fn check_journal(&self, crawl: &Crawl) -> Result<()> {
        let connection = state::connect(self.path(), Durability::Full)?;
        records::check_pages(&connection, crawl.number)
            .and_then(|()| records::check_notes(&connection, crawl.number))
            .map_err(|error| error.during("read the journal", self.path()))
    }
}

/// A crawl that this process has open. Dropping it lets other processes open the crawl.
pub(crate) struct CrawlLease {
    pub(crate) state: State,
    pub(crate) number: i64,
}

impl Drop for CrawlLease {
    fn drop(&mut self) {
        let given_back = self.state.0.write("release a crawl", |transaction| {
            let sql = "UPDATE crawls SET holder = NULL WHERE number = ?";
            Ok(transaction.execute(sql, (self.number,))?)
        });
        // If this fails, other processes can open the crawl when this process ends.
        if let Err(error) = given_back {
            tracing::warn!(%error, "cannot release the crawl");
        }
    }
}

pub(crate) fn by_number(state: &State, number: i64) -> Result<Crawl> {
    let mut crawls = state.crawls()?.into_iter();
    crawls
        .find(|crawl| crawl.number == number)
        .ok_or_else(|| Error::damaged(state.path(), format_args!("crawl {number} is missing")))
}

pub(crate) fn set_status(
    state: &State,
    number: i64,
    status: Status,
    summary: Option<&str>,
) -> Result<()> {
    let finished_at = (!status.is_unfinished()).then(|| state.0.now());
    state.0.write("update a crawl", |transaction| {
        let records = records::last_sequence(transaction, number)?;
        transaction.execute(
            "UPDATE crawls SET status = ?2, finished_at = ?3, summary = ifnull(?4, summary),
                 records = ?5 WHERE number = ?1",
            (number, status.name(), finished_at, summary, records),
        )?;
        seal(transaction, number)
    })
}

pub(crate) fn set_delivery(state: &State, number: i64, sink: &str, text: &str) -> Result<()> {
    state.0.write("save a delivery", |transaction| {
        transaction.execute(
            "INSERT OR REPLACE INTO deliveries VALUES (?, ?, ?, ?)",
            (number, sink, text, delivery_checksum(number, sink, text)),
        )?;
        Ok(())
    })
}

pub(crate) fn deliveries(state: &State, number: i64) -> Result<Vec<(String, String)>> {
    state.0.write("read the deliveries", |transaction| {
        let mut statement = transaction.prepare_cached(
            "SELECT sink, state, checksum FROM deliveries WHERE crawl = ? ORDER BY sink",
        )?;
        let mut rows = statement.query((number,))?;
        let mut deliveries = Vec::new();
        while let Some(row) = rows.next()? {
            let (sink, text): (String, String) = (row.get(0)?, row.get(1)?);
            if row.get::<_, i64>(2)? != delivery_checksum(number, &sink, &text) {
                return Err(OperationError::Damaged(format!(
                    "a delivery of crawl {number} has a wrong checksum"
                )));
            }
            deliveries.push((sink, text));
        }
        Ok(deliveries)
    })
}

/// The number of the crawl with this id, if no living process has it open.
fn free(state: &State, transaction: &Transaction<'_>, id: &str) -> Result<i64, OperationError> {
    let shared = &state.0;
    holder::clean_up_dead(
        transaction,
        &shared.directory,
        shared.holder.id,
        shared.now(),
    )?;
    let Some(crawl) = find(transaction, |crawl| crawl.id == id)? else {
        return Err(Error::new(Kind::Missing, format!("there is no crawl `{id}`")).into());
    };
    let holder: Option<i64> = transaction.query_row(
        "SELECT holder FROM crawls WHERE number = ?",
        (crawl.number,),
        |row| row.get(0),
    )?;
    let Some(holder) = holder else {
        return Ok(crawl.number);
    };
    let who = holder::describe(transaction, holder)?;
    let message = format!("crawl `{id}` is in use by {who}");
    Err(Error::new(Kind::Held, message)
        .with_hint("wait for that process, or end it and try again")
        .into())
}

fn find(
    transaction: &Transaction<'_>,
    is: impl FnMut(&Crawl) -> bool,
) -> Result<Option<Crawl>, OperationError> {
    let mut is = is;
    Ok(list(transaction)?.into_iter().find(|crawl| is(crawl)))
}

/// All crawls except those that are being removed, oldest first.
fn list(connection: &Connection) -> Result<Vec<Crawl>, OperationError> {
    let mut statement = connection.prepare_cached(
        "SELECT number, id, snapshot, fingerprint, version, created_at, finished_at, status,
             summary, records, checksum, holder IS NOT NULL FROM crawls ORDER BY number",
    )?;
    let mut rows = statement.query(())?;
    let mut crawls = Vec::new();
    while let Some(row) = rows.next()? {
        let number: i64 = row.get(0)?;
        if checksum(row)? != row.get::<_, i64>(10)? {
            return Err(OperationError::Damaged(format!(
                "crawl {number} has a wrong checksum"
            )));
        }
        let status: String = row.get(7)?;
        if status == REMOVED {
            continue;
        }
        crawls.push(Crawl {
            id: row.get(1)?,
            snapshot: row.get(2)?,
            fingerprint: row.get(3)?,
            version: row.get(4)?,
            created_at: row.get(5)?,
            finished_at: row.get(6)?,
            status: Status::named(&status).ok_or_else(|| {
                OperationError::Damaged(format!("crawl {number} has an unknown status"))
            })?,
            summary: row.get(8)?,
            records: row.get::<_, i64>(9)?.try_into().unwrap_or_default(),
            is_open: row.get(11)?,
            number,
        });
    }
    Ok(crawls)
}

/// Updates the checksum of a row after it was changed. Same transaction, so both change together.
fn seal(transaction: &Transaction<'_>, number: i64) -> Result<(), OperationError> {
    let checksum = transaction.query_row(
        "SELECT number, id, snapshot, fingerprint, version, created_at, finished_at, status,
             summary, records FROM crawls WHERE number = ?",
        (number,),
        checksum,
    )?;
    let sql = "UPDATE crawls SET checksum = ? WHERE number = ?";
    transaction.execute(sql, (checksum, number))?;
    Ok(())
}

fn checksum(row: &Row<'_>) -> rusqlite::Result<i64> {
    let mut checksum = Checksum::of("crawls").int(row.get(0)?);
    for column in 1..=4 {
        checksum = checksum.text(row.get_ref(column)?.as_str()?);
    }
    Ok(checksum
        .int(row.get(5)?)
        .maybe_int(row.get(6)?)
        .text(row.get_ref(7)?.as_str()?)
        .maybe_text(row.get_ref(8)?.as_str_or_null()?)
        .int(row.get(9)?)
        .finish())
}

fn delivery_checksum(number: i64, sink: &str, state: &str) -> i64 {
    Checksum::of("deliveries")
        .int(number)
        .text(sink)
        .text(state)
        .finish()
}
