//! Whether `%` is a wildcard in this tenant, found out with as few calls and errors as possible.

use std::collections::VecDeque;

use super::{Plan, sweep::Finding};
use crate::Fetch;

/// How many accounts have to reject `%` before the tenant is taken to.
const REJECTIONS: u32 = 2;

/// What is known of `%`, and which accounts wait for more.
#[derive(Debug, Default)]
pub(super) struct Wildcard {
    knowledge: Knowledge,
    /// The first account to be asked; the others wait until the API has taken `%` from it.
    ///
    /// A tenant that does not take it would cost two errors an account, and errors are scarce.
    scout: Scout,
    held: VecDeque<usize>,
    /// How many scouts the API did not take `%` from.
    rejections: u32,
    /// How many accounts still wait for what `%` finds in them.
    searching: usize,
    /// The accounts in which `%` found nothing while it was not proven.
    undecided: Vec<usize>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Knowledge {
    #[default]
    Unknown,
    /// Some account answered `%` with a row.
    Proven,
    /// The API does not take it, or prefixes found rows where it found none.
    Disproven,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Scout {
    #[default]
    Wanted,
    Asking(usize),
    Back,
}

impl Wildcard {
    /// Whether asking with `%` makes sense.
    pub(super) fn is_possible(&self) -> bool {
        self.knowledge != Knowledge::Disproven
    }
}

impl Plan {
    /// Begins to ask an account, or holds it until the scout is back.
    pub(super) fn begin_sweep(&mut self, at: usize, fetches: &mut Vec<Fetch>) {
        if self.sweeps[at].searching() {
            self.wildcard.searching += 1;
            match self.wildcard.scout {
                Scout::Wanted => self.wildcard.scout = Scout::Asking(at),
                Scout::Asking(_) => return self.wildcard.held.push_back(at),
                Scout::Back => {}
            }
        }
        let lists = self.sweeps[at].all();
        self.begin_lists(at, lists, fetches);
    }

    /// Learns from what an account has answered so far.
    pub(super) fn judge_sweep(&mut self, at: usize, fetches: &mut Vec<Fetch>) {
        let sweep = &mut self.sweeps[at];
        if !sweep.searching() {
            if sweep.disproves_wildcard() && self.wildcard.knowledge == Knowledge::Unknown {
                self.wildcard.knowledge = Knowledge::Disproven;
            }
            return;
        }
        let Some(finding) = sweep.find() else { return };
        self.wildcard.searching -= 1;
        match finding {
            Finding::Rows => self.wildcard.knowledge = Knowledge::Proven,
            Finding::Failed => {}
            Finding::Nothing => self.wildcard.undecided.push(at),
            Finding::Rejected => self.search_by_prefix(at, fetches),
        }
        if self.wildcard.scout == Scout::Asking(at) {
            self.hear_scout(finding, fetches);
        }
    }

    fn hear_scout(&mut self, finding: Finding, fetches: &mut Vec<Fetch>) {
        self.wildcard.rejections += u32::from(finding == Finding::Rejected);
        let rejected = self.wildcard.rejections == REJECTIONS;
        let next = match finding {
            // One account says nothing about the tenant; the next one goes.
            Finding::Failed => true,
            Finding::Rejected => !rejected,
            Finding::Rows | Finding::Nothing => false,
        };
        if next {
            self.wildcard.scout = Scout::Wanted;
            if let Some(next) = self.wildcard.held.pop_front() {
                self.wildcard.searching -= 1;
                self.begin_sweep(next, fetches);
            }
            return;
        }
        self.wildcard.scout = Scout::Back;
        if rejected {
            self.wildcard.knowledge = Knowledge::Disproven;
        }
        for at in std::mem::take(&mut self.wildcard.held) {
            self.wildcard.searching -= 1;
            if rejected {
                self.sweeps[at].restart_with_prefixes(&self.settings);
            }
            self.begin_sweep(at, fetches);
        }
    }

    /// Settles the accounts in which `%` found nothing, as soon as that can be known.
    ///
    /// They wait for one account that proves `%`, because waiting costs no call and asking does.
    pub(super) fn decide(&mut self, fetches: &mut Vec<Fetch>) {
        let last_chance = self.wildcard.searching == 0 && self.discovering == 0;
        match self.wildcard.knowledge {
            Knowledge::Proven => {
                for at in std::mem::take(&mut self.wildcard.undecided) {
                    self.sweeps[at].accept();
                }
            }
            Knowledge::Unknown if !last_chance => {}
            Knowledge::Unknown | Knowledge::Disproven => {
                for at in std::mem::take(&mut self.wildcard.undecided) {
                    self.search_by_prefix(at, fetches);
                }
            }
        }
    }

    fn search_by_prefix(&mut self, at: usize, fetches: &mut Vec<Fetch>) {
        let added = self.sweeps[at].search_by_prefix(&self.settings);
        self.begin_lists(at, added, fetches);
    }
}
