//! The plan of a FortiCloud crawl: a fold from outcomes to the next calls.
//!
//! [`FortiCloudPlanner::follow`] takes the outcome of one call and returns the next calls and the scopes that
//! have closed. It has no clock, does no I/O and makes no random choice, so a crawl can be tested
//! as data, replayed and resumed.
//!
//! Outcomes may arrive in any order, but scopes are always published in the same one: first the
//! units, then for each unit its accounts, followed by the lists of those accounts that no earlier
//! unit has named.

mod account_lists;
mod details;
mod discovery;
mod flex;
mod listing;
mod publish;
mod rolling;
mod wildcard;

#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    ops::Range,
    sync::Arc,
};

pub(crate) use self::details::ENDPOINT as DETAILS;
pub(crate) use self::flex::{LEVELS as FLEX, depth as flex_depth};
use self::{
    account_lists::AccountLists,
    details::Details,
    flex::Flex,
    listing::{Listing, PageRequest},
    rolling::Rolling,
    wildcard::Wildcard,
};
use crate::{Fetch, Outcome, ScopeMode, Search, Settings, Step, systems::Planner};

/// The plan for crawling one source.
#[derive(Debug)]
pub struct FortiCloudPlanner {
    settings: Settings,
    /// The list that each call in flight belongs to.
    asked: HashMap<Arc<str>, Purpose>,
    units: Option<Listing>,
    /// Why only the user's own account is read, until that has been published.
    local: Option<String>,
    /// One list of accounts per unit (or per account asked by number), in publishing order.
    discovery: Vec<Discovery>,
    /// Lists of accounts that wait for the response to the first one.
    held: Vec<Fetch>,
    /// The number of calls in flight that may lead to further accounts.
    discovering: usize,
    account_lists: Vec<AccountLists>,
    /// The accounts that have to be chosen, if not all of them are read.
    rolling: Option<Rolling>,
    /// The position of each account's lists, so that an account that several units name is read
    /// once.
    planned: HashMap<Option<i64>, usize>,
    wildcard: Wildcard,
    /// Whether any page that was requested by number has arrived.
    paging_works: bool,
    published: Published,
    /// The details of each product, which are requested once all lists are published.
    details: Option<Details>,
    flex: Option<Flex>,
}

/// One call of `accounts/list`.
#[derive(Debug)]
struct Discovery {
    ou: Option<i64>,
    account: Option<i64>,
    list: Listing,
    /// The positions of the lists of the accounts that it named.
    account_lists: Vec<usize>,
}

#[derive(Debug, Clone)]
enum Purpose {
    Units(PageRequest),
    Accounts(usize, PageRequest),
    AccountList {
        account_at: usize,
        list: usize,
        request: PageRequest,
    },
    /// The details of one product, for every account that lists it.
    Details(Vec<details::DetailsRequest>),
    Flex(flex::ListPosition, PageRequest),
}

/// What has been published so far.
#[derive(Debug, Default)]
struct Published {
    units: bool,
    /// What is published next, in order, as far as that is known.
    turns: VecDeque<Turn>,
    queued: HashSet<usize>,
}

/// One turn in the order of publishing.
#[derive(Debug, Clone, Copy)]
enum Turn {
    Accounts(usize),
    AccountLists(usize),
}

