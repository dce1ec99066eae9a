//! A list that reports its total number of rows and is paged by the number of rows to skip.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde_json::{Map, Value};

use super::without_id;
use crate::{Facts, Fetch, OffsetFacts, Outcome, Pages};

/// How often a list is read before it fails because its pages do not fit together.
const ROUNDS: u32 = 2;

/// One list with all its pages.
///
/// If the first page has fewer rows than the reported total, the rest is requested with the
/// argument that skips rows. A server that ignores this argument returns the first page again; the
/// list then fails instead of being silently incomplete. This matters for FortiPortal, whose
/// documentation does not say how lists are paged.
///
/// Without a total, the rest is requested in the same way, and an empty page or the first page again
/// proves that there are no other rows. It costs one more call.
#[derive(Debug)]
pub(super) struct OffsetList {
    source: Arc<str>,
    endpoint: &'static str,
    arguments: Map<String, Value>,
    /// The name of the argument for the number of rows to skip.
    skip: &'static str,
    /// Values for columns of its rows that the request does not contain, by column name.
    given: Vec<(String, Value)>,
    pub(super) state: OffsetListState,
    round: u32,
    /// The reported total; `None` if there is none, or if it is 0 although there are rows.
    total: Option<u64>,
    /// The ids on the pages that have arrived, by the position of the page's first row.
    pages: BTreeMap<u64, Vec<i64>>,
    /// The number of rows on those pages.
    rows: u64,
    /// The page on which each id was seen.
    seen: HashMap<i64, u64>,
}

/// The state of an [`OffsetList`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OffsetListState {
    Open,
    /// Every page has arrived.
    Closed,
    /// It could not be read, for this reason.
    Failed(String),
}

/// A page to ask for: the position of its first row, and the round.
pub(super) type OffsetRequest = (u64, u32);

impl OffsetList {
    pub(super) fn new(
        source: Arc<str>,
        endpoint: &'static str,
        arguments: Map<String, Value>,
        skip: &'static str,
    ) -> Self {
        Self {
            source,
            endpoint,
            arguments,
            skip,
            given: Vec::new(),
            state: OffsetListState::Open,
            round: 0,
            total: None,
            pages: BTreeMap::new(),
            rows: 0,
            seen: HashMap::new(),
        }
    }

    /// Adds column values that the request does not contain.
    pub(super) fn given(self, given: Vec<(String, Value)>) -> Self {
        Self { given, ..self }
    }

    pub(super) fn is_open(&self) -> bool {
        self.state == OffsetListState::Open
    }

    /// The value of an argument that all its calls share.
    pub(super) fn argument(&self, name: &str) -> Option<&Value> {
        self.arguments.get(name)
    }

    pub(super) fn begin(&self) -> OffsetRequest {
        (0, self.round)
    }

    /// The call for a page. The first page is requested without the skip argument.
    pub(super) fn fetch(&self, (start, round): OffsetRequest) -> Fetch {
        let mut arguments = self.arguments.clone();
        if start > 0 {
            arguments.insert(self.skip.to_owned(), start.into());
        }
        Fetch::new(self.source.clone(), self.endpoint, arguments, round).given(self.given.clone())
    }

    /// Whether the outcome of this page is still needed.
    pub(super) fn awaits(&self, (_, round): OffsetRequest) -> bool {
        self.is_open() && round == self.round
    }

