//! A circuit breaker: stops calling after several calls in a row got no response.

use std::time::Duration;

use fortilake_auth::{Micros, later};

/// How many calls in a row have to fail, after all their tries, before the breaker opens.
const FAILURES: u32 = 3;

/// How long the breaker stays open. After that, a single call may test the service.
const REST: Duration = Duration::from_mins(5);

/// Keeps a service that does not answer from using up the whole error budget.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    /// How many calls have failed, after all their tries, since the last response.
    failures: u32,
    /// When the breaker lets the next call through.
    rest_until: Micros,
    /// Whether a test call is in flight.
    probing: bool,
}

/// Whether a call may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BreakerDecision {
    Free,
    /// Yes, as the only one, to test whether the service answers again.
    Probe,
    At(Micros),
    AfterProbe,
}

impl Breaker {
    pub(crate) fn decide(&self, now: Micros) -> BreakerDecision {
        // After the pause, only a single call is let through. Letting all waiting calls through
        // would cost as many errors as there are workers, if the service is still down.
        match self {
            _ if self.failures < FAILURES => BreakerDecision::Free,
            _ if self.probing => BreakerDecision::AfterProbe,
            _ if now < self.rest_until => BreakerDecision::At(self.rest_until),
            _ => BreakerDecision::Probe,
        }
    }

    /// Records that the test call has been sent.
    pub(crate) fn probe(&mut self) {
        self.probing = true;
    }

    /// Records that the test call got no response of any kind, or was never sent.
    pub(crate) fn probe_failed(&mut self, rest_until: Micros) {
        self.probing = false;
        self.rest_until = rest_until;
    }

    /// Records that a response came, even if it was an error. This closes the breaker.
    pub(crate) fn answered(&mut self) {
        *self = Self::default();
    }

    /// Records that a call has failed after all its tries.
    pub(crate) fn call_failed(&mut self, now: Micros) {
        self.failures = self.failures.saturating_add(1);
        self.rest_until = rest_until(now);
    }
}

/// Returns when the breaker lets a call through if it opens at `now`.
pub(crate) fn rest_until(now: Micros) -> Micros {
    later(now, REST)
}

#[cfg(test)]
mod tests;
