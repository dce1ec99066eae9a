//! The plan of a FortiCloud crawl: a fold from outcomes to the next calls.
//!
//! [`Plan::follow`] takes what came of one call and says what to call next and which scopes are
//! closed. It has no clock, does no I/O and makes no random choice, so a crawl can be tested as
//! data, replayed and resumed.
//!
//! Outcomes may arrive in any order; scopes are published in one order all the same: the units,
//! then unit by unit its accounts and what was read of those that no earlier unit named.

mod details;
mod discovery;
mod listing;
mod publish;
mod sweep;
mod wildcard;

#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    ops::Range,
    sync::Arc,
};

pub use self::details::DetailsFor;
pub(crate) use self::details::ENDPOINT as DETAILS;
use self::{
    details::Details,
    listing::{Ask, Listing},
    sweep::Sweep,
    wildcard::Wildcard,
};
use crate::{Fetch, Outcome, Scope, authenticator, portal};

/// The system behind a source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum System {
    /// FortiCloud.
    #[default]
    FortiCloud,
    /// A FortiPortal; of the settings, its name is all that it wants.
    FortiPortal,
    /// A FortiAuthenticator; as for a FortiPortal.
    FortiAuthenticator,
}

/// What a crawl of one source is to read.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The source's name.
    pub source: Arc<str>,
    /// The system behind it.
    pub system: System,
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
    /// The products to ask for one by one, if any.
    pub details: Option<DetailsFor>,
}

impl Settings {
    /// The endpoints whose answers are rows of the tables to publish.
    pub fn endpoints(&self) -> Vec<&'static str> {
        match self.system {
            System::FortiPortal => portal::ENDPOINTS.to_vec(),
            System::FortiAuthenticator => vec![authenticator::COUNTERS],
            System::FortiCloud => {
                let mut endpoints = vec!["units/list", "accounts/list", "products/list"];
                endpoints.extend(&self.include);
                endpoints.extend(self.details.as_ref().map(|_| DETAILS));
                endpoints
            }
        }
    }
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

/// The plan of one source's crawl.
#[derive(Debug)]
pub struct Plan {
    settings: Settings,
    /// Which list every call in flight belongs to.
    asked: HashMap<Arc<str>, Slot>,
    units: Option<Listing>,
    /// One list of accounts per unit (or per account asked by number), in publishing order.
    discovery: Vec<Discovery>,
    /// The lists of accounts that wait for the first one's answer.
    held: Vec<Fetch>,
    /// How many calls that may lead to further accounts are in flight.
    discovering: usize,
    sweeps: Vec<Sweep>,
    /// Each account's sweep, so that an account that several units name is asked once.
    planned: HashMap<Option<i64>, usize>,
    wildcard: Wildcard,
    /// Whether a page that was asked for by number has come.
    paging_works: bool,
    published: Published,
    /// What is asked of each product, once the lists are published.
    details: Option<Details>,
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

#[derive(Debug, Clone)]
enum Slot {
    Units(Ask),
    Accounts(usize, Ask),
    Sweep { sweep: usize, list: usize, ask: Ask },
    Details(details::Ask),
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
    ///
    /// What the settings say twice is asked once.
    pub fn new(mut settings: Settings) -> Self {
        distinct(&mut settings.statuses);
        distinct(&mut settings.accounts);
        distinct(&mut settings.include);
        if let Search::Patterns(patterns) = &mut settings.search {
            distinct(patterns);
        }
        let of = settings.details.clone();
        let details = of.map(|of| Details::new(settings.source.clone(), of));
        Self {
            settings,
            asked: HashMap::new(),
            units: None,
            discovery: Vec::new(),
            held: Vec::new(),
            discovering: 0,
            sweeps: Vec::new(),
            planned: HashMap::new(),
            wildcard: Wildcard::default(),
            paging_works: false,
            published: Published::default(),
            details,
        }
    }

