//! One list, read to its last page or not at all.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde_json::{Map, Value};

use crate::{Facts, Fetch, ListFacts, Outcome, fetch::FailureKind};

/// How often a list is begun anew because it moved while it was read.
const ROUNDS: u32 = 2;

/// More pages than this in one list is a broken answer, not a fleet.
const MAX_PAGES: i64 = 100_000;

/// One list: the same arguments over all its pages.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) endpoint: &'static str,
    arguments: Map<String, Value>,
    pub(super) state: ListingState,
    round: u32,
    /// The number of the first page; the answers say it, and one of them may say it wrong.
    base: Option<i64>,
    total: i64,
    /// The pages that are in, by number.
    pages: BTreeMap<i64, ListFacts>,
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

/// A page to ask for: its number (none: the first) and the round.
pub(super) type Ask = (Option<i64>, u32);

impl Listing {
    pub(super) fn new(endpoint: &'static str, arguments: Map<String, Value>) -> Self {
        Self {
            endpoint,
            arguments,
            state: ListingState::Open,
            round: 0,
            base: None,
            total: 1,
            pages: BTreeMap::new(),
        }
    }

    /// The number of rows, once closed.
    pub(super) fn rows(&self) -> usize {
        self.pages.values().map(|page| page.serials.len()).sum()
    }

    /// The call that asks for a page.
    pub(super) fn fetch(&self, source: &Arc<str>, (page, round): Ask) -> Fetch {
        let mut arguments = self.arguments.clone();
        if let Some(page) = page {
            arguments.insert("pageNumber".to_owned(), page.into());
        }
        Fetch {
            source: source.clone(),
            endpoint: self.endpoint,
            arguments,
            round,
        }
    }

    /// The calls whose pages are the list, in order; or why it stayed unread.
    pub(super) fn pages(&self, source: &Arc<str>) -> Result<Vec<Fetch>, String> {
        match &self.state {
            ListingState::Failed(_, message) => Err(message.clone()),
            ListingState::Open => Err("the list was not read to its end".to_owned()),
            ListingState::Closed => {
                // The first page was asked for without a number.
                let numbers = self
                    .pages
                    .keys()
                    .map(|&number| Some(number).filter(|_| Some(number) != self.base));
                Ok(numbers
                    .map(|number| self.fetch(source, (number, self.round)))
                    .collect())
            }
        }
    }

    pub(super) fn begin(&self) -> Ask {
        (None, self.round)
    }

    /// Takes the outcome of one page and says which pages to ask for next.
    pub(super) fn follow(&mut self, ask: Ask, outcome: &Outcome) -> Vec<Ask> {
        let (number, round) = ask;
        if self.state != ListingState::Open || round != self.round {
            // A page of a round that is over.
            return Vec::new();
        }
        let facts = match outcome {
            Outcome::Page(Facts::List(facts)) => facts.clone(),
            Outcome::Page(_) => ListFacts::default(),
            Outcome::Failed(failure) => {
                self.state = ListingState::Failed(failure.kind, failure.message.clone());
                return Vec::new();
            }
        };
        let asks = match number {
            None => self.first(facts),
            Some(number) => {
                self.pages.insert(number, facts);
                Vec::new()
            }
        };
        if self.state == ListingState::Open && i64::try_from(self.pages.len()) == Ok(self.total) {
            return self.judge();
        }
        asks
    }

    fn first(&mut self, facts: ListFacts) -> Vec<Ask> {
        self.total = facts.total.unwrap_or(1).max(1);
        if self.total > MAX_PAGES {
            let message = format!(
                "the answer claims {} pages, more than {MAX_PAGES}",
                self.total
            );
            self.state = ListingState::Failed(FailureKind::Lost, message);
            return Vec::new();
        }
        let told = facts
            .page
            .filter(|page| (0..=1).contains(page))
            .unwrap_or(1);
        let base = *self.base.get_or_insert(told);
        self.pages.insert(base, facts);
        (base + 1..base + self.total)
            .map(|number| (Some(number), self.round))
            .collect()
    }

    /// All pages are in: do they prove one list?
    fn judge(&mut self) -> Vec<Ask> {
        let Some(flaw) = self.flaw() else {
            self.state = ListingState::Closed;
            return Vec::new();
        };
        if self.round + 1 == ROUNDS {
            let message = format!("the list moved while it was read, {ROUNDS} times: {flaw}");
            self.state = ListingState::Failed(FailureKind::Lost, message);
            return Vec::new();
        }
        // A server may call its first page 0 and still count from 1: then page 1 is the first again.
        let miscounted = self.base == Some(0)
            && self.pages.get(&0).map(|page| &page.serials)
                == self.pages.get(&1).map(|page| &page.serials);
        self.base = miscounted.then_some(1);
        self.pages.clear();
        self.round += 1;
        vec![self.begin()]
    }

    /// What shows that these pages are not one list.
    fn flaw(&self) -> Option<String> {
        if self.total == 1 {
            return None;
        }
        let mut seen = HashMap::new();
        for (&number, page) in &self.pages {
            if page.total.unwrap_or(1).max(1) != self.total {
                let claim = page
                    .total
                    .map_or("none".to_owned(), |total| total.to_string());
                return Some(format!(
                    "page {number} says {claim} pages in all, the first said {}",
                    self.total
                ));
            }
            if page.serials.is_empty() {
                return Some(format!("page {number} of {} is missing", self.total));
            }
            for serial in &page.serials {
                let before = *seen.entry(*serial).or_insert(number);
                if before != number {
                    return Some(format!("page {number} repeats a product of page {before}"));
                }
            }
        }
        None
    }
}
