//! The list of crawls, and which process holds which crawl.

use std::{sync::atomic::Ordering, time::Duration};

use super::{
    Postgres,
    database::{Database, Failure, Param, Transaction, get},
    fence::guard,
    pages,
};
use crate::{
    Crawl, Error, Kind, NewCrawl, Result, Status,
    backend::{CrawlLease, RecordReader as _, RecordWriter},
    process,
    records::PageId,
};

/// The status of a crawl whose pages are being deleted. Callers never see such a crawl.
const REMOVED: &str = "removed";

/// How many pages of a removed crawl are deleted in one transaction.
const PAGES: i64 = 2000;

/// Adds a crawl to the list, and holds it for this process.
pub(super) fn begin(state: &Postgres, new: &NewCrawl) -> Result<Lease> {
    let holder = state.0.holder.id;
    let number = state.transact("start a crawl", |transaction| {
        let found = transaction.query_opt(
            "SELECT number, holder FROM crawls WHERE id = $1",
            &[Param::Text(&new.id)],
        )?;
        if let Some(row) = found {
            let own = get::<Option<i64>>(&row, 1)? == Some(holder);
            if transaction.is_repeated && own {
                return get(&row, 0);
            }
            let message = format!("crawl `{}` already exists", new.id);
            return Err(Error::new(Kind::Unforeseen, message).into());
        }
        let row = transaction.query_one(
            "INSERT INTO crawls (id, snapshot, fingerprint, version, created_at, status, holder)
             VALUES ($1, $2, $3, $4, {clock}, $5, $6) RETURNING number",
            &[
                Param::Text(&new.id),
                Param::Text(&new.snapshot),
                Param::Text(&new.fingerprint),
                Param::Text(&new.version),
                Param::Text(Status::Running.name()),
                Param::Int(holder),
            ],
        )?;
        get(&row, 0)
    })?;
    Ok(Lease::new(state, number, 1))
}

/// Holds an existing crawl for this process, with a number that ends all earlier holds.
pub(super) fn take_up(state: &Postgres, id: &str) -> Result<Lease> {
    let holder = state.0.holder.id;
    let (number, fence) = state.transact("open a crawl", |transaction| {
        let number = free(transaction, holder, id)?;
        let row = transaction.query_one(
            "UPDATE crawls SET holder = $1, fence = fence + 1 WHERE number = $2 RETURNING fence",
            &[Param::Int(holder), Param::Int(number)],
        )?;
        Ok((number, get(&row, 0)?))
    })?;
    Ok(Lease::new(state, number, fence))
}

/// Locks the row of the crawl with this id and returns its number, if no living process has it open.
fn free(transaction: &mut Transaction<'_>, own: i64, id: &str) -> Result<i64, Failure> {
    let found = transaction.query_opt(
        "SELECT number, holder FROM crawls WHERE id = $1 AND status <> $2 FOR UPDATE",
        &[Param::Text(id), Param::Text(REMOVED)],
    )?;
    let Some(row) = found else {
        return Err(Error::new(Kind::Missing, format!("there is no crawl `{id}`")).into());
    };
    let (number, holder): (i64, Option<i64>) = (get(&row, 0)?, get(&row, 1)?);
    let Some(holder) = holder.filter(|&holder| !(transaction.is_repeated && holder == own)) else {
        return Ok(number);
    };
    let alive = transaction.query_opt(
        "SELECT pid, host, since, lease_until - {clock} FROM holders
         WHERE id = $1 AND lease_until >= {clock}",
        &[Param::Int(holder)],
    )?;
    let Some(row) = alive else {
        return Ok(number);
    };
    let who = process::describe(get(&row, 0)?, get(&row, 1)?, get(&row, 2)?);
    let left = Duration::from_micros(get::<i64>(&row, 3)?.unsigned_abs());
    let message = format!("crawl `{id}` is in use by {who}");
    let hint = format!(
        "wait for that process, or end it and try again; if it has died, the crawl is free in {} s",
        left.as_secs() + 1
    );
    Err(Error::new(Kind::Held, message).with_hint(hint).into())
}