    /// Takes the outcome of one page, and returns the page to ask for next.
    pub(super) fn follow(
        &mut self,
        request: OffsetRequest,
        outcome: &Outcome,
    ) -> Option<OffsetRequest> {
        if !self.awaits(request) {
            return None;
        }
        let facts = match outcome {
            Outcome::Page(Facts::Offset(facts)) => facts.clone(),
            Outcome::Page(_) => OffsetFacts::default(),
            Outcome::Failed(failure) => {
                self.state = OffsetListState::Failed(failure.message.clone());
                return None;
            }
        };
        if facts.missing > 0 {
            self.state = OffsetListState::Failed(without_id(facts.missing, "row"));
            return None;
        }
        if let Some(message) = facts.other_owner(&self.arguments) {
            self.state = OffsetListState::Failed(message);
            return None;
        }
        let (start, _) = request;
        // A total of 0 beside rows cannot be right, so it counts as none. The list is then read until
        // a page adds nothing, instead of failing.
        let total = facts
            .total
            .filter(|&total| total > 0 || (start == 0 && facts.ids.is_empty()));
        if self.total.is_none() {
            self.total = total;
        }
        if start > 0 && self.total.is_none() && self.adds_nothing(&facts.ids) {
            return self.close();
        }
        if let Some(flaw) = self.flaw(start, total, &facts) {
            return self.begin_anew(&flaw);
        }
        let is_empty = facts.ids.is_empty();
        self.rows += facts.ids.len() as u64;
        self.pages.insert(start, facts.ids);
        let has_more = match self.total {
            Some(total) => self.rows < total,
            None => !is_empty,
        };
        if has_more {
            return Some((self.rows, self.round));
        }
        self.close()
    }

    /// Whether a page after the first is empty, or is the first page again.
    fn adds_nothing(&self, ids: &[i64]) -> bool {
        ids.is_empty() || self.pages.get(&0).is_some_and(|first| first == ids)
    }

    fn close(&mut self) -> Option<OffsetRequest> {
        self.state = OffsetListState::Closed;
        self.seen = HashMap::new();
        None
    }

    /// Takes the ids of a complete list, in order.
    pub(super) fn take_ids(&mut self) -> Vec<i64> {
        self.pages.values_mut().flat_map(std::mem::take).collect()
    }

    /// The calls whose pages make up the list, in order, or why it could not be read.
    pub(super) fn pages(&self) -> Result<Pages, String> {
        match &self.state {
            OffsetListState::Failed(message) => Err(message.clone()),
            OffsetListState::Open => Err("the list was not read to its end".to_owned()),
            OffsetListState::Closed => {
                let calls = self.pages.keys();
                Ok(calls
                    .map(|&start| Pages::from(self.fetch((start, self.round))))
                    .collect())
            }
        }
    }

    fn begin_anew(&mut self, flaw: &str) -> Option<OffsetRequest> {
        if self.round + 1 == ROUNDS {
            let message =
                format!("its pages do not form a complete list after {ROUNDS} attempts: {flaw}");
            self.state = OffsetListState::Failed(message);
            return None;
        }
        self.pages.clear();
        self.seen.clear();
        self.rows = 0;
        self.total = None;
        self.round += 1;
        Some(self.begin())
    }

    /// A contradiction between this page and those before it, if there is one.
    fn flaw(&mut self, start: u64, reported: Option<u64>, facts: &OffsetFacts) -> Option<String> {
        let ids = &facts.ids;
        if let (Some(total), Some(reported)) = (self.total, reported)
            && total != reported
        {
            return Some(format!(
                "the page at row {start} reports a total of {reported} rows, but an earlier page \
                 reported {total}"
            ));
        }
        if let Some(total) = self.total.filter(|&total| ids.is_empty() && total > 0) {
            return Some(format!("the page at row {start} of {total} is empty"));
        }
        let repeated = ids.iter().find_map(|&id| {
            let before = self.seen.insert(id, start)?;
            Some(format!(
                "the page at row {start} repeats id {id} from the page at row {before}"
            ))
        });
        let rows = self.rows + ids.len() as u64;
        let excess = self.total.filter(|&total| rows > total).map(|total| {
            format!("the response reports a total of {total} rows, but {rows} arrived")
        });
        let is_last = self.total.is_some_and(|total| rows == total);
        let unended = (facts.has_next && is_last).then(|| {
            format!(
                "the page at row {start} names a next page, but all {rows} rows of the reported \
                 total have arrived"
            )
        });
        repeated.or(excess).or(unended)
    }
}

#[cfg(test)]
mod tests;
