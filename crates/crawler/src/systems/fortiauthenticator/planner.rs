//! The plan of a FortiAuthenticator: whose counters they are, then the counters.

use std::sync::Arc;

use serde_json::Map;

use crate::{Facts, FailureKind, Fetch, Outcome, Pages, Scope, Step, planner::Planner};

#[cfg(test)]
mod tests;

/// The endpoint that says which unit it is.
pub(crate) const UNIT: &str = "authenticator/systeminfo";
/// The endpoint with the counters.
pub(crate) const COUNTERS: &str = "authenticator/fortitokenmobilelicenses";

/// The plan: two calls, of which the first tells what the rows of the second are named by.
#[derive(Debug)]
pub(crate) struct Authenticator {
    source: Arc<str>,
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// The unit has been asked who it is.
    Unit,
    /// The counters have been asked for, by this call.
    Counters(Fetch),
    Done,
}

impl Authenticator {
    pub(crate) fn new(source: Arc<str>) -> Self {
        Self {
            source,
            state: State::Unit,
        }
    }

    fn fetch(&self, endpoint: &'static str) -> Fetch {
        Fetch::new(self.source.clone(), endpoint, Map::new(), 0)
    }

    /// Not every release has the first endpoint and not every user may read it; the counters are
    /// whole without, so only an answer that got lost is a failure.
    fn follow_unit(&mut self, outcome: &Outcome) -> Step {
        let given = match outcome {
            Outcome::Page(Facts::Unit(unit)) => unit.clone(),
            Outcome::Failed(failure) if failure.kind == FailureKind::Lost => {
                // Rows without the unit's name could not be told from those of another unit.
                let message = failure.message.clone();
                let unasked = format!("not asked, because {message}");
                self.state = State::Done;
                return Step {
                    fetches: Vec::new(),
                    closed: vec![scope(UNIT, Err(message)), scope(COUNTERS, Err(unasked))],
                };
            }
            Outcome::Page(_) | Outcome::Failed(_) => Vec::new(),
        };
        let fetch = self.fetch(COUNTERS).given(given);
        self.state = State::Counters(fetch.clone());
        Step {
            fetches: vec![fetch],
            closed: vec![scope(UNIT, Ok(Pages::default()))],
        }
    }
}

impl Planner for Authenticator {
    fn begin(&mut self) -> Step {
        Step {
            fetches: vec![self.fetch(UNIT)],
            closed: Vec::new(),
        }
    }

    fn follow(&mut self, fetch: &Fetch, outcome: &Outcome) -> Step {
        match &self.state {
            State::Unit if fetch.endpoint == UNIT => self.follow_unit(outcome),
            State::Counters(asked) if asked.key() == fetch.key() => {
                let pages = match outcome {
                    Outcome::Page(_) => Ok(asked.clone().into()),
                    Outcome::Failed(failure) => Err(failure.message.clone()),
                };
                self.state = State::Done;
                Step {
                    fetches: Vec::new(),
                    closed: vec![scope(COUNTERS, pages)],
                }
            }
            _ => Step::default(),
        }
    }

    fn awaits(&self, fetch: &Fetch) -> bool {
        match &self.state {
            State::Unit => fetch.endpoint == UNIT,
            State::Counters(asked) => asked.key() == fetch.key(),
            State::Done => false,
        }
    }

    fn forget(&mut self, _: &Fetch) -> Step {
        Step::default()
    }

    fn is_finished(&self) -> bool {
        self.state == State::Done
    }
}

fn scope(endpoint: &'static str, pages: Result<Pages, String>) -> Scope {
    Scope {
        endpoint,
        account_id: None,
        ou_id: None,
        organization_id: None,
        rejected: Vec::new(),
        pages,
    }
}
