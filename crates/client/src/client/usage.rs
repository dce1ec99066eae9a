//! How much of the limits has been used, and by which calls.

use fortilake_auth::{Micros, later};

use super::Client;
use crate::{
    Error, Result, Window,
    ledger::{ErrorLimit, PastError},
};

/// How much has been used so far, and what the limits still allow.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// How many requests this client has sent, including sign-ins and retries.
    pub calls: u64,
    /// The windows, reduced to this client's share, and how many calls of the user each one holds
    /// now.
    pub windows: Vec<(Window, u32)>,
    /// How many more errors may happen before calls pause, if errors are limited.
    pub errors_left: Option<u32>,
    /// The most recent errors whose reasons are known, newest first.
    pub last_errors: Vec<PastError>,
    /// How many calls of the user are in flight, in all processes that share the ledger.
    pub in_flight: u32,
    /// Until when the server accepts no calls, if it said so.
    pub closed_until: Option<Micros>,
    /// How many calls of this process wait for their turn.
    pub waiting: usize,
    /// When the first waiting call is sent, if that is known.
    pub next_call: Option<Micros>,
}

impl Client {
    /// Returns how much has been used so far, and what the limits still allow.
    pub async fn usage(&self) -> Result<Usage> {
        let limiter = &self.limited.limiter;
        let usage = limiter.usage().await?;
        let (waiting, next_call) = limiter.queue.waiting();
        let errors_left = |limit: ErrorLimit| limit.usable().saturating_sub(usage.errors);
        Ok(Usage {
            calls: self.calls(),
            windows: limiter
                .limits
                .calls
                .iter()
                .copied()
                .zip(usage.calls)
                .collect(),
            errors_left: limiter.limits.errors.map(errors_left),
            last_errors: usage.last_errors,
            in_flight: usage.in_flight,
            closed_until: usage.closed_for.map(|wait| later((limiter.clock)(), wait)),
            waiting,
            next_call,
        })
    }

    /// Adds the errors that used up the error budget to an error about that budget.
    pub(super) async fn explained(&self, error: Error) -> Error {
        if error.pause().is_none() {
            return error;
        }
        // If the ledger can't be read, the list is left out; the next call will report the problem.
        let usage = self.limited.limiter.usage().await;
        let errors = usage.map(|usage| usage.last_errors);
        error.with_errors(&errors.unwrap_or_default())
    }
}
