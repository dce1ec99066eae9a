//! The plan of a FortiAuthenticator crawl: the unit's identity, then its counters and its tokens.

use std::{collections::HashMap, sync::Arc};

use serde_json::{Map, Value};

use super::{COUNTERS, TOKENS, UNIT};
use crate::{
    Facts, FailureKind, Fetch, Outcome, Pages, Scope, Step,
    systems::{
        Planner,
        offset_list::{OffsetList, OffsetRequest},
    },
};

#[cfg(test)]
mod tests;

/// The number of tokens to ask for per call, which is the most that a unit sends.
const LIMIT: i64 = 1000;

/// The plan of one unit. The first call returns the serial number that the rows of all others get.
#[derive(Debug)]
pub(crate) struct FortiAuthenticatorPlanner {
    source: Arc<str>,
    /// The list that each call in flight belongs to.
    asked: HashMap<Arc<str>, Purpose>,
    tokens: OffsetList,
}

#[derive(Debug, Clone, Copy)]
enum Purpose {
    Unit,
    Counters,
    Tokens(OffsetRequest),
}

impl FortiAuthenticatorPlanner {
    pub(crate) fn new(source: Arc<str>) -> Self {
        Self {
            tokens: tokens(source.clone(), Vec::new()),
            source,
            asked: HashMap::new(),
        }
    }

    fn ask(&mut self, purpose: Purpose, given: Vec<(String, Value)>) -> Fetch {
        let new = |endpoint| Fetch::new(self.source.clone(), endpoint, Map::new(), 0);
        let fetch = match purpose {
            Purpose::Unit => new(UNIT),
            Purpose::Counters => new(COUNTERS).given(given),
            Purpose::Tokens(request) => self.tokens.fetch(request),
        };
        self.asked.insert(fetch.key().clone(), purpose);
        fetch
    }

    /// Not every release has the first endpoint, and not every user may read it. The other
    /// endpoints are complete without it, so a refusal is not a failure, but a lost response is.
    fn follow_unit(&mut self, outcome: &Outcome) -> Step {
        let given = match outcome {
            Outcome::Page(Facts::Unit(unit)) => unit.clone(),
            Outcome::Failed(failure) if failure.kind == FailureKind::Lost => {
                // Without the unit's serial number, its rows could not be distinguished from those
                // of another unit.
                let message = failure.message.clone();
                let unasked = Err(format!("skipped because {message}"));
                return Step {
                    fetches: Vec::new(),
                    closed: vec![
                        Scope::of(UNIT, Err(message)),
                        Scope::of(COUNTERS, unasked.clone()),
                        Scope::of(TOKENS, unasked),
                    ],
                };
            }
            Outcome::Page(_) | Outcome::Failed(_) => Vec::new(),
        };
        let name = given.iter().filter(|(column, _)| column == "serial_number");
        let name = name.cloned().collect();
        self.tokens = tokens(self.source.clone(), name);
        let first = self.tokens.begin();
        Step {
            fetches: vec![
                self.ask(Purpose::Counters, given),
                self.ask(Purpose::Tokens(first), Vec::new()),
            ],
            closed: vec![Scope::of(UNIT, Ok(Pages::default()))],
        }
    }

    fn follow_tokens(&mut self, request: OffsetRequest, outcome: &Outcome) -> Step {
        let next = self.tokens.follow(request, outcome);
        let fetches = next.map(|request| self.ask(Purpose::Tokens(request), Vec::new()));
        let is_open = self.tokens.is_open();
        let closed = (!is_open).then(|| Scope::of(TOKENS, self.tokens.pages()));
        Step {
            fetches: fetches.into_iter().collect(),
            closed: closed.into_iter().collect(),
        }
    }
}

impl Planner for FortiAuthenticatorPlanner {
    fn begin(&mut self) -> Step {
        Step {
            fetches: vec![self.ask(Purpose::Unit, Vec::new())],
            closed: Vec::new(),
        }
    }

    fn follow(&mut self, fetch: &Fetch, outcome: &Outcome) -> Step {
        match self.asked.remove(fetch.key()) {
            Some(Purpose::Unit) => self.follow_unit(outcome),
            Some(Purpose::Counters) => {
                let pages = match outcome {
                    Outcome::Page(_) => Ok(fetch.clone().into()),
                    Outcome::Failed(failure) => Err(failure.message.clone()),
                };
                Step {
                    fetches: Vec::new(),
                    closed: vec![Scope::of(COUNTERS, pages)],
                }
            }
            Some(Purpose::Tokens(request)) => self.follow_tokens(request, outcome),
            None => Step::default(),
        }
    }

    fn awaits(&self, fetch: &Fetch) -> bool {
        match self.asked.get(fetch.key()) {
            Some(Purpose::Tokens(request)) => self.tokens.awaits(*request),
            Some(Purpose::Unit | Purpose::Counters) => true,
            None => false,
        }
    }

    fn forget(&mut self, fetch: &Fetch) -> Step {
        self.asked.remove(fetch.key());
        Step::default()
    }

    fn is_finished(&self) -> bool {
        self.asked.is_empty()
    }
}

fn tokens(source: Arc<str>, given: Vec<(String, Value)>) -> OffsetList {
    let arguments = Map::from_iter([("limit".to_owned(), LIMIT.into())]);
    OffsetList::new(source, TOKENS, arguments, "offset").given(given)
}
