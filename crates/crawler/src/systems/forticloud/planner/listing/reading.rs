//! The pages of one reading of a list, and the checks that they form one list.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use crate::{ListFacts, systems::count};

/// The pages that have arrived.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// The pages by number.
    pub(super) pages: BTreeMap<i64, ListFacts>,
    /// The number that the first page gives itself.
    pub(super) base_called: Option<i64>,
    /// The number of pages that a later response reported, if the first one did not.
    pub(super) claimed: i64,
    /// The page on which each row was seen.
    seen: HashMap<u64, i64>,
}

impl Reading {
    /// Adds a page. Fails if it has a row of another page, because the list then moved between the
    /// two.
    pub(super) fn add(&mut self, number: i64, page: ListFacts) -> Result<(), String> {
        for &serial in &page.serials {
            let before = *self.seen.entry(serial).or_insert(number);
            if before != number {
                return Err(format!("page {number} repeats a row of page {before}"));
            }
        }
        self.pages.insert(number, page);
        Ok(())
    }

    /// Whether this page has the same rows as the first or the last one.
    pub(super) fn repeats(&self, page: &ListFacts) -> bool {
        let is_same = |(_, other): (&i64, &ListFacts)| {
            (other.rows, &other.serials, &other.unnamed)
                == (page.rows, &page.serials, &page.unnamed)
        };
        self.pages.first_key_value().is_some_and(is_same)
            || self.pages.last_key_value().is_some_and(is_same)
    }

    /// Changes the number of the only page.
    pub(super) fn first_is(&mut self, number: i64) {
        let pages = std::mem::take(&mut self.pages);
        self.pages = pages.into_values().map(|page| (number, page)).collect();
        self.seen.values_mut().for_each(|page| *page = number);
    }

    /// The number of rows on the longest page.
    pub(super) fn longest(&self) -> usize {
        let rows = self.pages.values().map(|page| page.rows);
        rows.max().unwrap_or_default()
    }

    /// An error if rows are missing in the middle: a page before the last one is not full.
    pub(super) fn uneven(&self) -> Option<String> {
        let longest = self.longest();
        let (&last, _) = self.pages.last_key_value()?;
        let mut short = self.pages.iter().filter(|(_, page)| page.rows < longest);
        let (number, page) = short.next()?;
        (*number != last).then(|| {
            format!(
                "page {number} has only {}, but it is not the last page, and another page has \
                 {longest}",
                count(page.rows, "row")
            )
        })
    }

    /// An error if pages are missing at the end.
    pub(super) fn unseen(&self) -> Option<String> {
        let known = i64::try_from(self.pages.len()).unwrap_or(i64::MAX);
        (self.claimed > known).then(|| {
            format!(
                "a page reports {} pages, but only {known} arrived",
                self.claimed
            )
        })
    }

    /// The number of different rows without a key, if there is more than one.
    pub(super) fn indistinct(&self) -> Option<usize> {
        let unnamed = self.pages.values().flat_map(|page| &page.unnamed);
        let different = unnamed.collect::<HashSet<_>>().len();
        (different > 1).then_some(different)
    }

    /// How far apart the pages arrived, in microseconds.
    pub(super) fn span(&self) -> i64 {
        let times = || {
            let times = self.pages.values().map(|page| page.observed_at);
            times.filter(|&time| time != 0)
        };
        let (first, last) = (times().min(), times().max());
        last.zip(first)
            .map_or(0, |(last, first)| last.saturating_sub(first))
    }

    /// A hash of the names of all rows, in order.
    pub(super) fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for page in self.pages.values() {
            (page.rows, &page.serials, &page.unnamed).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Frees the facts that are only needed to check the pages.
    pub(super) fn close(&mut self) {
        self.seen = HashMap::new();
        for page in self.pages.values_mut() {
            page.serials = Vec::new();
            page.unnamed = Vec::new();
            page.accounts = Vec::new();
        }
    }
}