/// All crawls except those that are being removed, newest first.
pub(super) fn list(transaction: &mut Transaction<'_>) -> Result<Vec<Crawl>, Failure> {
    let rows = transaction.query(
        "SELECT c.number, c.id, c.snapshot, c.fingerprint, c.version, c.created_at, c.finished_at,
             c.status, c.summary, c.records,
             coalesce((SELECT max(place) FROM pages p WHERE p.place
                 BETWEEN (c.number << 32) AND (c.number << 32) + 4294967295), c.number << 32),
             EXISTS (SELECT 1 FROM holders h WHERE h.id = c.holder AND h.lease_until >= {clock})
         FROM crawls c WHERE c.status <> $1 ORDER BY c.number DESC",
        &[Param::Text(REMOVED)],
    )?;
    let mut crawls = Vec::new();
    for row in &rows {
        let number: i64 = get(row, 0)?;
        let status: &str = get(row, 7)?;
        let records = PageId(get(row, 10)?).sequence();
        if records < get(row, 9)? {
            let message = format!("pages of crawl {number} are missing");
            return Err(Failure::Damaged(message));
        }
        crawls.push(Crawl {
            id: get(row, 1)?,
            snapshot: get(row, 2)?,
            fingerprint: get(row, 3)?,
            version: get(row, 4)?,
            created_at: get(row, 5)?,
            finished_at: get(row, 6)?,
            status: Status::named(status).ok_or_else(|| {
                Failure::Damaged(format!("crawl {number} has the unknown status `{status}`"))
            })?,
            summary: get(row, 8)?,
            records: records.try_into().unwrap_or_default(),
            is_open: get(row, 11)?,
            number,
        });
    }
    Ok(crawls)
}

pub(super) fn deliveries(state: &Postgres, crawl: i64) -> Result<Vec<(String, String)>> {
    state.transact("read the deliveries", |transaction| {
        // The order of bytes, as in the file, and not that of the database's language.
        let rows = transaction.query(
            "SELECT sink, state FROM deliveries WHERE crawl = $1 ORDER BY sink COLLATE \"C\"",
            &[Param::Int(crawl)],
        )?;
        rows.iter()
            .map(|row| Ok((get(row, 0)?, get(row, 1)?)))
            .collect()
    })
}

/// Removes a crawl. It is hidden first, because its pages are deleted in several transactions.
pub(super) fn remove(state: &Postgres, id: &str) -> Result<()> {
    let holder = state.0.holder.id;
    state.transact("remove a crawl", |transaction| {
        let found = transaction.query_opt(
            "SELECT 1 FROM crawls WHERE id = $1 AND status = $2",
            &[Param::Text(id), Param::Text(REMOVED)],
        )?;
        if transaction.is_repeated && found.is_some() {
            return Ok(());
        }
        let number = free(transaction, holder, id)?;
        transaction.execute(
            "UPDATE crawls SET status = $2, holder = NULL, fence = fence + 1 WHERE number = $1",
            &[Param::Int(number), Param::Text(REMOVED)],
        )?;
        Ok(())
    })?;
    let mut left = true;
    while left {
        left = state.transact("remove a crawl", remove_some)?;
    }
    Ok(())
}

