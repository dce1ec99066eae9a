//! The windows for calls and errors, as the service enforces them.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::scenario::{CallLimit, Quota, WindowKind};

#[cfg(test)]
mod tests;

/// A limit that a call would exceed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ExceededLimit {
    pub(crate) status: i64,
    pub(crate) message: &'static str,
    /// How long the window stays full.
    pub(crate) wait: Duration,
    /// Whether the refusal itself counts as an error.
    pub(crate) counts: bool,
}

/// The calls and errors so far.
#[derive(Debug)]
pub(crate) struct QuotaUsage {
    quota: Quota,
    start: Instant,
    calls: Vec<VecDeque<Instant>>,
    errors: VecDeque<Instant>,
}

impl QuotaUsage {
    pub(crate) fn new(quota: Quota, start: Instant) -> Self {
        Self {
            calls: vec![VecDeque::new(); quota.calls.len()],
            errors: VecDeque::new(),
            quota,
            start,
        }
    }

    /// Counts a call, or returns the limit that refuses it.
    pub(crate) fn call(&mut self, now: Instant) -> Result<(), ExceededLimit> {
        if let Some(limit) = &self.quota.errors {
            forget(&mut self.errors, now, limit.per);
            if self.errors.len() as u64 >= limit.max {
                let wait = until_free(&self.errors, now, limit.per);
                return Err(ExceededLimit {
                    status: -30,
                    message: "Exceeded the allowed number of errors",
                    wait,
                    // If these refusals counted as errors, a caller that keeps trying would be
                    // locked out forever.
                    counts: false,
                });
            }
        }
        let elapsed = now.saturating_duration_since(self.start);
        for (limit, calls) in self.quota.calls.iter().zip(&mut self.calls) {
            let wait = match limit.kind {
                WindowKind::Sliding => {
                    forget(calls, now, limit.per);
                    until_free(calls, now, limit.per)
                }
                WindowKind::Fixed => {
                    let into = into_window(elapsed, limit.per);
                    calls.retain(|call| now.saturating_duration_since(*call) <= into);
                    limit.per.saturating_sub(into)
                }
            };
            if calls.len() as u64 >= limit.max {
                return Err(exceeded(limit, wait));
            }
        }
        // Counted only if no window refused it: a refused call is an error but not a call.
        for calls in &mut self.calls {
            calls.push_back(now);
        }
        Ok(())
    }

    /// Counts a response that is an error.
    pub(crate) fn error(&mut self, now: Instant) {
        if self.quota.errors.is_some() {
            self.errors.push_back(now);
        }
    }
}

fn exceeded(limit: &CallLimit, wait: Duration) -> ExceededLimit {
    let (status, message) = if limit.per <= Duration::from_mins(1) {
        (-10, "Exceeded the allowed number of requests per minute")
    } else {
        (-11, "Exceeded the allowed number of requests per hour")
    };
    ExceededLimit {
        status,
        message,
        wait,
        counts: true,
    }
}

fn forget(times: &mut VecDeque<Instant>, now: Instant, per: Duration) {
    while times
        .front()
        .is_some_and(|time| now.saturating_duration_since(*time) >= per)
    {
        times.pop_front();
    }
}

fn until_free(times: &VecDeque<Instant>, now: Instant, per: Duration) -> Duration {
    let age = times
        .front()
        .map(|time| now.saturating_duration_since(*time));
    per.saturating_sub(age.unwrap_or(per))
}

fn into_window(elapsed: Duration, per: Duration) -> Duration {
    let nanos = elapsed.as_nanos() % per.as_nanos().max(1);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or_default())
}