    /// The first calls.
    pub fn begin(&mut self) -> Step {
        let mut fetches = Vec::new();
        if !self.settings.accounts.is_empty() {
            self.published.units = true;
            let mut lists = Vec::new();
            for account in self.settings.accounts.clone() {
                if self.settings.scope == ScopeMode::Local {
                    let sweep = self.plan_account(Some(account), &mut fetches);
                    self.published.turns.push_back(Turn::Sweep(sweep));
                } else {
                    self.discover(None, Some(account), &mut lists);
                }
            }
            self.lead_accounts(lists, &mut fetches);
        } else if self.settings.scope == ScopeMode::Local {
            self.go_local(&mut fetches);
        } else {
            let list = Listing::new("units/list", Vec::new());
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
        match self.asked.remove(fetch.key()) {
            Some(Slot::Units(ask)) => self.follow_units(ask, outcome, &mut fetches),
            Some(Slot::Accounts(at, ask)) => self.follow_accounts(at, ask, outcome, &mut fetches),
            Some(Slot::Sweep { sweep, list, ask }) => {
                self.follow_sweep(sweep, list, ask, outcome, &mut fetches);
            }
            Some(Slot::Details(ask)) => {
                if let Some(details) = &mut self.details {
                    details.follow(&ask, outcome);
                }
            }
            None => {}
        }
        self.step(fetches)
    }

    /// Whether the outcome of a call that was asked for would still be of use.
    ///
    /// A list that has failed or was begun anew does not wait for its pages any more.
    pub fn awaits(&self, fetch: &Fetch) -> bool {
        match self.asked.get(fetch.key()) {
            Some(Slot::Sweep { sweep, list, ask }) => {
                let list = self.sweeps[*sweep].list(*list);
                list.is_some_and(|list| list.awaits(*ask))
            }
            Some(Slot::Details(ask)) => {
                let details = self.details.as_ref();
                details.is_some_and(|details| details.awaits(ask))
            }
            Some(_) => true,
            None => false,
        }
    }

    /// Gives up a call that was asked for and is not awaited any more.
    ///
    /// Others may take its place.
    pub fn forget(&mut self, fetch: &Fetch) -> Step {
        if let Some(Slot::Details(ask)) = self.asked.remove(fetch.key())
            && let Some(details) = &mut self.details
        {
            details.forget(&ask);
        }
        self.step(Vec::new())
    }

    /// Whether everything was asked and everything is published.
    pub fn is_finished(&self) -> bool {
        let details = self.details.as_ref();
        self.asked.is_empty()
            && self.lists_are_published()
            && details.is_none_or(Details::is_finished)
    }

    fn step(&mut self, mut fetches: Vec<Fetch>) -> Step {
        self.decide(&mut fetches);
        let mut closed = self.publish();
        self.ask_details(&mut fetches);
        // An account without products ends as it begins.
        closed.extend(self.publish());
        Step { fetches, closed }
    }

    fn ask_details(&mut self, fetches: &mut Vec<Fetch>) {
        let listed = self.lists_are_published();
        let Some(details) = self.details.as_mut().filter(|_| listed) else {
            return;
        };
        for ask in details.next() {
            let fetch = details.fetch(&ask);
            self.asked.insert(fetch.key().clone(), Slot::Details(ask));
            fetches.push(fetch);
        }
    }

    fn ask(&mut self, slot: Slot, fetch: Fetch) -> Fetch {
        self.discovering += usize::from(!matches!(slot, Slot::Sweep { .. }));
        self.asked.insert(fetch.key().clone(), slot);
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

    /// Begins the first of these lists; the others wait for its first answer.
    ///
    /// An account that is refused then costs one error, however many lists there are of it.
    fn begin_lists(&mut self, sweep: usize, lists: Range<usize>, fetches: &mut Vec<Fetch>) {
        let first = lists.start;
        if !lists.is_empty() {
            self.sweeps[sweep].lead(lists);
            self.begin_list(sweep, first, fetches);
        }
    }

    fn begin_list(&mut self, sweep: usize, at: usize, fetches: &mut Vec<Fetch>) {
        if let Some(list) = self.sweeps[sweep].list(at) {
            let ask = list.begin();
            let fetch = list.fetch(&self.settings.source, ask);
            let slot = Slot::Sweep {
                sweep,
                list: at,
                ask,
            };
            fetches.push(self.ask(slot, fetch));
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
        let asks = list.follow(ask, outcome, self.paging_works);
        self.paging_works |= ask.0.is_some() && matches!(outcome, Outcome::Page(_));
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
        for at in self.sweeps[sweep].release(at) {
            self.begin_list(sweep, at, fetches);
        }
        self.judge_sweep(sweep, fetches);
    }
}

/// Drops what was there before, and keeps the order.
fn distinct<T: Clone + Eq + std::hash::Hash>(values: &mut Vec<T>) {
    let mut seen = HashSet::new();
    values.retain(|value| seen.insert(value.clone()));
}
