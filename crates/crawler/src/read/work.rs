//! The calls of a source: waiting, in flight, and waiting for another try.

use std::collections::VecDeque;

use fortilake_client::{self as client, Tries};
use tokio::{task::JoinSet, time::Instant};

use super::{
    ReadStats,
    call::FetchedPage,
    judge::NextTry,
    outage::OutageDetector,
    retry_queue::{QueuedRetry, RetryQueue, SlowStart},
};
use crate::{Error, Failure, Fetch, Result};

/// The state of reading a source.
#[derive(Default)]
pub(super) struct Work {
    /// Calls that have not been made yet, next one first.
    pub(super) waiting: VecDeque<Fetch>,
    /// Calls that an earlier run did not make because it used up its errors. The last one goes
    /// first.
    ///
    /// The accounts that used up the errors are often neighbors, so a resumed crawl continues from
    /// the other end.
    pub(super) unasked: Vec<Fetch>,
    /// Calls that wait because another list of their account is in flight or has failed, so that
    /// they would probably cost an error too.
    pub(super) held: Vec<Fetch>,
    /// Failed calls that get another try.
    pub(super) retries: RetryQueue,
    /// The calls in flight. A call is in flight until its record survives a kill.
    ///
    /// Until then, a kill loses its response, and the call has to be made again. So a kill never costs
    /// more calls than may be in flight.
    pub(super) calls: JoinSet<Done>,
    /// The endpoints and accounts of the calls in flight.
    pub(super) in_flight: Vec<(&'static str, i64)>,
    /// Sign-ins for later calls. They are cancelled when the run ends.
    pub(super) ahead: JoinSet<()>,
    pub(super) slow_start: SlowStart,
    pub(super) outage: OutageDetector,
    /// Calls that were throttled in all their tries, while it is not known whether others are too.
    pub(super) suspects: Vec<Suspect>,
    /// Whether a call is in flight that tells whether the API answers.
    pub(super) probing: bool,
    /// Whether that call was throttled as well, so that the limit holds for every call.
    pub(super) limited: bool,
    /// Whether calls failed in an earlier run of this crawl.
    pub(super) resumed: bool,
    pub(super) effort: ReadStats,
    /// Why no further call is made.
    pub(super) end: Option<Error>,
}

/// A call in flight.
pub(super) struct Attempt {
    pub(super) fetch: Fetch,
    /// How often it had failed in this run before.
    pub(super) failures: u32,
    /// Whether it failed in an earlier run.
    pub(super) failed_before: bool,
    /// The last failure, if there was one.
    pub(super) failure: Option<Failure>,
    /// The client's record of the tries in this run.
    pub(super) tries: Tries,
}

/// A call that was throttled in all its tries.
///
/// If only this call is throttled, its scope fails: otherwise one account could pause the crawl in
/// every run. If every call is throttled, the crawl pauses and no scope fails.
pub(super) struct Suspect {
    pub(super) attempt: Attempt,
    pub(super) failure: Failure,
    /// How the run ends if every call is throttled.
    pub(super) limit: Option<Error>,
}

/// A call that has ended.
pub(super) enum Done {
    /// The user who made it, by number, and the result.
    Call(usize, Attempt, client::Result<FetchedPage>),
    /// The call that tells whether the API answers.
    Probe(client::Result<FetchedPage>),
    /// That call was not sent, because the crawl was stopped.
    ProbeCancelled,
    /// The record of a call that has ended, and all records before it, survive a kill.
    Durable(Result<()>),
}

impl Work {
    /// Moves calls that no longer have to be held back to the front of `waiting`.
    pub(super) fn release(&mut self) {
        let held = std::mem::take(&mut self.held);
        let (held, free): (Vec<_>, Vec<_>) =
            held.into_iter().partition(|fetch| self.must_wait(fetch));
        self.held = held;
        for fetch in free.into_iter().rev() {
            self.waiting.push_front(fetch);
        }
    }

    /// Whether a call has to wait for another list of its account.
    ///
    /// If failures are rare, the lists of an account may be read concurrently.
    pub(super) fn must_wait(&self, fetch: &Fetch) -> bool {
        let in_flight = fetch
            .account()
            .is_some_and(|account| self.in_flight.contains(&(fetch.endpoint, account)));
        self.retries.holds(fetch) || (in_flight && !self.slow_start.is_calm())
    }

