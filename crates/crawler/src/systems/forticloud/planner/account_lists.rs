//! All lists that are read for one account.

use std::{collections::HashMap, ops::Range};

use super::{
    Search, Settings,
    listing::{Argument, Listing, ListingState},
};
use crate::{ProductName, Scope, fetch::FailureKind, systems::count};

/// The search pattern that matches every serial number.
const EVERYTHING: &str = "%";
/// How products are searched for in tenants where `%` is not a wildcard.
///
/// No set of prefixes covers every serial number, so all products that expire before a distant date
/// are requested as well. That proves nothing either, so the note of the scope says how it was
/// searched.
const FALLBACK: [Query<'static>; 4] = [
    Query::ExpireBefore("2099-12-31T00:00:00"),
    Query::Pattern("F"),
    Query::Pattern("S"),
    Query::Pattern("P"),
];
/// The status that is read first. A product that is registered during the crawl is then seen twice
/// instead of never.
const READ_FIRST: &str = "Pending";

/// One way to search for products.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Query<'a> {
    /// Products whose serial number matches this pattern.
    Pattern(&'a str),
    /// Products with an entitlement that expires before this date.
    ExpireBefore(&'a str),
}

/// One account's lists: its products, and what `include` adds.
#[derive(Debug)]
pub(super) struct AccountLists {
    /// The account, or `None` for the own account of a user without an organization.
    account: Option<i64>,
    /// All lists; their positions never change.
    lists: Vec<Listing>,
    /// The product lists in publishing order.
    products: Vec<usize>,
    /// The other lists in publishing order.
    others: Range<usize>,
    phase: SearchState,
    /// The lists that were added because `%` did not work.
    fallback: Range<usize>,
    /// How products are searched for, as text for `coverage`.
    searched: String,
    /// The list whose first response the other lists wait for.
    leading: Option<usize>,
    /// The lists that have not begun.
    waiting: Vec<usize>,
    /// Maps a list to the list that has to end before it begins.
    after: HashMap<usize, usize>,
    /// Why the account is left to a later crawl, if it is.
    postponed: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SearchState {
    /// Searched with `%`, which may or may not be a wildcard here.
    Wildcard,
    /// `%` found nothing or was rejected, and what that means is not known yet.
    Undecided,
    /// The search needs no further proof.
    Certain,
}

/// The result of searching an account with `%`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finding {
    /// `%` found products.
    Rows,
    /// `%` found nothing.
    Nothing,
    /// The API rejected `%`.
    Rejected,
    /// A list failed for another reason.
    Failed,
}

impl AccountLists {
    pub(super) fn new(settings: &Settings, account: Option<i64>, wildcard: bool) -> Self {
        let (phase, queries): (_, Vec<Query<'_>>) = match &settings.search {
            Search::Patterns(patterns) => (
                SearchState::Certain,
                patterns
                    .iter()
                    .map(|pattern| Query::Pattern(pattern))
                    .collect(),
            ),
            Search::Auto if wildcard => (SearchState::Wildcard, vec![Query::Pattern(EVERYTHING)]),
            Search::Auto => (SearchState::Certain, FALLBACK.to_vec()),
        };
        let mut new = Self {
            account,
            lists: Vec::new(),
            products: Vec::new(),
            others: 0..0,
            phase,
            fallback: 0..0,
            searched: in_words(&queries),
            leading: None,
            waiting: Vec::new(),
            after: HashMap::new(),
            postponed: None,
        };
        let products = new.search(settings, &queries);
        if queries == FALLBACK {
            new.fallback = products;
            new.searched += ", because the API does not accept `%`";
        }
        let first = new.lists.len();
        for endpoint in &settings.include {
            let list = Listing::new(endpoint, new.arguments());
            new.lists.push(list.verified(settings.verify_paging));
        }
        new.others = first..new.lists.len();
        new
    }

    pub(super) fn list(&self, at: usize) -> Option<&Listing> {
        self.lists.get(at)
    }

    pub(super) fn list_mut(&mut self, at: usize) -> Option<&mut Listing> {
        self.lists.get_mut(at)
    }

    /// Makes all but the first of these lists wait for its first response.
    pub(super) fn lead(&mut self, mut lists: Range<usize>) {
        self.leading = lists.next();
        self.waiting.extend(lists);
    }

    /// After a response to this list, returns the lists that no longer have to wait.
    ///
    /// If the first list failed, the account's other product lists could not make it complete, so
    /// they are not requested. If it was refused, neither is anything else of the account.
    pub(super) fn release(&mut self, at: usize) -> Vec<usize> {
        if self.leading == Some(at) {
            self.leading = None;
            if let ListingState::Failed(kind, message) = self.lists[at].state.clone() {
                self.give_up(kind, &message);
            }
        }
        if self.leading.is_some() {
            return Vec::new();
        }
        let mut released = Vec::new();
        for list in std::mem::take(&mut self.waiting) {
            let before = self
                .after
                .get(&list)
                .map(|&before| &self.lists[before].state);
            match before.cloned() {
                Some(ListingState::Open) => self.waiting.push(list),
                Some(ListingState::Failed(kind, message)) => self.lists[list].fail(kind, message),
                Some(ListingState::Closed) | None => released.push(list),
            }
        }
        released
    }

    /// Fails the lists that have not begun and are no longer of use.
    fn give_up(&mut self, kind: FailureKind, message: &str) {
        for list in std::mem::take(&mut self.waiting) {
            if self.products.contains(&list) {
                self.lists[list].fail(kind, message.to_owned());
            } else if kind.is_refusal() {
                self.lists[list].fail(kind, format!("skipped because {message}"));
            } else {
                self.waiting.push(list);
            }
        }
    }

    pub(super) fn all(&self) -> Range<usize> {
        0..self.lists.len()
    }

    /// Whether the search with `%` has not ended yet.
    pub(super) fn searching(&self) -> bool {
        self.phase == SearchState::Wildcard
    }

    /// The result of the search with `%`, once all its lists have ended. The account is undecided
    /// or certain from then on.
    pub(super) fn find(&mut self) -> Option<Finding> {
        if !self.searching()
            || self
                .product_lists()
                .any(|list| list.state == ListingState::Open)
        {
            return None;
        }
        let finding = self.judge();
        self.phase = match finding {
            Finding::Rows | Finding::Failed => SearchState::Certain,
            Finding::Nothing | Finding::Rejected => SearchState::Undecided,
        };
        Some(finding)
    }

    fn judge(&self) -> Finding {
        if self.has_rows() {
            return Finding::Rows;
        }
        let failures: Vec<FailureKind> = self
            .product_lists()
            .filter_map(|list| match list.state {
                ListingState::Failed(kind, _) => Some(kind),
                _ => None,
            })
            .collect();
        match failures.as_slice() {
            [] => Finding::Nothing,
            failures if failures.iter().all(|kind| *kind == FailureKind::Rejected) => {
                Finding::Rejected
            }
            _ => Finding::Failed,
        }
    }

    fn has_rows(&self) -> bool {
        self.product_lists()
            .any(|list| list.state == ListingState::Closed && list.rows() > 0)
    }

    /// Accepts the result of the search, because another account proved that `%` is a wildcard.
    pub(super) fn accept(&mut self) {
        self.phase = SearchState::Certain;
    }

    /// Searches in the other ways, because `%` did not work, and returns the lists that this adds.
    pub(super) fn search_otherwise(&mut self, settings: &Settings) -> Range<usize> {
        // A rejected `%` is not a gap if the other searches are answered.
        let lists = &self.lists;
        let before = self.products.len();
        self.products
            .retain(|&at| lists[at].state == ListingState::Closed);
        let reason = if self.products.len() < before {
            "the API did not accept `%`"
        } else {
            "`%` found nothing"
        };
        self.phase = SearchState::Certain;
        self.searched = format!("{}, because {reason}", in_words(&FALLBACK));
        self.fallback = self.search(settings, &FALLBACK);
        self.fallback.clone()
    }

    /// Whether the API answers the other searches; `None` while that is not known.
    pub(super) fn answers_otherwise(&self) -> Option<bool> {
        let lists = &self.lists[self.fallback.clone()];
        if lists.iter().any(Listing::was_answered) {
            return Some(true);
        }
        let failed = |list: &Listing| matches!(list.state, ListingState::Failed(..));
        lists.iter().all(failed).then_some(false)
    }

    /// Why the other searches did not find everything: the prefixes found products that the search
    /// by date, which should find all of them, did not.
    fn gap(&self) -> Option<String> {
        let lists = &self.lists[self.fallback.clone()];
        let by_date = |list: &&Listing| list.has_argument("expireBefore");
        let (dated, others): (Vec<&Listing>, Vec<&Listing>) = lists.iter().partition(by_date);
        let rows = |lists: Vec<&Listing>| lists.iter().map(|list| list.rows()).sum::<usize>();
        let (dated, others) = (rows(dated), rows(others));
        (dated == 0 && others > 0).then(|| {
            format!(
                "this tenant does not accept `%` as a wildcard, and `expireBefore` found nothing, \
                 so only serial numbers that start with `F`, `S` or `P` were found ({})",
                count(others, "row")
            )
        })
    }

    /// Plans the account again without `%`, before any of its lists has begun.
    pub(super) fn restart_otherwise(&mut self, settings: &Settings) {
        *self = Self::new(settings, self.account, false);
    }

    /// Leaves the account to a later crawl, before any of its lists has begun.
    pub(super) fn postpone(&mut self, reason: &'static str) {
        self.postponed = Some(reason);
    }

    /// Why the account is left to a later crawl, if it is.
    pub(super) fn postponed(&self) -> Option<&'static str> {
        self.postponed
    }

    /// Whether all lists of this account have ended.
    pub(super) fn closed(&self) -> bool {
        let is_open = |list: &Listing| list.state == ListingState::Open;
        let is_searched = self.phase == SearchState::Certain && !self.lists.iter().any(is_open);
        self.postponed.is_some() || is_searched
    }

    /// The account, and the names of its products if every product list is complete.
    pub(super) fn products(&self) -> (Option<i64>, Result<Vec<ProductName>, String>) {
        let named: Result<Vec<_>, String> = self.product_lists().map(Listing::products).collect();
        (self.account, named.map(|lists| lists.concat()))
    }

    /// Takes the account's scopes. The lists are dropped, because nothing uses them again.
    pub(super) fn take_scopes(&mut self, settings: &Settings) -> Vec<Scope> {
        if let Some(reason) = self.postponed {
            self.lists = Vec::new();
            let endpoints = std::iter::once("products/list").chain(settings.include.clone());
            let postponed = |endpoint| Scope::postponed(endpoint, self.account, reason);
            return endpoints.map(postponed).collect();
        }
        let mut products = self.scope("products/list", settings, self.product_lists());
        // A list that failed may not have been asked with all of these searches, or with any.
        products.note = products.pages.is_ok().then(|| self.searched.clone());
        products.unproven = products.pages.is_ok() && !self.fallback.is_empty();
        if let (Ok(_), Some(gap)) = (&products.pages, self.gap()) {
            products.pages = Err(gap);
        }
        let mut scopes = vec![products];
        for at in self.others.clone() {
            let list = &self.lists[at];
            let scope = self.scope(list.endpoint, settings, std::iter::once(list));
            let note = list.note();
            scopes.push(Scope { note, ..scope });
        }
        self.lists = Vec::new();
        scopes
    }

    fn scope<'a>(
        &self,
        endpoint: &'static str,
        settings: &Settings,
        lists: impl Iterator<Item = &'a Listing>,
    ) -> Scope {
        let pages = lists.map(|list| list.pages(&settings.source)).collect();
        Scope {
            account_id: self.account,
            ..Scope::of(endpoint, pages)
        }
    }

    fn product_lists(&self) -> impl Iterator<Item = &Listing> {
        self.products.iter().map(|&at| &self.lists[at])
    }

    fn arguments(&self) -> Vec<Argument> {
        let account = self.account.iter();
        account
            .map(|&account| ("accountId", account.into()))
            .collect()
    }

    /// Adds one product list per query and status.
    ///
    /// They are read in the order of `READ_FIRST` but published in the order of the settings. If a
    /// product is in two lists, the one that was read last has its newer state.
    fn search(&mut self, settings: &Settings, queries: &[Query<'_>]) -> Range<usize> {
        let first = self.lists.len();
        let is_first = |status: &&String| status.eq_ignore_ascii_case(READ_FIRST);
        let (early, late): (Vec<_>, Vec<_>) = settings.statuses.iter().partition(is_first);
        for query in queries {
            let mut places = HashMap::new();
            for status in early.iter().chain(&late) {
                let at = self.lists.len();
                // A list begins when the list of the previous status has ended. Reading both at
                // once would save time, but a product that changes its status meanwhile could be
                // missing from both.
                if !places.is_empty() {
                    self.after.insert(at, at - 1);
                }
                places.insert(status.as_str(), at);
                let list = Listing::new("products/list", self.query(*query, status));
                self.lists.push(list.verified(settings.verify_paging));
            }
            let published = settings.statuses.iter();
            self.products
                .extend(published.filter_map(|status| places.get(status.as_str())));
        }
        first..self.lists.len()
    }

    fn query(&self, query: Query<'_>, status: &str) -> Vec<Argument> {
        let mut arguments = self.arguments();
        arguments.push(match query {
            Query::Pattern(pattern) => ("serialNumber", pattern.into()),
            Query::ExpireBefore(date) => ("expireBefore", date.into()),
        });
        arguments.push(("status", status.into()));
        arguments
    }
}

/// The note for `coverage` that says how products are searched for.
fn in_words(queries: &[Query<'_>]) -> String {
    let queries = queries.iter().map(|query| match query {
        Query::Pattern(pattern) => format!("`{pattern}`"),
        Query::ExpireBefore(date) => format!("`expireBefore` {date}"),
    });
    format!("searched with {}", queries.collect::<Vec<_>>().join(", "))
}
