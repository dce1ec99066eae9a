//! Stops calling when nothing gets through.

use std::time::Duration;

use fortilake_auth::{Micros, later};

/// How many calls in a row have to fail for good.
const FAILURES: u32 = 3;

/// How long nothing is sent then; after it a single call may try whether anything has changed.
const REST: Duration = Duration::from_mins(5);

/// Keeps a service that does not answer from costing the whole budget of errors.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    /// Calls that have failed for good, since anything was answered.
    failures: u32,
    /// When the next call may try.
    rest_until: Micros,
    /// Whether it is trying.
    probing: bool,
}

/// Whether a call may go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passage {
    Free,
    /// As the only one, to see whether anything is answered again.
    Probe,
    At(Micros),
    AfterProbe,
}

impl Breaker {
    pub(crate) fn passage(&self, now: Micros) -> Passage {
        match self {
            _ if self.failures < FAILURES => Passage::Free,
            _ if self.probing => Passage::AfterProbe,
            _ if now < self.rest_until => Passage::At(self.rest_until),
            _ => Passage::Probe,
        }
    }

    /// The call that may try is under way.
    pub(crate) fn probe(&mut self) {
        self.probing = true;
    }

    /// The call that was to try got no answer of any kind, or was never sent.
    pub(crate) fn probe_failed(&mut self, rest_until: Micros) {
        self.probing = false;
        self.rest_until = rest_until;
    }

    /// Something was answered, be it an error.
    pub(crate) fn answered(&mut self) {
        *self = Self::default();
    }

    /// A call has failed for good, after all its tries.
    pub(crate) fn call_failed(&mut self, now: Micros) {
        self.failures = self.failures.saturating_add(1);
        self.rest_until = rest_until(now);
    }
}

/// When to try again.
pub(crate) fn rest_until(now: Micros) -> Micros {
    later(now, REST)
}

#[cfg(test)]
mod tests;
