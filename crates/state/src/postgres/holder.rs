//! The lease of this process, by which others know that it lives.

use std::{
    sync::{
        atomic::{AtomicI64, Ordering},
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use super::{
    database::{Access, Database, Failure, Param, Transaction, get},
    schema,
};
use crate::{Error, Kind, Result, process};

/// How often the lease is renewed while it lasts.
const RENEWALS: u32 = 4;

/// How long a holder whose lease has run out is kept, in microseconds. It may still say how its
/// calls ended.
const KEPT: i64 = 24 * 3600 * 1_000_000;

/// The row of this process in `holders`, and the thread that renews its lease.
pub(super) struct Holder {
    pub(super) id: i64,
    /// How long the lease lasts after it is renewed, in microseconds.
    lease: i64,
    access: Access,
    /// The number of the next reservation.
    request: AtomicI64,
    /// How many crawls this process believes that it holds.
    pub(super) crawls: AtomicI64,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Holder {
    /// Takes a new id and begins its lease.
    pub(super) fn enter(database: &mut Database, lease: Duration) -> Result<Self> {
        let micros = i64::try_from(lease.as_micros()).unwrap_or(i64::MAX / 4);
        let access = database.access.clone();
        let id = database.transact_once("start a session", |transaction| {
            forget_the_dead(transaction)?;
            let row = transaction.query_one("SELECT nextval('holder_ids')", &[])?;
            let id = get(&row, 0)?;
            renew(transaction, id, micros, &access)?;
            Ok(id)
        })?;
        let mut own = Database::new(access.clone())?;
        let (stop, stopped) = mpsc::channel::<()>();
        let own_access = access.clone();
        let renewing = move || {
            while stopped.recv_timeout(lease / RENEWALS) == Err(RecvTimeoutError::Timeout) {
                let renewed = own.transact_once("renew the lease", |transaction| {
                    renew(transaction, id, micros, &own_access)
                });
                // The next attempt follows soon. If all fail, others take this process for dead, and
                // the ledger and the journal notice that.
                if let Err(error) = renewed {
                    tracing::warn!(%error, "cannot renew the lease");
                }
            }
        };
        let thread = thread::Builder::new()
            .name("lease".to_owned())
            .spawn(renewing)
            .map_err(|error| {
                Error::new(
                    Kind::Unforeseen,
                    "cannot start the thread that renews the lease",
                )
                .with_source(error)
            })?;
        Ok(Self {
            id,
            lease: micros,
            access,
            request: AtomicI64::new(1),
            crawls: AtomicI64::new(0),
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// A number for a new reservation, which no other one of this process has.
    pub(super) fn next_request(&self) -> i64 {
        self.request.fetch_add(1, Ordering::Relaxed)
    }

    /// Renews the lease as a part of another transaction.
    pub(super) fn renew(&self, transaction: &mut Transaction<'_>) -> Result<(), Failure> {
        renew(transaction, self.id, self.lease, &self.access)
    }

    /// Ends the lease. If this fails, it runs out.
    pub(super) fn leave(&mut self, database: &mut Database) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let id = self.id;
        let left = database.transact_once("end a session", |transaction| {
            transaction.execute(
                "UPDATE holders SET lease_until = 0 WHERE id = $1",
                &[Param::Int(id)],
            )?;
            transaction.execute(
                "DELETE FROM holders WHERE id = $1
                 AND NOT EXISTS (SELECT 1 FROM in_flight WHERE holder = $1)
                 AND NOT EXISTS (SELECT 1 FROM crawls WHERE holder = $1)",
                &[Param::Int(id)],
            )
        });
        if let Err(error) = left {
            tracing::warn!(%error, "cannot end the lease; it will run out");
        }
    }
}

/// Renews or begins a lease, unless the tables were upgraded since this process opened them.
fn renew(
    transaction: &mut Transaction<'_>,
    id: i64,
    lease: i64,
    access: &Access,
) -> Result<(), Failure> {
    let until = "{clock} + $2";
    let is_current = "(SELECT number FROM version) <= $3";
    let renewed = transaction.execute(
        &format!("UPDATE holders SET lease_until = {until} WHERE id = $1 AND {is_current}"),
        &[
            Param::Int(id),
            Param::Int(lease),
            Param::Int(access.version()),
        ],
    )?;
    if renewed > 0 {
        return Ok(());
    }
    // It is new, or was silent for so long that it was forgotten.
    let host = process::host();
    let begun = transaction.execute(
        &format!("INSERT INTO holders SELECT $1, $4, $5, {{clock}}, {until} WHERE {is_current}"),
        &[
            Param::Int(id),
            Param::Int(lease),
            Param::Int(access.version()),
            Param::Int(std::process::id().into()),
            Param::Text(&host),
        ],
    )?;
    if begun > 0 {
        return Ok(());
    }
    let row = transaction.query_one("SELECT number FROM version", &[])?;
    Err(schema::newer(access, get(&row, 0)?).into())
}

/// Deletes what dead processes have left, once no process can need it.
fn forget_the_dead(transaction: &mut Transaction<'_>) -> Result<(), Failure> {
    transaction.execute(
        "DELETE FROM holders h WHERE lease_until < {clock} - $1
         AND NOT EXISTS (SELECT 1 FROM in_flight f WHERE f.holder = h.id AND f.counted = 0)
         AND NOT EXISTS (SELECT 1 FROM crawls c WHERE c.holder = h.id)",
        &[Param::Int(KEPT)],
    )?;
    transaction.execute(
        "DELETE FROM in_flight f WHERE counted <> 0
         AND NOT EXISTS (SELECT 1 FROM holders h WHERE h.id = f.holder)",
        &[],
    )?;
    Ok(())
}