impl FortiCloudPlanner {
    /// Creates a plan that has not begun.
    ///
    /// Values that occur twice in the settings are requested once.
    pub fn new(mut settings: Settings) -> Self {
        distinct(&mut settings.statuses);
        distinct(&mut settings.accounts);
        distinct(&mut settings.include);
        if let Search::Patterns(patterns) = &mut settings.search {
            distinct(patterns);
        }
        let flex = match settings.accounts.as_slice() {
            [] => Flex::new(flex_depth(&settings.include)),
            // FortiFlex belongs to the whole organization.
            _ => None,
        };
        settings.include.retain(|endpoint| !FLEX.contains(endpoint));
        let of = settings.details.clone();
        let details =
            of.map(|of| Details::new(settings.source.clone(), of, settings.models.clone()));
        Self {
            settings,
            asked: HashMap::new(),
            units: None,
            local: None,
            discovery: Vec::new(),
            held: Vec::new(),
            discovering: 0,
            account_lists: Vec::new(),
            rolling: None,
            planned: HashMap::new(),
            wildcard: Wildcard::default(),
            paging_works: false,
            published: Published::default(),
            details,
            flex,
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
                    let account_at = self.plan_account(Some(account), &mut fetches);
                    self.published
                        .turns
                        .push_back(Turn::AccountLists(account_at));
                } else {
                    self.discover(None, Some(account), &mut lists);
                }
            }
            self.lead_accounts(lists, &mut fetches);
        } else if self.settings.scope == ScopeMode::Local {
            self.go_local(None, &mut fetches);
        } else {
            let list = Listing::new("units/list", Vec::new());
            let request = list.begin();
            fetches.push(self.ask(
                Purpose::Units(request),
                list.fetch(&self.settings.source, request),
            ));
            self.units = Some(list);
        }
        if let Some(flex) = &self.flex {
            let (place, request) = flex.begin();
            let fetch = flex.fetch(place, request, &self.settings.source);
            fetches.push(self.ask(Purpose::Flex(place, request), fetch));
        }
        self.step(fetches)
    }

    /// Takes the outcome of one call.
    ///
    /// A call that this plan is not waiting for changes nothing.
    pub fn follow(&mut self, fetch: &Fetch, outcome: &Outcome) -> Step {
        let mut fetches = Vec::new();
        match self.asked.remove(fetch.key()) {
            Some(Purpose::Units(request)) => self.follow_units(request, outcome, &mut fetches),
            Some(Purpose::Accounts(at, request)) => {
                self.follow_accounts(at, request, outcome, &mut fetches);
            }
            Some(Purpose::AccountList {
                account_at,
                list,
                request,
            }) => {
                self.follow_account_list(account_at, list, request, outcome, &mut fetches);
            }
            Some(Purpose::Details(asks)) => {
                if let Some(details) = &mut self.details {
                    let owners: Vec<_> =
                        asks.iter().map(|request| details.owner(request)).collect();
                    for request in &asks {
                        details.follow(request, &owners, outcome);
                    }
                }
            }
            Some(Purpose::Flex(place, request)) => {
                self.follow_flex(place, request, outcome, &mut fetches);
            }
            None => {}
        }
        self.step(fetches)
    }

    /// Whether the outcome of a planned call is still needed.
    ///
    /// A list that has failed or was started again no longer waits for its pages.
    pub fn awaits(&self, fetch: &Fetch) -> bool {
        match self.asked.get(fetch.key()) {
            Some(Purpose::AccountList {
                account_at,
                list,
                request,
            }) => {
                let list = self.account_lists[*account_at].list(*list);
                list.is_some_and(|list| list.awaits(*request))
            }
            Some(Purpose::Details(asks)) => {
                let details = self.details.as_ref();
                details.is_some_and(|details| asks.iter().any(|request| details.awaits(request)))
            }
            Some(Purpose::Flex(place, request)) => {
                let flex = self.flex.as_ref();
                flex.is_some_and(|flex| flex.awaits(*place, *request))
            }
            Some(Purpose::Units(_) | Purpose::Accounts(..)) => true,
            None => false,
        }
    }

    /// Forgets a planned call that is no longer needed.
    ///
    /// Other calls may take its place.
    pub fn forget(&mut self, fetch: &Fetch) -> Step {
        if let Some(Purpose::Details(asks)) = self.asked.remove(fetch.key())
            && let Some(details) = &mut self.details
        {
            for request in &asks {
                details.forget(request);
            }
        }
        self.step(Vec::new())
    }

    /// Learns that the outcome of a call comes late.
    ///
    /// If it is a call of the account that is searched first, another account takes its place:
    /// otherwise a few accounts that always fail would keep all others from being read.
    pub fn delay(&mut self, fetch: &Fetch) -> Step {
        let mut fetches = Vec::new();
        if let Some(Purpose::AccountList { account_at, .. }) = self.asked.get(fetch.key()) {
            self.replace_trial(*account_at, &mut fetches);
        }
        self.step(fetches)
    }

    /// Whether every call has its outcome and every scope is published.
    pub fn is_finished(&self) -> bool {
        let details = self.details.as_ref();
        self.asked.is_empty()
            && self.lists_are_published()
            && self.flex.as_ref().is_none_or(Flex::is_published)
            && details.is_none_or(Details::is_finished)
    }

    fn step(&mut self, mut fetches: Vec<Fetch>) -> Step {
        self.choose_accounts(&mut fetches);
        self.decide(&mut fetches);
        let mut closed = self.publish();
        self.ask_details(&mut fetches);
        // An account without products closes at once, so publish again.
        closed.extend(self.publish());
        Step { fetches, closed }
    }

    fn ask_details(&mut self, fetches: &mut Vec<Fetch>) {
        let listed = self.lists_are_published();
        let Some(details) = self.details.as_mut().filter(|_| listed) else {
            return;
        };
        for request in details.next() {
            let fetch = details.fetch(&request);
            // Two accounts may list the same product. It is requested once, and both get the
            // response.
            if let Some(Purpose::Details(asks)) = self.asked.get_mut(fetch.key()) {
                asks.push(request);
                continue;
            }
            let purpose = Purpose::Details(vec![request]);
            self.asked.insert(fetch.key().clone(), purpose);
            fetches.push(fetch);
        }
    }

    fn ask(&mut self, purpose: Purpose, fetch: Fetch) -> Fetch {
        let finds_accounts = matches!(purpose, Purpose::Units(_) | Purpose::Accounts(..));
        self.discovering += usize::from(finds_accounts);
        if let (true, Some(rolling)) = (finds_accounts, &mut self.rolling) {
            rolling.spend();
        }
        self.asked.insert(fetch.key().clone(), purpose);
        fetch
    }

    /// Plans an account unless it is already planned, and returns the position of its lists.
    fn plan_account(&mut self, account: Option<i64>, fetches: &mut Vec<Fetch>) -> usize {
        if let Some(&account_at) = self.planned.get(&account) {
            return account_at;
        }
        let at = self.account_lists.len();
        let lists = AccountLists::new(&self.settings, account, self.wildcard.is_possible());
        self.planned.insert(account, at);
        self.account_lists.push(lists);
        match (&mut self.rolling, account) {
            (Some(rolling), Some(account)) => rolling.hold(account, at),
            _ => self.begin_account(at, fetches),
        }
        at
    }

    /// Begins the first of these lists. The others wait for its first response.
    ///
    /// A refused account then costs one error, however many lists of it were planned.
    fn begin_lists(&mut self, account_at: usize, lists: Range<usize>, fetches: &mut Vec<Fetch>) {
        let first = lists.start;
        if !lists.is_empty() {
            self.account_lists[account_at].lead(lists);
            self.begin_list(account_at, first, fetches);
        }
    }

    fn begin_list(&mut self, account_at: usize, at: usize, fetches: &mut Vec<Fetch>) {
        if let Some(list) = self.account_lists[account_at].list(at) {
            let request = list.begin();
            let fetch = list.fetch(&self.settings.source, request);
            let purpose = Purpose::AccountList {
                account_at,
                list: at,
                request,
            };
            fetches.push(self.ask(purpose, fetch));
        }
    }

    fn follow_flex(
        &mut self,
        place: flex::ListPosition,
        request: PageRequest,
        outcome: &Outcome,
        fetches: &mut Vec<Fetch>,
    ) {
        let Some(flex) = &mut self.flex else { return };
        let asks = flex.follow(place, request, outcome, self.paging_works);
        let next: Vec<_> = asks
            .into_iter()
            .map(|(place, request)| {
                (
                    place,
                    request,
                    flex.fetch(place, request, &self.settings.source),
                )
            })
            .collect();
        for (place, request, fetch) in next {
            fetches.push(self.ask(Purpose::Flex(place, request), fetch));
        }
    }

    fn follow_account_list(
        &mut self,
        account_at: usize,
        at: usize,
        request: PageRequest,
        outcome: &Outcome,
        fetches: &mut Vec<Fetch>,
    ) {
        let Some(list) = self.account_lists[account_at].list_mut(at) else {
            return;
        };
        let asks = list.follow(request, outcome, self.paging_works);
        // Once a page has arrived by its number, lists may request several pages at once. Until then,
        // a tenant that rejects page numbers costs one error for each list and not one for each page.
        self.paging_works |= request.0.is_some() && matches!(outcome, Outcome::Page(_));
        let next: Vec<_> = asks
            .into_iter()
            .map(|request| (request, list.fetch(&self.settings.source, request)))
            .collect();
        for (request, fetch) in next {
            fetches.push(self.ask(
                Purpose::AccountList {
                    account_at,
                    list: at,
                    request,
                },
                fetch,
            ));
        }
        for at in self.account_lists[account_at].release(at) {
            self.begin_list(account_at, at, fetches);
        }
        self.judge_account(account_at, fetches);
    }
}

impl Planner for FortiCloudPlanner {
    fn begin(&mut self) -> Step {
        self.begin()
    }

    fn follow(&mut self, fetch: &Fetch, outcome: &Outcome) -> Step {
        self.follow(fetch, outcome)
    }

    fn awaits(&self, fetch: &Fetch) -> bool {
        self.awaits(fetch)
    }

    fn needs(&self, fetch: &Fetch) -> Option<&'static str> {
        self.needs(fetch)
    }

    fn delay(&mut self, fetch: &Fetch) -> Step {
        self.delay(fetch)
    }

    fn forget(&mut self, fetch: &Fetch) -> Step {
        self.forget(fetch)
    }

    fn is_finished(&self) -> bool {
        self.is_finished()
    }
}

/// Removes repeated values and keeps the order of the rest.
fn distinct<T: Clone + Eq + std::hash::Hash>(values: &mut Vec<T>) {
    let mut seen = HashSet::new();
    values.retain(|value| seen.insert(value.clone()));
}
