//! Which accounts a rolling crawl reads: those that were read longest ago.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use serde::{Deserialize, Serialize};

/// Why the rows of an account are carried although nothing failed.
pub(crate) const FRESH: &str = "its lists were read less than `refresh` ago";
/// Why an account has no rows: `calls_per_run` was spent on others.
pub(crate) const NO_CALLS_LEFT: &str =
    "not read in this run, because accounts that were read longer ago used up `calls_per_run`";

/// How much of a source one crawl reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refresh {
    /// How old the lists of an account are when they are read again.
    pub every: Duration,
    /// How many calls one crawl may plan for the lists of a source; `None` reads all accounts that
    /// are due.
    pub calls: Option<u64>,
}

/// The accounts of each source that this crawl reads.
pub(crate) type DueBySource = BTreeMap<String, Due>;

/// Decides which accounts of a source are due.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Due {
    /// Accounts that were read at this time or later are not due, in microseconds of Unix time.
    pub(crate) before: i64,
    pub(crate) calls: Option<u64>,
    /// What is known about each account; others were never read.
    pub(crate) accounts: Vec<(i64, LastRead)>,
}

/// The last time that an account was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastRead {
    /// The time of its oldest rows; `None` if a list of it has none.
    pub(crate) read_at: Option<i64>,
    /// When it was last tried. An account that failed then is not first in line the next time:
    /// otherwise a few that always fail would use up the errors of every crawl.
    pub(crate) tried_at: i64,
    /// The number of pages, which is the number of calls that reading it again will take.
    pub(crate) calls: u64,
}

/// The accounts that a crawl reads, and those that it does not read and why.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) due: Vec<i64>,
    pub(crate) postponed: Vec<(i64, &'static str)>,
}

impl Due {
    /// Chooses from the accounts of the organization.
    ///
    /// `spent` is how many calls it took to find them, and `at_least` how many calls an account
    /// takes that was never read. One account is always chosen, so that every crawl makes progress.
    pub(crate) fn choose(&self, accounts: &[i64], spent: u64, at_least: u64) -> Choice {
        let known: HashMap<i64, LastRead> = self.accounts.iter().copied().collect();
        let mut choice = Choice::default();
        let mut due = Vec::new();
        for &account in accounts {
            let last = known.get(&account);
            match last.and_then(|last| last.read_at) {
                Some(read_at) if read_at >= self.before => choice.postponed.push((account, FRESH)),
                _ => due.push((last.map_or(i64::MIN, |last| last.tried_at), account, last)),
            }
        }
        // Stable, so accounts that were read at the same time keep the order of the lists.
        due.sort_by_key(|(tried_at, ..)| *tried_at);
        let mut calls = spent;
        for (_, account, last) in due {
            calls += last.map_or(at_least, |last| last.calls.max(at_least));
            let fits = self.calls.is_none_or(|most| calls <= most);
            if fits || choice.due.is_empty() {
                choice.due.push(account);
            } else {
                choice.postponed.push((account, NO_CALLS_LEFT));
            }
        }
        choice
    }
}