    /// Whether every call has been made at least once.
    pub(super) fn all_asked(&self) -> bool {
        self.waiting.is_empty() && self.unasked.is_empty()
    }

    /// The next call that has not been made, and whether the journal is known not to contain it.
    pub(super) fn next(&mut self) -> Option<(Fetch, bool)> {
        let first = self.waiting.pop_front().map(|fetch| (fetch, false));
        first.or_else(|| Some((self.unasked.pop()?, true)))
    }

    pub(super) fn sent(&mut self, fetch: &Fetch) {
        let account = fetch.account();
        self.in_flight
            .extend(account.map(|account| (fetch.endpoint, account)));
    }

    pub(super) fn ended(&mut self, fetch: &Fetch) {
        let call = fetch.account().map(|account| (fetch.endpoint, account));
        let place = self.in_flight.iter().position(|one| Some(*one) == call);
        if let Some(place) = place {
            self.in_flight.swap_remove(place);
        }
    }

    /// The call that tells whether the API answers; `None` while there is no doubt, or no call to
    /// repeat.
    pub(super) fn probe_call(&self) -> Option<&Fetch> {
        match self.suspects.first() {
            Some(suspect) => self.outage.answered_call(suspect.attempt.fetch.endpoint),
            None => self.outage.probe_call(),
        }
    }

    pub(super) fn may_start(&self, concurrency: usize) -> bool {
        self.end.is_none() && !self.probing && self.slow_start.allows(self.calls.len(), concurrency)
    }

    /// When the next call is due that waits for nothing but its time.
    pub(super) fn due(&self, concurrency: usize) -> Option<Instant> {
        let may_start = self.may_start(concurrency);
        self.retries.due(self.all_asked()).filter(|_| may_start)
    }

