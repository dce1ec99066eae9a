//! One list of a portal, which says how many rows it has.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde_json::{Map, Value};

use crate::{CountedFacts, Facts, Fetch, Outcome, Pages};

/// How often a list is begun anew because it moved while it was read.
const ROUNDS: u32 = 2;

/// One list over all its pages.
///
/// Nobody has published how a portal pages. What is known is that an answer tells how many rows
/// there are in all; where it holds fewer, the rest is asked for by `start`. A portal that does not
/// know `start` then repeats itself, and the list has failed: it is never short without a word.
#[derive(Debug)]
pub(super) struct Counted {
    source: Arc<str>,
    endpoint: &'static str,
    arguments: Map<String, Value>,
    pub(super) state: CountedState,
    round: u32,
    total: u64,
    /// The ids on the pages that are in, by the number of their first row.
    pages: BTreeMap<u64, Vec<i64>>,
    /// How many rows those are.
    rows: u64,
    /// On which page each id was seen.
    seen: HashMap<i64, u64>,
}

/// How far a [`Counted`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CountedState {
    Open,
    /// Every page is in.
    Closed,
    /// It stays unread, for this reason.
    Failed(String),
}

/// A page to ask for: its first row, and the round.
pub(super) type Ask = (u64, u32);

impl Counted {
    pub(super) fn new(
        source: Arc<str>,
        endpoint: &'static str,
        arguments: Map<String, Value>,
    ) -> Self {
        Self {
            source,
            endpoint,
            arguments,
            state: CountedState::Open,
            round: 0,
            total: 0,
            pages: BTreeMap::new(),
            rows: 0,
            seen: HashMap::new(),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.state == CountedState::Open
    }

    pub(super) fn begin(&self) -> Ask {
        (0, self.round)
    }

    /// The call that asks for a page; the first is asked for as if there were no pages.
    pub(super) fn fetch(&self, (start, round): Ask) -> Fetch {
        let mut arguments = self.arguments.clone();
        if start > 0 {
            arguments.insert("start".to_owned(), start.into());
        }
        Fetch::new(self.source.clone(), self.endpoint, arguments, round)
    }

    /// Whether the outcome of this page would still be of use.
    pub(super) fn awaits(&self, (_, round): Ask) -> bool {
        self.is_open() && round == self.round
    }

    /// Takes the outcome of one page, and says which to ask for next.
    pub(super) fn follow(&mut self, ask: Ask, outcome: &Outcome) -> Option<Ask> {
        if !self.awaits(ask) {
            return None;
        }
        let facts = match outcome {
            Outcome::Page(Facts::Counted(facts)) => facts.clone(),
            Outcome::Page(_) => CountedFacts::default(),
            Outcome::Failed(failure) => {
                self.state = CountedState::Failed(failure.message.clone());
                return None;
            }
        };
        if facts.missing > 0 {
            let message = format!(
                "{} row(s) without an id: what hangs under them cannot be read",
                facts.missing
            );
            self.state = CountedState::Failed(message);
            return None;
        }
        let (start, _) = ask;
        let rows = facts.ids.len() as u64;
        if start == 0 {
            self.total = facts.total.unwrap_or(rows);
        }
        if let Some(flaw) = self.flaw(start, &facts) {
            return self.begin_anew(&flaw);
        }
        self.rows += rows;
        self.pages.insert(start, facts.ids);
        if self.rows < self.total {
            return Some((self.rows, self.round));
        }
        self.state = CountedState::Closed;
        self.seen = HashMap::new();
        None
    }

    /// The ids of a list that is whole, in order.
    pub(super) fn take_ids(&mut self) -> Vec<i64> {
        self.pages.values_mut().flat_map(std::mem::take).collect()
    }

    /// The calls whose pages are the list, in order; or why it stayed unread.
    pub(super) fn pages(&self) -> Result<Pages, String> {
        match &self.state {
            CountedState::Failed(message) => Err(message.clone()),
            CountedState::Open => Err("the list was not read to its end".to_owned()),
            CountedState::Closed => {
                let calls = self.pages.keys();
                Ok(calls
                    .map(|&start| Pages::from(self.fetch((start, self.round))))
                    .collect())
            }
        }
    }

    fn begin_anew(&mut self, flaw: &str) -> Option<Ask> {
        if self.round + 1 == ROUNDS {
            let message = format!("the list moved while it was read, {ROUNDS} times: {flaw}");
            self.state = CountedState::Failed(message);
            return None;
        }
        self.pages.clear();
        self.seen.clear();
        self.rows = 0;
        self.round += 1;
        Some(self.begin())
    }

    /// What shows that this page and those before it are not one list.
    fn flaw(&mut self, start: u64, facts: &CountedFacts) -> Option<String> {
        if let Some(total) = facts.total.filter(|&total| total != self.total) {
            return Some(format!(
                "the page from row {start} on says that there are {total} rows, the first said {}",
                self.total
            ));
        }
        if facts.ids.is_empty() && self.total > 0 {
            return Some(format!(
                "the page from row {start} of {} on is empty",
                self.total
            ));
        }
        facts.ids.iter().find_map(|&id| {
            let before = self.seen.insert(id, start)?;
            Some(format!(
                "the page from row {start} on repeats {id} of the page from row {before} on"
            ))
        })
    }
}
