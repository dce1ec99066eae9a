//! Finds out whether `%` is a wildcard in this tenant, with as few calls and errors as possible.

use std::collections::VecDeque;

use super::{FortiCloudPlanner, account_lists::Finding};
use crate::Fetch;

/// What is known about `%`, and the accounts that wait for it.
#[derive(Debug, Default)]
pub(super) struct Wildcard {
    knowledge: Knowledge,
    /// The first account that is searched. The others wait until the API has accepted `%` for it.
    ///
    /// Searching one account alone first means that a tenant that rejects `%` costs one error. If
    /// all accounts were searched at once, each of them would cost two, and ten errors per hour are
    /// soon used up. The price is one round trip at the start of every crawl.
    trial: Trial,
    held: VecDeque<usize>,
    /// The number of accounts whose search with `%` has not ended.
    searching: usize,
    /// The accounts in which `%` found nothing or was rejected while it was not proven.
    undecided: Vec<usize>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Knowledge {
    #[default]
    Unknown,
    /// An account answered `%` with a row.
    Proven,
    /// An account that rejected `%` answered another search.
    Disproven,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Trial {
    #[default]
    Wanted,
    Running(usize),
    Done,
}

impl Wildcard {
    /// Whether `%` may still turn out to be a wildcard.
    pub(super) fn is_possible(&self) -> bool {
        self.knowledge != Knowledge::Disproven
    }
}

impl FortiCloudPlanner {
    /// Begins to read an account, or holds it until the first account is answered.
    pub(super) fn begin_account(&mut self, at: usize, fetches: &mut Vec<Fetch>) {
        if self.account_lists[at].searching() {
            self.wildcard.searching += 1;
            match self.wildcard.trial {
                Trial::Wanted => self.wildcard.trial = Trial::Running(at),
                Trial::Running(_) => return self.wildcard.held.push_back(at),
                Trial::Done => {}
            }
        }
        let lists = self.account_lists[at].all();
        self.begin_lists(at, lists, fetches);
    }

    /// Learns about `%` from the responses of an account.
    pub(super) fn judge_account(&mut self, at: usize, fetches: &mut Vec<Fetch>) {
        let is_trial = self.wildcard.trial == Trial::Running(at);
        if !self.account_lists[at].searching() {
            if is_trial {
                self.judge_refused_trial(at, fetches);
            }
            return;
        }
        let Some(finding) = self.account_lists[at].find() else {
            return;
        };
        self.wildcard.searching -= 1;
        match finding {
            Finding::Rows => self.wildcard.knowledge = Knowledge::Proven,
            Finding::Failed => {}
            // Whether the account or the whole tenant rejects `%` is shown by the responses to its
            // other searches.
            Finding::Rejected if is_trial => return self.search_otherwise(at, fetches),
            Finding::Nothing | Finding::Rejected => self.wildcard.undecided.push(at),
        }
        if is_trial {
            match finding {
                // The failure of one account says nothing about the tenant, so try the next one.
                Finding::Failed | Finding::Rejected => self.begin_trial(fetches),
                Finding::Rows | Finding::Nothing => self.release_held(fetches),
            }
        } else if finding == Finding::Rows && self.wildcard.trial != Trial::Done {
            // Its response came late, and proves `%` all the same.
            self.release_held(fetches);
        }
    }

    /// Tries another account if the response of the trial comes late.
    pub(super) fn replace_trial(&mut self, at: usize, fetches: &mut Vec<Fetch>) {
        if self.wildcard.trial == Trial::Running(at) && !self.wildcard.held.is_empty() {
            self.begin_trial(fetches);
        }
    }

    /// Handles the other searches of the first account, after the API rejected `%` for it.
    fn judge_refused_trial(&mut self, at: usize, fetches: &mut Vec<Fetch>) {
        match self.account_lists[at].answers_otherwise() {
            Some(true) => {
                self.wildcard.knowledge = Knowledge::Disproven;
                self.release_held(fetches);
            }
            // This account fails whatever is asked of it.
            Some(false) => self.begin_trial(fetches),
            None => {}
        }
    }

    fn begin_trial(&mut self, fetches: &mut Vec<Fetch>) {
        self.wildcard.trial = Trial::Wanted;
        if let Some(next) = self.wildcard.held.pop_front() {
            self.wildcard.searching -= 1;
            self.begin_account(next, fetches);
        }
    }

    fn release_held(&mut self, fetches: &mut Vec<Fetch>) {
        self.wildcard.trial = Trial::Done;
        for at in std::mem::take(&mut self.wildcard.held) {
            self.wildcard.searching -= 1;
            if !self.wildcard.is_possible() {
                self.account_lists[at].restart_otherwise(&self.settings);
            }
            self.begin_account(at, fetches);
        }
    }

    /// Settles the undecided accounts as soon as it is known whether `%` works.
    ///
    /// They wait as long as an account may still prove `%`, because waiting costs no calls and
    /// searching in other ways does.
    pub(super) fn decide(&mut self, fetches: &mut Vec<Fetch>) {
        let last_chance = self.wildcard.searching == 0 && self.discovering == 0;
        match self.wildcard.knowledge {
            Knowledge::Proven => {
                for at in std::mem::take(&mut self.wildcard.undecided) {
                    self.account_lists[at].accept();
                }
            }
            Knowledge::Unknown if !last_chance => {}
            Knowledge::Unknown | Knowledge::Disproven => {
                for at in std::mem::take(&mut self.wildcard.undecided) {
                    self.search_otherwise(at, fetches);
                }
            }
        }
    }

    fn search_otherwise(&mut self, at: usize, fetches: &mut Vec<Fetch>) {
        let added = self.account_lists[at].search_otherwise(&self.settings);
        self.begin_lists(at, added, fetches);
    }
}
