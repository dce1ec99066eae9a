//! One list, which is read to its last page or fails.
//!
//! If a response reports the number of pages, exactly that many must arrive. Otherwise the next
//! page is requested until it is empty or repeats an earlier one, because a first page alone looks
//! like a complete list.

use std::sync::Arc;

use fortilake_models as models;
use serde_json::Value;

use self::reading::Reading;
use crate::{
    Facts, Fetch, Ids, ListFacts, Outcome, Pages, ProductName, UnusableTotal, fetch::FailureKind,
    scope::Others,
};

mod finish;
mod reading;
#[cfg(test)]
mod tests;

/// More pages than this in one list mean that the response is broken, not that the fleet is large.
const MAX_PAGES: i64 = 100_000;

/// The argument for the number of a page.
const PAGE_NUMBER: &str = "pageNumber";

/// One list: the same arguments over all its pages.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) endpoint: &'static str,
    /// A list takes less memory than a map, and there may be tens of thousands of these.
    arguments: Vec<Argument>,
    pub(super) state: ListingState,
    round: u32,
    /// How often the list was read again: because its rows were left out, because pages did not fit
    /// together, because they arrived too far apart, and because two readings are compared.
    lacking: u32,
    misfits: u32,
    slow: u32,
    readings: u32,
    /// Whether a list of several pages is read until two readings agree.
    verify: bool,
    /// A digest of the last complete reading, if readings are compared.
    found: Option<u64>,
    /// The number of the first page in requests, 0 or 1.
    base: i64,
    /// Whether page 1 is known to be the first page, whatever number the response gives it.
    from_one: bool,
    /// The number of pages, once a response has reported it.
    total: Option<i64>,
    /// Whether the pages after the second have not been requested yet.
    holding: bool,
    /// Why the list may have more pages, although its endpoint has no argument to request them.
    doubt: Option<UnusableTotal>,
    reading: Reading,
}

/// The state of a [`Listing`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ListingState {
    Open,
    /// Every page has arrived.
    Closed,
    /// It could not be read, for this reason.
    Failed(FailureKind, String),
}

