//! The list of crawls, and which process has which crawl open.

mod removal;

use rusqlite::{Connection, Row, Transaction};

use self::removal::REMOVED;
use super::{Durability, Sqlite, connect, holder, notes, pages};
use crate::{
    Crawl, Error, Kind, NewCrawl, Result, Status,
    backend::{CrawlLease, RecordWriter},
    checksum::Checksum,
    error::OperationError,
};

impl Sqlite {
    /// Adds a crawl to the list, and holds it for this process.
    pub(super) fn hold_new(&self, new: &NewCrawl) -> Result<Lease> {
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
        Ok(Lease {
            state: self.clone(),
            number,
        })
    }

    /// Holds an existing crawl for this process.
    pub(super) fn hold(&self, id: &str) -> Result<Lease> {
        let number = self.0.write("open a crawl", |transaction| {
            let number = free(self, transaction, id)?;
            transaction.execute(
                "UPDATE crawls SET holder = ? WHERE number = ?",
                (self.0.holder.id, number),
            )?;
            Ok(number)
        })?;
        Ok(Lease {
            state: self.clone(),
            number,
        })
    }

    /// All crawls, newest first.
    pub(super) fn list_crawls(&self) -> Result<Vec<Crawl>> {
        let shared = &self.0;
        shared.write("list the crawls", |transaction| {
            let own = shared.holder.id;
            holder::clean_up_dead(transaction, &shared.directory, own, shared.now())?;
            let mut crawls = list(transaction)?;
            for crawl in &mut crawls {
                let records = pages::last_sequence(transaction, crawl.number)?;
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

    pub(super) fn newest_page(&self, crawl: i64) -> Result<Option<i64>> {
        let connection = connect(self.path(), Durability::Full)?;
        pages::newest(&connection, crawl)
            .map_err(|error| error.during("read the journal", self.path()))
    }

    pub(super) fn check_journal(&self, crawl: &Crawl) -> Result<()> {
        let connection = connect(self.path(), Durability::Full)?;
        pages::check(&connection, crawl.number)
            .and_then(|()| notes::check(&connection, crawl.number))
            .map_err(|error| error.during("read the journal", self.path()))
    }
}

/// A crawl that this process has open. Dropping it lets other processes open the crawl.
pub(super) struct Lease {
    state: Sqlite,
    number: i64,
}

impl CrawlLease for Lease {
    fn number(&self) -> i64 {
        self.number
    }

    fn writer(&self) -> Result<Box<dyn RecordWriter>> {
        let connection = connect(self.state.path(), Durability::Full)?;
        let writer = pages::Writer::new(connection, self.state.path(), self.number)?;
        Ok(Box::new(writer))
    }

    fn set_status(&self, status: Status, summary: Option<&str>) -> Result<()> {
        set_status(&self.state, self.number, status, summary)
    }

    fn set_delivery(&self, sink: &str, text: &str) -> Result<()> {
        set_delivery(&self.state, self.number, sink, text)
    }
}

impl Drop for Lease {
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

fn set_status(state: &Sqlite, number: i64, status: Status, summary: Option<&str>) -> Result<()> {
    let finished_at = (!status.is_unfinished()).then(|| state.0.now());
    state.0.write("update a crawl", |transaction| {
        let records = pages::last_sequence(transaction, number)?;
        transaction.execute(
            "UPDATE crawls SET status = ?2, finished_at = ?3, summary = ifnull(?4, summary),
                 records = ?5 WHERE number = ?1",
            (number, status.name(), finished_at, summary, records),
        )?;
        seal(transaction, number)
    })
}

fn set_delivery(state: &Sqlite, number: i64, sink: &str, text: &str) -> Result<()> {
    state.0.write("save a delivery", |transaction| {
        transaction.execute(
            "INSERT OR REPLACE INTO deliveries VALUES (?, ?, ?, ?)",
            (number, sink, text, delivery_checksum(number, sink, text)),
        )?;
        Ok(())
    })
}

pub(super) fn deliveries(state: &Sqlite, number: i64) -> Result<Vec<(String, String)>> {
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
fn free(state: &Sqlite, transaction: &Transaction<'_>, id: &str) -> Result<i64, OperationError> {
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
