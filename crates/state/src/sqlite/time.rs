//! The ledger's clock.
//!
//! The system's clock can be changed at any time, by an hour or by years. If the ledger used it, a
//! jump ahead would empty all windows and a jump back would block calls for years. So the ledger
//! uses the machine's uptime, which cannot be set and is the same for all processes, plus an offset
//! that turns it into a date. The offset is stored in the file, with the id of the boot that it
//! belongs to.
//!
//! Only after a restart of the machine does the system's clock decide how much time has passed. If
//! it is behind the newest entry, the ledger continues at that entry. Then entries look newer than
//! they are, and a call may wait too long, but by at most the longest window.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use fortilake_auth::Micros;
use rusqlite::{OptionalExtension, Transaction};

use crate::{
    checksum::Checksum,
    clocks::{Clocks, Correction, OnCorrection},
    error::OperationError,
};

/// Smaller steps of the system's clock, in microseconds, are normal time synchronization and are
/// not reported.
const TOLERANCE: Micros = 2_000_000;

/// The ledger's time, for one opened state.
pub(crate) struct Time {
    clocks: Clocks,
    /// Added to the uptime to get the ledger's time. It never changes while the state is open.
    offset: Micros,
    /// Whether the system's clock has not been checked yet since the machine was restarted.
    restarted: AtomicBool,
    /// The ledger's time minus the system's clock when the state was opened.
    ahead_at_first: Micros,
    corrections: Mutex<Corrections>,
}

#[derive(Default)]
struct Corrections {
    listener: Option<OnCorrection>,
    untold: Vec<Correction>,
}

/// The one row of `clock`.
struct ClockRow {
    boot: String,
    offset: Micros,
    ahead: Micros,
}

impl Time {
    /// Determines the ledger's time, given the time of its newest entry.
    pub(crate) fn start(
        transaction: &Transaction<'_>,
        clocks: Clocks,
        latest: Micros,
    ) -> Result<Self, OperationError> {
        let kept = ClockRow::read(transaction)?;
        let (wall, uptime) = ((clocks.wall)(), (clocks.uptime)());
        let ahead = kept.as_ref().map_or(0, |kept| kept.ahead);
        let same_boot = |kept: &&ClockRow| !clocks.boot.is_empty() && kept.boot == clocks.boot;
        let (now, restarted) = match kept.as_ref().filter(same_boot) {
            Some(kept) => (uptime.saturating_add(kept.offset), false),
            // The uptime of another boot began at another instant, so only the system's clock is left.
            None => (wall.saturating_add(ahead), true),
        };
        let now = now.max(latest);
        let time = Self {
            offset: now.saturating_sub(uptime),
            restarted: AtomicBool::new(restarted),
            ahead_at_first: now.saturating_sub(wall),
            corrections: Mutex::default(),
            clocks,
        };
        time.keep(transaction, ahead)?;
        Ok(time)
    }

    /// The ledger's time in microseconds.
    pub(crate) fn now(&self) -> Micros {
        (self.clocks.uptime)().saturating_add(self.offset)
    }

    /// The system's date and time, which may be wrong.
    pub(crate) fn wall(&self) -> Micros {
        (self.clocks.wall)()
    }

    /// Converts a time of the process's own clock to the ledger's time. That clock was equal to the
    /// system's clock when the state was opened, and cannot be set.
    pub(crate) fn to_ledger(&self, time: Micros) -> Micros {
        time.saturating_add(self.ahead_at_first)
    }

    /// The reverse of [`to_ledger`](Self::to_ledger).
    pub(crate) fn to_local(&self, time: Micros) -> Micros {
        time.saturating_sub(self.ahead_at_first)
    }

    /// Returns the ledger's time. If the system's clock was changed since the last check of any
    /// process, reports that.
    pub(crate) fn check(&self, transaction: &Transaction<'_>) -> Result<Micros, OperationError> {
        let now = self.now();
        let ahead = now.saturating_sub(self.wall());
        let restarted = self.restarted.swap(false, Ordering::Relaxed);
        // Another process may have reported the change already, and stored it.
        let known = ClockRow::read(transaction)?.map_or(0, |kept| kept.ahead);
        let step = known.saturating_sub(ahead);
        if step.saturating_abs() > TOLERANCE {
            self.keep(transaction, ahead)?;
            self.tell(Correction { step, restarted });
        }
        Ok(now)
    }

    /// Sets the listener, and calls it for the corrections so far.
    pub(crate) fn on_correction(&self, listener: OnCorrection) {
        let mut corrections = self.corrections();
        corrections.untold.drain(..).for_each(|one| listener(&one));
        corrections.listener = Some(listener);
    }

    fn tell(&self, correction: Correction) {
        tracing::warn!(%correction, "the system clock was changed");
        let mut corrections = self.corrections();
        match &corrections.listener {
            Some(listener) => listener(&correction),
            None => corrections.untold.push(correction),
        }
    }

    fn corrections(&self) -> MutexGuard<'_, Corrections> {
        self.corrections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, transaction: &Transaction<'_>, ahead: Micros) -> Result<(), OperationError> {
        let kept = ClockRow {
            boot: self.clocks.boot.clone(),
            offset: self.offset,
            ahead,
        };
        transaction.execute(
            "INSERT OR REPLACE INTO clock VALUES (1, ?, ?, ?, ?)",
            (&kept.boot, kept.offset, kept.ahead, kept.checksum()),
        )?;
        Ok(())
    }
}

impl ClockRow {
    fn read(transaction: &Transaction<'_>) -> Result<Option<Self>, OperationError> {
        let row = transaction
            .prepare_cached("SELECT boot, uptime_offset, ahead, checksum FROM clock")?
            .query_row((), |row| {
                let kept = Self {
                    boot: row.get(0)?,
                    offset: row.get(1)?,
                    ahead: row.get(2)?,
                };
                Ok((kept, row.get::<_, i64>(3)?))
            })
            .optional()?;
        match row {
            Some((kept, checksum)) if checksum != kept.checksum() => Err(OperationError::Damaged(
                "the ledger's clock has a wrong checksum".to_owned(),
            )),
            row => Ok(row.map(|(kept, _)| kept)),
        }
    }

    fn checksum(&self) -> i64 {
        Checksum::of("clock")
            .text(&self.boot)
            .int(self.offset)
            .int(self.ahead)
            .finish()
    }
}