    /// Puts back a call that the client did not send.
    pub(super) fn put_back(&mut self, attempt: Attempt) {
        // It was not sent, so this is no further failure, and it returns to the queue it came from.
        match attempt.failure {
            None => self.waiting.push_front(attempt.fetch),
            Some(failure) if attempt.failed_before => {
                self.retries.push_failed_before(attempt.fetch, failure);
            }
            Some(failure) => {
                let later = NextTry {
                    tries: attempt.tries,
                    ..NextTry::default()
                };
                self.retries
                    .push(attempt.fetch, attempt.failures, failure, later, false);
            }
        }
    }
}

impl From<Fetch> for Attempt {
    fn from(fetch: Fetch) -> Self {
        Self {
            fetch,
            failures: 0,
            failed_before: false,
            failure: None,
            tries: Tries::default(),
        }
    }
}

impl From<QueuedRetry> for Attempt {
    fn from(retry: QueuedRetry) -> Self {
        Self {
            fetch: retry.fetch,
            failures: retry.failures,
            failed_before: retry.failed_before,
            failure: Some(retry.failure),
            tries: retry.tries,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Map, json};

    use super::*;
    use crate::{FailureKind, error::Kind};

    const PRODUCTS: &str = "products/list";

    fn call(endpoint: &'static str, account: impl Into<Option<i64>>) -> Fetch {
        let account = account.into().map(|id| ("accountId".to_owned(), json!(id)));
        let arguments: Map<_, _> = account.into_iter().collect();
        Fetch::new(Arc::from("acme"), endpoint, arguments, 0)
    }

    fn products(account: i64) -> Fetch {
        call(PRODUCTS, account)
    }

    fn failure() -> Failure {
        Failure {
            kind: FailureKind::Lost,
            message: "HTTP 500".to_owned(),
        }
    }

    fn calm() -> SlowStart {
        let mut start = SlowStart::default();
        (0..100).for_each(|_| start.succeeded());
        start
    }

    #[test]
    fn a_call_waits_for_another_list_of_its_account_in_flight() {
        let mut work = Work::default();
        work.sent(&products(1));
        assert!(work.must_wait(&products(1)));
        assert!(!work.must_wait(&products(2)));
        assert!(!work.must_wait(&call("licenses/list", 1)));
        work.slow_start = calm();
        assert!(!work.must_wait(&products(1)), "failures are rare");
        // Calls that are about no account have none in common.
        let mut work = Work::default();
        work.sent(&call("units/list", None));
        assert!(!work.must_wait(&call("units/list", None)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_waits_for_another_list_of_its_account_that_failed() {
        let mut work = Work {
            slow_start: calm(),
            ..Work::default()
        };
        work.retries.push_failed_before(products(1), failure());
        assert!(work.must_wait(&products(1)));
        assert!(!work.must_wait(&products(2)));
    }

    #[test]
    fn a_call_that_ended_leaves_the_others_in_flight() {
        let mut work = Work::default();
        for account in [1, 1, 2] {
            work.sent(&products(account));
        }
        for ended in [call("units/list", None), call("licenses/list", 2)] {
            work.ended(&ended);
            assert_eq!(work.in_flight.len(), 3);
        }
        work.ended(&products(1));
        assert!(work.must_wait(&products(1)) && work.must_wait(&products(2)));
        work.ended(&products(1));
        assert!(!work.must_wait(&products(1)) && work.must_wait(&products(2)));
    }

    #[test]
    fn calls_that_no_longer_wait_go_before_the_others_in_their_order() {
        let mut work = Work::default();
        work.sent(&products(2));
        work.waiting.push_back(products(4));
        work.held.extend([1, 2, 3].map(products));
        work.release();
        assert_eq!(work.waiting, [1, 3, 4].map(products));
        assert_eq!(work.held, [products(2)]);
    }

    #[test]
    fn calls_of_an_earlier_run_come_last_and_from_the_other_end() {
        let mut work = Work::default();
        assert!(work.all_asked());
        work.waiting.push_back(products(1));
        assert!(!work.all_asked());
        work.unasked.extend([2, 3].map(products));
        assert_eq!(work.next(), Some((products(1), false)));
        assert!(!work.all_asked());
        assert_eq!(work.next(), Some((products(3), true)));
        assert_eq!(work.next(), Some((products(2), true)));
        assert!(work.all_asked());
        assert_eq!(work.next(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn no_call_starts_after_the_end_or_beside_a_probe() {
        let mut work = Work::default();
        work.retries
            .push(products(1), 1, failure(), NextTry::default(), false);
        assert!(work.may_start(1) && work.due(1).is_some());
        work.probing = true;
        assert!(!work.may_start(1) && work.due(1).is_none());
        work.probing = false;
        work.end = Some(Error::new(Kind::Interrupted, "interrupted"));
        assert!(!work.may_start(1) && work.due(1).is_none());
        work.end = None;
        work.waiting.push_back(products(2));
        assert!(work.due(1).is_none(), "not every call was made");
        work.calls.spawn(std::future::pending());
        assert!(!work.may_start(8), "no call has succeeded");
        work.slow_start.succeeded();
        work.slow_start.succeeded();
        assert!(work.may_start(8) && !work.may_start(1));
    }

    #[test]
    fn a_throttled_call_asks_whether_another_of_its_endpoint_is_answered() {
        let mut work = Work::default();
        work.outage.page(&products(1));
        work.outage.page(&call("units/list", None));
        assert_eq!(work.probe_call(), None);
        work.suspects.push(Suspect {
            attempt: products(2).into(),
            failure: failure(),
            limit: None,
        });
        assert_eq!(work.probe_call(), Some(&products(1)));
        work.suspects.clear();
        (0..3).for_each(|_| work.outage.lost(true));
        assert_eq!(work.probe_call(), Some(&call("units/list", None)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_was_not_sent_returns_to_the_queue_it_came_from() {
        let mut work = Work::default();
        work.waiting.push_back(products(4));
        work.put_back(products(1).into());
        work.put_back(QueuedRetry::failed_before(products(2), failure()).into());
        let failed = Attempt {
            failures: 3,
            failure: Some(failure()),
            ..products(3).into()
        };
        work.put_back(failed);
        assert_eq!(work.waiting, [1, 4].map(products));
        let retries: Vec<_> = work
            .retries
            .iter()
            .map(|retry| (&retry.fetch, retry.failures, retry.failed_before))
            .collect();
        assert_eq!(retries, [(&products(3), 3, false), (&products(2), 0, true)]);
    }
}
