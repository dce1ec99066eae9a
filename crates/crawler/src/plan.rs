//! The plan of a FortiCloud crawl: a fold from outcomes to the next calls.
//!
//! [`Plan::follow`] takes what came of one call and says what to call next and which scopes are
//! closed. It has no clock, does no I/O and makes no random choice, so a crawl can be tested as
//! data, replayed and resumed.
//!
//! Outcomes may arrive in any order; scopes are published in one order all the same: the units,
//! then unit by unit its accounts and what was read of those that no earlier unit named.

mod discovery;
mod listing;
mod publish;
mod sweep;
mod wildcard;

#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use serde_json::Map;

use self::{
    listing::{Ask, Listing},
    sweep::Sweep,
    wildcard::Wildcard,
};
use crate::{Fetch, Outcome};

/// What a crawl of one source is to read.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The source's name.
    pub source: Arc<str>,
    /// Whether accounts are found through the organization.
    pub scope: ScopeMode,
    /// How serial numbers are searched for.
    pub search: Search,
    /// The registration statuses, each its own call.
    pub statuses: Vec<String>,
    /// Only these accounts, if any are named.
    pub accounts: Vec<i64>,
    /// Further list endpoints to ask of each account, such as `folders/list`.
    pub include: Vec<&'static str>,
}

/// Whether accounts are found through the organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeMode {
    /// Through the organization if the API user may read it, else the user's own account.
    Auto,
    /// Through the organization; anything else is a failure.
    Organization,
    /// The user's own account.
    Local,
}

/// How serial numbers are searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Search {
    /// With `%`; where that turns out to be no wildcard, with `F` and `S`.
    Auto,
    /// With these patterns.
    Patterns(Vec<String>),
}

/// What to do after an outcome.
#[derive(Debug, Default)]
pub struct Step {
    /// Calls to make, most urgent first.
    pub fetches: Vec<Fetch>,
    /// Scopes that ended, in the order in which they are published.
    pub closed: Vec<Scope>,
}

/// One scope of the coverage: an endpoint, and whom it was asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The endpoint.
    pub endpoint: &'static str,
    /// The account, if the scope is one.
    pub account_id: Option<i64>,
    /// The organizational unit, if the scope is one.
    pub ou_id: Option<i64>,
    /// The calls whose pages are the scope's rows, in order; or why there are none.
    pub pages: Result<Vec<Fetch>, String>,
}

/// The plan of one source's crawl.
#[derive(Debug)]
pub struct Plan {
    settings: Settings,
    /// Which list every call in flight belongs to.
    asked: HashMap<String, Slot>,
    units: Option<Listing>,
    /// One list of accounts per unit (or per account asked by number), in publishing order.
    discovery: Vec<Discovery>,
    /// How many calls that may lead to further accounts are in flight.
    discovering: usize,
    sweeps: Vec<Sweep>,
    /// Each account's sweep, so that an account that several units name is asked once.
    planned: HashMap<Option<i64>, usize>,
    wildcard: Wildcard,
    published: Published,
}

/// One call of `accounts/list`.
#[derive(Debug)]
struct Discovery {
    ou: Option<i64>,
    account: Option<i64>,
    list: Listing,
    /// The sweeps of the accounts that it named.
    sweeps: Vec<usize>,
}

#[derive(Debug, Clone, Copy)]
enum Slot {
    Units(Ask),
    Accounts(usize, Ask),
    Sweep { sweep: usize, list: usize, ask: Ask },
}

/// How far publishing is.
#[derive(Debug, Default)]
struct Published {
    units: bool,
    /// What comes next, in order, as far as that is known.
    turns: VecDeque<Turn>,
    queued: HashSet<usize>,
}

/// One turn in the order of publishing.
#[derive(Debug, Clone, Copy)]
enum Turn {
    Accounts(usize),
    Sweep(usize),
}

