//! One list, read to its last page or not at all.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde_json::Value;

use crate::{
    Facts, Fetch, ListFacts, Outcome, Pages, ProductName, fetch::FailureKind, scope::Others,
};

/// How often a list is begun anew because it moved while it was read.
const ROUNDS: u32 = 2;

/// More pages than this in one list is a broken answer, not a fleet.
const MAX_PAGES: i64 = 100_000;

/// The argument that asks for a page.
const PAGE_NUMBER: &str = "pageNumber";

/// One list: the same arguments over all its pages.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) endpoint: &'static str,
    /// As a list and not as a map, because there may be tens of thousands of these.
    arguments: Vec<Argument>,
    pub(super) state: ListingState,
    round: u32,
    /// The number of the first page; the answers say it, and one of them may say it wrong.
    base: Option<i64>,
    total: i64,
    /// Whether the pages after the second are still to be asked for.
    holding: bool,
    /// The pages that are in, by number.
    pages: BTreeMap<i64, ListFacts>,
    /// On which page each serial number was seen.
    seen: HashMap<u64, i64>,
}

/// How far a [`Listing`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ListingState {
    Open,
    /// Every page is in.
    Closed,
    /// It stays unread, for this reason.
    Failed(FailureKind, String),
}

/// An argument of all pages.
pub(super) type Argument = (&'static str, Value);

/// A page to ask for: its number (none: the first) and the round.
pub(super) type Ask = (Option<i64>, u32);

impl Listing {
    pub(super) fn new(endpoint: &'static str, arguments: Vec<Argument>) -> Self {
        Self {
            endpoint,
            arguments,
            state: ListingState::Open,
            round: 0,
            base: None,
            total: 1,
            holding: false,
            pages: BTreeMap::new(),
            seen: HashMap::new(),
        }
    }

    /// The number of rows, once closed.
    pub(super) fn rows(&self) -> usize {
        self.pages.values().map(|page| page.rows).sum()
    }

    /// The call that asks for a page.
    pub(super) fn fetch(&self, source: &Arc<str>, (page, round): Ask) -> Fetch {
        let number = page.map(|page| (PAGE_NUMBER, page.into()));
        let arguments = self.arguments.iter().cloned().chain(number);
        let arguments = arguments.map(|(name, value)| (name.to_owned(), value));
        Fetch::new(source.clone(), self.endpoint, arguments.collect(), round)
    }

    /// The calls whose pages are the list, in order; or why it stayed unread.
    pub(super) fn pages(&self, source: &Arc<str>) -> Result<Pages, String> {
        match &self.state {
            ListingState::Failed(_, message) => Err(message.clone()),
            ListingState::Open => Err("the list was not read to its end".to_owned()),
            ListingState::Closed => {
                // The first page was asked for without a number.
                let first = self.fetch(source, self.begin());
                let numbers = self.pages.keys().skip(1).copied().collect();
                Ok(Pages::series(first, PAGE_NUMBER, Others::Numbers(numbers)))
            }
        }
    }

    /// The products on all pages by name, in order; or why the list stayed unread.
    pub(super) fn products(&self) -> Result<Vec<ProductName>, String> {
        match &self.state {
            ListingState::Failed(_, message) => Err(message.clone()),
            _ => Ok(self
                .pages
                .values()
                .flat_map(|page| page.products.clone())
                .collect()),
        }
    }

    pub(super) fn begin(&self) -> Ask {
        (None, self.round)
    }

    /// Whether the outcome of this page would still be of use.
    pub(super) fn awaits(&self, (_, round): Ask) -> bool {
        self.state == ListingState::Open && round == self.round
    }

    /// Gives the list up from outside.
    pub(super) fn fail(&mut self, kind: FailureKind, message: String) {
        self.state = ListingState::Failed(kind, message);
    }

    /// Takes the outcome of one page and says which pages to ask for next.
    ///
    /// Until paging is known to work in this tenant, the second page is asked for alone: a tenant
    /// that refuses page numbers then costs one error and not one per page.
    pub(super) fn follow(&mut self, ask: Ask, outcome: &Outcome, paging_works: bool) -> Vec<Ask> {
        if !self.awaits(ask) {
            // A page of a round that is over.
            return Vec::new();
        }
        let facts = match outcome {
            Outcome::Page(Facts::List(facts)) => facts.clone(),
            Outcome::Page(_) => ListFacts::default(),
            Outcome::Failed(failure) => {
                // That a later page is rejected says nothing of what the list asks for.
                let kind = match ask.0 {
                    None => failure.kind,
                    Some(_) => FailureKind::Lost,
                };
                self.fail(kind, failure.message.clone());
                return Vec::new();
            }
        };
        let (number, mut asks) = match ask.0 {
            None => (self.first(&facts), self.rest(paging_works)),
            Some(number) if self.holding => {
                self.holding = false;
                (number, self.numbers(number + 1))
            }
            Some(number) => (number, Vec::new()),
        };
        if self.state != ListingState::Open {
            return Vec::new();
        }
        if let Some(flaw) = self.flaw(number, &facts) {
            return self.begin_anew(number, &facts, &flaw);
        }
        self.pages.insert(number, facts);
        if i64::try_from(self.pages.len()) == Ok(self.total) {
            self.state = ListingState::Closed;
            self.seen = HashMap::new();
            for page in self.pages.values_mut() {
                page.serials = Vec::new();
            }
            asks.clear();
        }
        asks
    }

    /// Learns from the first page how many there are, and gives its number.
    fn first(&mut self, facts: &ListFacts) -> i64 {
        self.total = facts.total.unwrap_or(1).max(1);
        if self.total > MAX_PAGES {
            let message = format!(
                "the answer claims {} pages, more than {MAX_PAGES}",
                self.total
            );
            self.fail(FailureKind::Lost, message);
        }
        let told = facts
            .page
            .filter(|page| (0..=1).contains(page))
            .unwrap_or(1);
        *self.base.get_or_insert(told)
    }

    /// The pages to ask for after the first.
    fn rest(&mut self, paging_works: bool) -> Vec<Ask> {
        let second = self.base.unwrap_or(1) + 1;
        self.holding = !paging_works && self.total > 2 && self.state == ListingState::Open;
        if self.holding {
            return vec![(Some(second), self.round)];
        }
        self.numbers(second)
    }

    fn numbers(&self, from: i64) -> Vec<Ask> {
        let end = self.base.unwrap_or(1) + self.total.min(MAX_PAGES);
        (from..end)
            .map(|number| (Some(number), self.round))
            .collect()
    }

    /// The list moved: asks for it once more from its first page, and gives up after that.
    fn begin_anew(&mut self, number: i64, facts: &ListFacts, flaw: &str) -> Vec<Ask> {
        if self.round + 1 == ROUNDS {
            let message = format!("the list moved while it was read, {ROUNDS} times: {flaw}");
            self.fail(FailureKind::Lost, message);
            return Vec::new();
        }
        // A server may call its first page 0 and still count from 1: then page 1 is the first again.
        let first = self.pages.get(&0).map(|page| &page.serials);
        let miscounted = self.base == Some(0) && number == 1 && first == Some(&facts.serials);
        self.base = miscounted.then_some(1);
        self.pages.clear();
        self.seen.clear();
        self.round += 1;
        vec![self.begin()]
    }

    /// What shows that this page and those before it are not one list.
    fn flaw(&mut self, number: i64, page: &ListFacts) -> Option<String> {
        if self.total == 1 {
            return None;
        }
        if let Some(total) = page.total.filter(|&total| total.max(1) != self.total) {
            return Some(format!(
                "page {number} says that there are {total} pages, the first said {}",
                self.total
            ));
        }
        if page.rows == 0 {
            return Some(format!("page {number} of {} is missing", self.total));
        }
        page.serials.iter().find_map(|&serial| {
            let before = *self.seen.entry(serial).or_insert(number);
            (before != number).then(|| format!("page {number} repeats a product of page {before}"))
        })
    }
}
