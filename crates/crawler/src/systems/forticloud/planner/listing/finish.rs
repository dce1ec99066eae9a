//! Ends a reading of a list: the list is complete, is read again, or has failed.

use super::{Listing, ListingState, PageRequest, reading::Reading};
use crate::FailureKind;

/// How often a list is read before it fails because its pages do not fit together.
const ROUNDS: u32 = 2;

/// How often a list is read before it fails because its pages arrived too far apart.
const SLOW_ROUNDS: u32 = 4;

/// How often a list is read before it fails because no two consecutive readings agree.
const READINGS: u32 = 6;

/// How far apart the pages of one reading may arrive, in microseconds: ten minutes.
const LONGEST_READING: i64 = 10 * 60 * 1_000_000;

impl Listing {
    /// Closes the list when every page has arrived, unless the pages contradict each other or
    /// another reading is needed for comparison.
    pub(super) fn finish(&mut self) -> Result<Vec<PageRequest>, String> {
        if let Some(flaw) = self.reading.uneven().or_else(|| self.reading.unseen()) {
            return Err(flaw);
        }
        if let Some(count) = self.reading.indistinct() {
            let message = format!("{count} different rows have no key to tell them apart");
            self.fail(FailureKind::Lost, message);
            return Ok(Vec::new());
        }
        if self.verify && self.reading.pages.len() > 1 {
            let found = self.reading.digest();
            if self.found.replace(found) != Some(found) {
                self.readings += 1;
                if self.readings == READINGS {
                    let message = format!(
                        "read the list {READINGS} times, and no two consecutive readings agreed"
                    );
                    self.fail(FailureKind::Lost, message);
                    return Ok(Vec::new());
                }
                return Ok(self.next_round());
            }
        }
        self.state = ListingState::Closed;
        self.reading.close();
        Ok(Vec::new())
    }

    /// Starts the list again if its pages arrived too far apart: what was true when the first page
    /// was read may no longer be true. Returns `None` if they did not.
    pub(super) fn slow(&mut self) -> Option<Vec<PageRequest>> {
        if self.reading.span() <= LONGEST_READING {
            return None;
        }
        self.slow += 1;
        if self.slow < SLOW_ROUNDS {
            return Some(self.next_round());
        }
        let minutes = LONGEST_READING / 60_000_000;
        let message = format!(
            "its pages took more than {minutes} minutes to arrive in each of {SLOW_ROUNDS} attempts"
        );
        self.fail(FailureKind::Lost, message);
        Some(Vec::new())
    }

    pub(super) fn next_round(&mut self) -> Vec<PageRequest> {
        self.reading = Reading::default();
        self.total = None;
        self.holding = false;
        self.round += 1;
        vec![self.begin()]
    }

    /// Reads the list again from its first page, or fails it if that was tried before.
    pub(super) fn begin_anew(&mut self, flaw: &str) -> Vec<PageRequest> {
        self.misfits += 1;
        if self.misfits == ROUNDS {
            let message =
                format!("its pages do not form a complete list after {ROUNDS} attempts: {flaw}");
            self.fail(FailureKind::Lost, message);
            return Vec::new();
        }
        self.next_round()
    }
}
