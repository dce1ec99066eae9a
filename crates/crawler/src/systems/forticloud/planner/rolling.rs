//! Chooses the accounts that a rolling crawl reads, once all of them are known.

use super::FortiCloudPlanner;
use crate::{Fetch, due::Due};

/// The accounts to choose from.
#[derive(Debug)]
pub(super) struct Rolling {
    due: Due,
    /// Each account that was found, and the position of its lists.
    found: Vec<(i64, usize)>,
    /// How many calls it took to find them.
    calls: u64,
}

impl Rolling {
    /// Holds an account until all are known.
    pub(super) fn hold(&mut self, account: i64, lists: usize) {
        self.found.push((account, lists));
    }

    /// Counts a call that finds accounts.
    pub(super) fn spend(&mut self) {
        self.calls += 1;
    }
}

impl FortiCloudPlanner {
    /// Limits the plan to the accounts that are due, unless the settings name accounts.
    #[must_use]
    pub(crate) fn limited_to(mut self, due: Option<Due>) -> Self {
        if self.settings.accounts.is_empty() {
            self.rolling = due.map(|due| Rolling {
                due,
                found: Vec::new(),
                calls: 0,
            });
        }
        self
    }

    /// Begins the accounts that are due, oldest first, as soon as no further account can appear.
    pub(super) fn choose_accounts(&mut self, fetches: &mut Vec<Fetch>) {
        if self.discovering > 0 {
            return;
        }
        let Some(Rolling { due, found, calls }) = self.rolling.take() else {
            return;
        };
        let lists = |at: usize| self.account_lists[at].all().len() as u64;
        let at_least = found.first().map_or(1, |&(_, at)| lists(at));
        let accounts: Vec<_> = found.iter().map(|&(account, _)| account).collect();
        let choice = due.choose(&accounts, calls, at_least);
        for (account, reason) in choice.postponed {
            let at = self.planned[&Some(account)];
            self.account_lists[at].postpone(reason);
        }
        for account in choice.due {
            self.begin_account(self.planned[&Some(account)], fetches);
        }
    }
}