/// An argument that the calls for all pages share.
pub(super) type Argument = (&'static str, Value);

/// A page to ask for: its number, or `None` for the first page, and the round.
pub(super) type PageRequest = (Option<i64>, u32);

impl Listing {
    pub(super) fn new(endpoint: &'static str, arguments: Vec<Argument>) -> Self {
        Self {
            endpoint,
            arguments,
            state: ListingState::Open,
            round: 0,
            lacking: 0,
            misfits: 0,
            slow: 0,
            readings: 0,
            verify: false,
            found: None,
            base: 1,
            from_one: false,
            total: None,
            holding: false,
            doubt: None,
            reading: Reading::default(),
        }
    }

    /// Reads a list of several pages until two readings agree.
    #[must_use]
    pub(super) fn verified(self, verify: bool) -> Self {
        Self { verify, ..self }
    }

    /// The number of rows on the pages that have arrived.
    pub(super) fn rows(&self) -> usize {
        self.reading.pages.values().map(|page| page.rows).sum()
    }

    /// Whether its calls have this argument.
    pub(super) fn has_argument(&self, name: &str) -> bool {
        self.argument(name).is_some()
    }

    fn argument(&self, name: &str) -> Option<&Value> {
        let mut arguments = self.arguments.iter();
        let found = arguments.find(|(argument, _)| *argument == name);
        found.map(|(_, value)| value)
    }

    /// Whether any page has arrived, even if the list failed later.
    pub(super) fn was_answered(&self) -> bool {
        !self.reading.pages.is_empty()
    }

    /// The call for a page.
    pub(super) fn fetch(&self, source: &Arc<str>, (page, round): PageRequest) -> Fetch {
        let number = page.map(|page| (PAGE_NUMBER, page.into()));
        let arguments = self.arguments.iter().cloned().chain(number);
        let arguments = arguments.map(|(name, value)| (name.to_owned(), value));
        Fetch::new(source.clone(), self.endpoint, arguments.collect(), round)
    }

    /// The calls whose pages make up the list, in order, or why it could not be read.
    pub(super) fn pages(&self, source: &Arc<str>) -> Result<Pages, String> {
        match &self.state {
            ListingState::Failed(_, message) => Err(message.clone()),
            ListingState::Open => Err("the list was not read to its end".to_owned()),
            ListingState::Closed => {
                // The first page was asked for without a number.
                let first = self.fetch(source, self.begin());
                let numbers = self.reading.pages.keys().skip(1).copied().collect();
                Ok(Pages::series(first, PAGE_NUMBER, Others::Numbers(numbers)))
            }
        }
    }

    /// A note for `coverage`, if the list is published but may have more pages.
    pub(super) fn note(&self) -> Option<String> {
        let doubt = self.doubt.filter(|_| self.state == ListingState::Closed);
        doubt.map(|doubt| doubt.to_string())
    }

    /// The names of the products on all pages, in order, or why the list could not be read.
    pub(super) fn products(&self) -> Result<Vec<ProductName>, String> {
        match &self.state {
            ListingState::Failed(_, message) => Err(message.clone()),
            _ => Ok(self
                .reading
                .pages
                .values()
                .flat_map(|page| page.products.clone())
                .collect()),
        }
    }

    pub(super) fn begin(&self) -> PageRequest {
        (None, self.round)
    }

    /// Whether the outcome of this page is still needed.
    pub(super) fn awaits(&self, (_, round): PageRequest) -> bool {
        self.state == ListingState::Open && round == self.round
    }

    /// Fails the list for a reason that the caller found.
    pub(super) fn fail(&mut self, kind: FailureKind, message: String) {
        self.state = ListingState::Failed(kind, message);
    }

    /// Takes the outcome of one page, and returns the pages to ask for next.
    ///
    /// Until paging is known to work in this tenant, the second page is requested alone, so that a
    /// tenant that refuses page numbers costs one error instead of one per page.
    pub(super) fn follow(
        &mut self,
        request: PageRequest,
        outcome: &Outcome,
        paging_works: bool,
    ) -> Vec<PageRequest> {
        if !self.awaits(request) {
            // The page belongs to an earlier round.
            return Vec::new();
        }
        let facts = match outcome {
            Outcome::Page(facts) => facts_of(facts),
            Outcome::Failed(failure) => {
                // The rejection of a later page says nothing about the search of this list.
                let kind = match request.0 {
                    None => failure.kind,
                    Some(_) => FailureKind::Lost,
                };
                self.fail(kind, failure.message.clone());
                return Vec::new();
            }
        };
        let asked = self.argument("accountId").and_then(Value::as_i64);
        if let Some(message) = asked.and_then(|asked| facts.other_account(asked)) {
            self.fail(FailureKind::Lost, message);
            return Vec::new();
        }
        let next = match (request.0, self.total) {
            (None, _) => self.first(facts, paging_works),
            (Some(number), Some(total)) => self.counted(number, total, facts),
            (Some(number), None) => self.uncounted(number, facts),
        };
        match next {
            Ok(asks) => asks,
            Err(flaw) => self.begin_anew(&flaw),
        }
    }

    /// Takes the first page, and learns from it how many pages there are.
    fn first(&mut self, facts: ListFacts, paging_works: bool) -> Result<Vec<PageRequest>, String> {
        let called = facts.page;
        if let Some(number) = called.filter(|number| !(0..=1).contains(number)) {
            return Err(format!("the first page says that it is page {number}"));
        }
        let base = match called {
            Some(0) if !self.from_one => 0,
            _ => 1,
        };
        if facts.lacks_rows && self.lacking == 0 {
            // The same response again is believed: a list that is empty stays empty.
            self.lacking += 1;
            return Ok(self.next_round());
        }
        self.base = base;
        self.total = facts.total.filter(|&total| total > 0);
        self.reading.base_called = called;
        let rows = facts.rows;
        let is_whole = rows == 0 || self.is_paged();
        self.doubt = facts.unusable_total.filter(|_| !is_whole);
        if let Some(doubt @ UnusableTotal::Invalid) = self.doubt {
            let message = format!("{doubt}, and page 2 cannot be requested");
            self.fail(FailureKind::Lost, message);
            return Ok(Vec::new());
        }
        match self.total {
            Some(total) if total > MAX_PAGES => {
                let message =
                    format!("the response reports {total} pages; at most {MAX_PAGES} are read");
                self.fail(FailureKind::Lost, message);
                Ok(Vec::new())
            }
            Some(total) if total > 1 => {
                if !self.is_paged() {
                    let message = format!("page 2 of {total} cannot be requested");
                    self.fail(FailureKind::Lost, message);
                    return Ok(Vec::new());
                }
                if rows == 0 {
                    return Err(format!("page 1 of {total} has no rows"));
                }
                self.reading.add(base, facts)?;
                self.holding = !paging_works;
                let end = if self.holding { base + 2 } else { base + total };
                Ok(self.numbers(base + 1, end))
            }
            // A missing page count proves nothing, so the list is complete only when the next page
            // is empty. The price is one more call for each such list.
            None if rows > 0 && self.is_paged() => {
                self.reading.add(base, facts)?;
                // If nothing says whether pages are counted from 0 or 1, request page 1: it is
                // either the first page again or the second one.
                let is_told = called.is_some() || self.from_one;
                let second = if is_told { base + 1 } else { 1 };
                Ok(self.numbers(second, second + 1))
            }
            _ => {
                self.reading.add(base, facts)?;
                self.finish()
            }
        }
    }

    /// Takes a later page of a list that has reported how many pages there are.
    fn counted(
        &mut self,
        number: i64,
        total: i64,
        facts: ListFacts,
    ) -> Result<Vec<PageRequest>, String> {
        // A server may number its first page 0 in responses and still count from 1 in requests.
        // Then page 1 is the first page again.
        self.from_one |= number == 1 && self.reading.repeats(&facts);
        if let Some(other) = facts.total.filter(|&other| other != total) {
            return Err(format!(
                "page {number} reports {other} pages, but the first page reported {total}"
            ));
        }
        if facts.rows == 0 {
            return Err(format!("page {number} of {total} has no rows"));
        }
        if self.reading.repeats(&facts) {
            return Err(format!("page {number} repeats another page"));
        }
        let echo = self.wrong_echo(number, &facts);
        self.reading.add(number, facts)?;
        if let Some(flaw) = echo {
            return Err(flaw);
        }
        if let Some(asks) = self.slow() {
            return Ok(asks);
        }
        if i64::try_from(self.reading.pages.len()) == Ok(total) {
            return self.finish();
        }
        if self.holding {
            self.holding = false;
            return Ok(self.numbers(number + 1, self.base + total));
        }
        Ok(Vec::new())
    }

    /// Takes a later page of a list that has not reported how many pages there are. An empty or
    /// repeated page ends the list.
    ///
    /// A page that is shorter than the others does not end it, because it may have lost rows.
    fn uncounted(&mut self, number: i64, facts: ListFacts) -> Result<Vec<PageRequest>, String> {
        self.reading.claimed = self.reading.claimed.max(facts.total.unwrap_or_default());
        if facts.rows == 0 {
            return self.finish();
        }
        if self.reading.repeats(&facts) {
            if number > 1 {
                return self.finish();
            }
            // Pages are counted from 1, and this is the first page again.
            self.from_one = true;
            self.base = 1;
            self.reading.first_is(1);
            return Ok(self.numbers(2, 3));
        }
        if number == 1 {
            // It is the second page, so pages are counted from 0.
            self.base = 0;
            self.reading.first_is(0);
        }
        if let Some(flaw) = self.wrong_echo(number, &facts) {
            return Err(flaw);
        }
        self.reading.add(number, facts)?;
        if let Some(asks) = self.slow() {
            return Ok(asks);
        }
        if number >= MAX_PAGES {
            let message = format!("the list has more than {MAX_PAGES} pages");
            self.fail(FailureKind::Lost, message);
            return Ok(Vec::new());
        }
        Ok(self.numbers(number + 1, number + 2))
    }

    /// The error for a page with another number than the one that was asked for.
    ///
    /// A server may count from 0 in responses and from 1 in requests, or the other way around. Then
    /// all of its pages differ by as much as the first one does.
    fn wrong_echo(&self, number: i64, facts: &ListFacts) -> Option<String> {
        let off = self.reading.base_called.unwrap_or(self.base) - self.base;
        let called = facts.page?;
        (called != number && called != number + off)
            .then(|| format!("requested page {number}, but page {called} arrived"))
    }

    fn numbers(&self, from: i64, end: i64) -> Vec<PageRequest> {
        (from..end)
            .map(|number| (Some(number), self.round))
            .collect()
    }

    /// Whether a page can be asked for by its number.
    fn is_paged(&self) -> bool {
        let endpoint = models::endpoint(self.endpoint);
        endpoint.is_some_and(|endpoint| {
            let mut parameters = endpoint.parameters.iter();
            parameters.any(|parameter| parameter.name == PAGE_NUMBER)
        })
    }
}

/// The facts of a page of any endpoint, as a list needs them.
fn facts_of(facts: &Facts) -> ListFacts {
    let of_ids = |ids: &Ids| ListFacts {
        total: ids.total,
        unusable_total: ids.unusable_total,
        rows: ids.known.len() + ids.missing,
        ..ListFacts::default()
    };
    match facts {
        Facts::List(facts) => facts.clone(),
        Facts::Units { units, .. } => of_ids(units),
        Facts::Accounts(accounts) => of_ids(accounts),
        Facts::Offset(_) | Facts::Unit(_) | Facts::Details(_) => ListFacts::default(),
    }
}
