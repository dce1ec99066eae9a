//! What the plans of all systems have in common.

use crate::{
    Fetch, Outcome, Plan, Settings, Step, System, authenticator::Authenticator, portal::Portal,
};

/// Decides what to call: a fold from outcomes to the next calls and the scopes that closed.
///
/// A planner has no clock, does no I/O and makes no random choice, so that the same outcomes always
/// lead to the same calls and the same scopes in the same order.
pub(crate) trait Planner: Send {
    /// The first calls.
    fn begin(&mut self) -> Step;

    /// Takes what came of one call; one that it is not waiting for changes nothing.
    fn follow(&mut self, fetch: &Fetch, outcome: &Outcome) -> Step;

    /// Whether the outcome of a call that was asked for would still be of use.
    fn awaits(&self, fetch: &Fetch) -> bool;

    /// Gives up a call that was asked for and is not awaited any more; others may take its place.
    fn forget(&mut self, fetch: &Fetch) -> Step;

    /// Whether everything was asked and everything is published.
    fn is_finished(&self) -> bool;
}

/// The planner of a source.
pub(crate) fn planner(settings: Settings) -> Box<dyn Planner> {
    match settings.system {
        System::FortiCloud => Box::new(Plan::new(settings)),
        System::FortiPortal => Box::new(Portal::new(settings.source)),
        System::FortiAuthenticator => Box::new(Authenticator::new(settings.source)),
    }
}

impl Planner for Plan {
    fn begin(&mut self) -> Step {
        self.begin()
    }

    fn follow(&mut self, fetch: &Fetch, outcome: &Outcome) -> Step {
        self.follow(fetch, outcome)
    }

    fn awaits(&self, fetch: &Fetch) -> bool {
        self.awaits(fetch)
    }

    fn forget(&mut self, fetch: &Fetch) -> Step {
        self.forget(fetch)
    }

    fn is_finished(&self) -> bool {
        self.is_finished()
    }
}