impl Plan {
    /// A plan that has not begun.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            asked: HashMap::new(),
            units: None,
            discovery: Vec::new(),
            discovering: 0,
            sweeps: Vec::new(),
            planned: HashMap::new(),
            wildcard: Wildcard::default(),
            published: Published::default(),
        }
    }

    /// The first calls.
    pub fn begin(&mut self) -> Step {
        let mut fetches = Vec::new();
        if !self.settings.accounts.is_empty() {
            self.published.units = true;
            for account in self.settings.accounts.clone() {
                self.discover(None, Some(account), &mut fetches);
            }
        } else if self.settings.scope == ScopeMode::Local {
            self.go_local(&mut fetches);
        } else {
            let list = Listing::new("units/list", Map::new());
            let ask = list.begin();
            fetches.push(self.ask(Slot::Units(ask), list.fetch(&self.settings.source, ask)));
            self.units = Some(list);
        }
        self.step(fetches)
    }

    /// Takes what came of one call.
    ///
    /// A call that this plan is not waiting for changes nothing.
    pub fn follow(&mut self, fetch: &Fetch, outcome: &Outcome) -> Step {
        let mut fetches = Vec::new();
        match self.asked.remove(&fetch.key()) {
            Some(Slot::Units(ask)) => self.follow_units(ask, outcome, &mut fetches),
            Some(Slot::Accounts(at, ask)) => self.follow_accounts(at, ask, outcome, &mut fetches),
            Some(Slot::Sweep { sweep, list, ask }) => {
                self.follow_sweep(sweep, list, ask, outcome, &mut fetches);
            }
            None => {}
        }
        self.step(fetches)
    }

    /// Whether no call is in flight or still to be made.
    pub fn done(&self) -> bool {
        self.asked.is_empty()
    }

    fn step(&mut self, mut fetches: Vec<Fetch>) -> Step {
        self.decide(&mut fetches);
        Step {
            fetches,
            closed: self.publish(),
        }
    }

    fn ask(&mut self, slot: Slot, fetch: Fetch) -> Fetch {
        self.discovering += usize::from(!matches!(slot, Slot::Sweep { .. }));
        self.asked.insert(fetch.key(), slot);
        fetch
    }

    /// Plans an account once, however often it is named.
    fn plan_account(&mut self, account: Option<i64>, fetches: &mut Vec<Fetch>) -> usize {
        if let Some(&sweep) = self.planned.get(&account) {
            return sweep;
        }
        let at = self.sweeps.len();
        let sweep = Sweep::new(&self.settings, account, self.wildcard.is_possible());
        self.planned.insert(account, at);
        self.sweeps.push(sweep);
        self.begin_sweep(at, fetches);
        at
    }

    fn begin_lists(
        &mut self,
        sweep: usize,
        lists: std::ops::Range<usize>,
        fetches: &mut Vec<Fetch>,
    ) {
        for at in lists {
            if let Some(list) = self.sweeps[sweep].list(at) {
                let ask = list.begin();
                let fetch = list.fetch(&self.settings.source, ask);
                fetches.push(self.ask(
                    Slot::Sweep {
                        sweep,
                        list: at,
                        ask,
                    },
                    fetch,
                ));
            }
        }
    }

    fn follow_sweep(
        &mut self,
        sweep: usize,
        at: usize,
        ask: Ask,
        outcome: &Outcome,
        fetches: &mut Vec<Fetch>,
    ) {
        let Some(list) = self.sweeps[sweep].list_mut(at) else {
            return;
        };
        let asks = list.follow(ask, outcome);
        let next: Vec<_> = asks
            .into_iter()
            .map(|ask| (ask, list.fetch(&self.settings.source, ask)))
            .collect();
        for (ask, fetch) in next {
            fetches.push(self.ask(
                Slot::Sweep {
                    sweep,
                    list: at,
                    ask,
                },
                fetch,
            ));
        }
        self.judge_sweep(sweep, fetches);
    }
}