/// Deletes some pages of a removed crawl, or the rest of it if it has no pages left. Returns
/// whether to call it again.
fn remove_some(transaction: &mut Transaction<'_>) -> Result<bool, Failure> {
    let removed = transaction.query_opt(
        "SELECT number FROM crawls WHERE status = $1 ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED",
        &[Param::Text(REMOVED)],
    )?;
    let Some(row) = removed else {
        return Ok(false);
    };
    let number: i64 = get(&row, 0)?;
    let pages = transaction.execute(
        "DELETE FROM pages WHERE place IN
             (SELECT place FROM pages WHERE place BETWEEN $1 AND $2 LIMIT $3)",
        &[
            Param::Int(PageId::before(number).0),
            Param::Int(PageId::end(number).0),
            Param::Int(PAGES),
        ],
    )?;
    if pages == 0 {
        for sql in [
            "DELETE FROM notes WHERE crawl = $1",
            "DELETE FROM deliveries WHERE crawl = $1",
            "DELETE FROM crawls WHERE number = $1",
        ] {
            transaction.execute(sql, &[Param::Int(number)])?;
        }
    }
    Ok(true)
}

/// Compares every checksum of the crawls' pages and notes.
pub(super) fn check(state: &Postgres) -> Result<()> {
    let mut reader = pages::Reader(Database::new(state.0.access.clone())?);
    for crawl in state.transact("list the crawls", list)? {
        let number = crawl.number();
        let last = PageId::new(number, reader.last_sequence(number)?);
        let mut after = PageId::before(number);
        while after < last {
            let records = reader.read_some(after, last)?;
            after = records.last().map_or(last, |(place, ..)| *place);
        }
        reader.check_notes(number)?;
    }
    Ok(())
}

/// A crawl that this process has open, and the number that its writes must name.
pub(super) struct Lease {
    state: Postgres,
    number: i64,
    fence: i64,
}

impl Lease {
    fn new(state: &Postgres, number: i64, fence: i64) -> Self {
        state.0.holder.crawls.fetch_add(1, Ordering::SeqCst);
        Self {
            state: state.clone(),
            number,
            fence,
        }
    }
}

impl CrawlLease for Lease {
    fn number(&self) -> i64 {
        self.number
    }

    fn writer(&self) -> Result<Box<dyn RecordWriter>> {
        let database = Database::new(self.state.0.access.clone())?;
        let writer = pages::Writer::new(database, self.number, self.fence)?;
        Ok(Box::new(writer))
    }

    fn set_status(&self, status: Status, summary: Option<&str>) -> Result<()> {
        let (number, fence) = (self.number, self.fence);
        let finished = i64::from(!status.is_unfinished());
        self.state.transact("update a crawl", |transaction| {
            guard(transaction, number, fence)?;
            let records = pages::last_sequence(transaction, number)?;
            transaction.execute(
                "UPDATE crawls SET status = $2, summary = coalesce($4, summary), records = $5,
                     finished_at = CASE WHEN $3 = 1 THEN {clock} END
                 WHERE number = $1",
                &[
                    Param::Int(number),
                    Param::Text(status.name()),
                    Param::Int(finished),
                    Param::MaybeText(summary),
                    Param::Int(records),
                ],
            )?;
            Ok(())
        })
    }

    fn set_delivery(&self, sink: &str, text: &str) -> Result<()> {
        let (number, fence) = (self.number, self.fence);
        self.state.transact("save a delivery", |transaction| {
            guard(transaction, number, fence)?;
            transaction.execute(
                "INSERT INTO deliveries VALUES ($1, $2, $3)
                 ON CONFLICT (crawl, sink) DO UPDATE SET state = excluded.state",
                &[Param::Int(number), Param::Text(sink), Param::Text(text)],
            )?;
            Ok(())
        })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let shared = &self.state.0;
        shared.holder.crawls.fetch_sub(1, Ordering::SeqCst);
        let (number, fence) = (self.number, self.fence);
        let released = shared
            .database()
            .transact_once("release a crawl", |transaction| {
                transaction.execute(
                    "UPDATE crawls SET holder = NULL WHERE number = $1 AND fence = $2",
                    &[Param::Int(number), Param::Int(fence)],
                )
            });
        // If this fails, other processes can open the crawl when the lease has run out.
        if let Err(error) = released {
            tracing::warn!(%error, "cannot release the crawl");
        }
    }
}
