//! Failed calls that get another try, and the number of calls in flight.
//!
//! Errors are scarce: the API allows ten per hour. So a failed call is not tried again at once. It
//! waits behind all calls that have not been made yet, and calls that failed in an earlier run wait
//! behind those and get a single try. An account that always fails then costs one error before all
//! others are read, and never prevents the crawl from ending.
//!
//! The price is that a scope with a failed call closes late, and the scopes after it in publishing
//! order wait for it. Where failures are rare, the second try therefore comes early.

use std::{collections::VecDeque, time::Duration};

use fortilake_client::Tries;
use tokio::time::Instant;

use super::judge::NextTry;
use crate::{Failure, Fetch};

/// After this many consecutive successes, a failure counts as rare.
const RARE: usize = 20;

/// The delay before a second try. It doubles with each further try.
const PAUSE: Duration = Duration::from_secs(1);

/// The longest delay between two tries of a call.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A failed call that waits for another try.
#[derive(Debug)]
pub(super) struct QueuedRetry {
    pub(super) fetch: Fetch,
    /// How often it failed in this run.
    pub(super) failures: u32,
    /// The last failure.
    pub(super) failure: Failure,
    /// The client's record of the tries in this run.
    pub(super) tries: Tries,
    /// Whether it failed in an earlier run. Then it gets exactly one try.
    pub(super) failed_before: bool,
    /// The earliest time of the next try.
    due: Instant,
    /// Whether it may be tried before calls that have not been made yet.
    soon: bool,
}

impl QueuedRetry {
    pub(super) fn failed_before(fetch: Fetch, failure: Failure) -> Self {
        Self {
            fetch,
            failures: 0,
            failure,
            tries: Tries::default(),
            failed_before: true,
            due: Instant::now(),
            soon: false,
        }
    }
}

/// The failed calls in the order of their next tries: those that failed in this run, then those of
/// earlier runs.
#[derive(Debug, Default)]
pub(super) struct RetryQueue(VecDeque<QueuedRetry>);

impl RetryQueue {
    /// Adds a call behind the others that failed in this run.
    pub(super) fn push(
        &mut self,
        fetch: Fetch,
        failures: u32,
        failure: Failure,
        later: NextTry,
        rare: bool,
    ) {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        let pause = PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE);
        let due = Instant::now() + pause.max(later.wait);
        // The pages of a list have to arrive within minutes of each other, so a page is tried again
        // soon.
        let soon = rare || fetch.is_later_page();
        let place = self.0.partition_point(|other| !other.failed_before);
        let retry = QueuedRetry {
            fetch,
            failures,
            failure,
            tries: later.tries,
            failed_before: false,
            due,
            soon,
        };
        self.0.insert(place, retry);
    }

    /// Adds a call that failed in an earlier run, behind all others.
    pub(super) fn push_failed_before(&mut self, fetch: Fetch, failure: Failure) {
        self.0.push_back(QueuedRetry::failed_before(fetch, failure));
    }

    /// Removes and returns the next call that is due.
    ///
    /// Until all calls have been made once (`all_asked`), only calls marked `soon` qualify. A call
    /// that failed in an earlier run also waits until no calls are in flight (`quiet`), since those
    /// may lead to more calls.
    pub(super) fn next(&mut self, all_asked: bool, quiet: bool) -> Option<QueuedRetry> {
        let now = Instant::now();
        let place = self.0.iter().position(|retry| {
            retry.due <= now
                && if retry.failed_before {
                    all_asked && quiet
                } else {
                    all_asked || retry.soon
                }
        })?;
        // Calls that failed in this run go first, even if they are not due yet.
        if self.0[place].failed_before && self.0.iter().any(|retry| !retry.failed_before) {
            return None;
        }
        self.0.remove(place)
    }

    /// When the next call is due that waits for nothing but its time.
    pub(super) fn due(&self, all_asked: bool) -> Option<Instant> {
        // A call that failed in an earlier run waits for calls in flight and not for a time. The
        // end of one of them wakes it.
        let waits = |retry: &&QueuedRetry| !retry.failed_before && (all_asked || retry.soon);
        self.0.iter().filter(waits).map(|retry| retry.due).min()
    }

    /// Whether another list of the same account waits for another try.
    pub(super) fn holds(&self, fetch: &Fetch) -> bool {
        let account = fetch.account();
        let same = |retry: &QueuedRetry| {
            retry.fetch.endpoint == fetch.endpoint && retry.fetch.account() == account
        };
        account.is_some() && self.0.iter().any(same)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &QueuedRetry> {
        self.0.iter()
    }

    pub(super) fn pop(&mut self) -> Option<QueuedRetry> {
        self.0.pop_front()
    }
}

/// The number of calls that may be in flight: one at first, then as many as have just succeeded in
/// a row.
///
/// A process that is killed cannot say how its calls in flight ended, so each of them may have to
/// be counted as an error, and there are only ten per hour. Starting slowly ensures that at least
/// as many calls had just succeeded as a kill can leave behind. The price is a few slow seconds at
/// the start and after each failure.
#[derive(Debug, Default)]
pub(super) struct SlowStart {
    successes: usize,
}

impl SlowStart {
    pub(super) fn allows(&self, in_flight: usize, concurrency: usize) -> bool {
        in_flight < self.successes.clamp(1, concurrency)
    }

    pub(super) fn succeeded(&mut self) {
        self.successes = self.successes.saturating_add(1);
    }

    /// Whether the last calls have all succeeded.
    pub(super) fn is_calm(&self) -> bool {
        self.successes >= RARE
    }

    /// Starts again with one call in flight, and returns whether the failure is a rare one.
    pub(super) fn failed(&mut self) -> bool {
        std::mem::take(&mut self.successes) >= RARE
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Map, Value, json};

    use super::*;
    use crate::FailureKind;

    fn fetch(account: u32) -> Fetch {
        let mut arguments = Map::new();
        arguments.insert("accountId".to_owned(), json!(account));
        Fetch::new(Arc::from("acme"), "products/list", arguments, 0)
    }

    fn failure() -> Failure {
        Failure {
            kind: FailureKind::Lost,
            message: "HTTP 500".to_owned(),
        }
    }

    fn account(retry: Option<QueuedRetry>) -> Option<i64> {
        retry.and_then(|retry| retry.fetch.arguments["accountId"].as_i64())
    }

    #[tokio::test(start_paused = true)]
    async fn failed_calls_wait_for_new_ones_and_earlier_failures_wait_for_all_others() {
        let mut queue = RetryQueue::default();
        queue.push_failed_before(fetch(1), failure());
        queue.push(fetch(2), 1, failure(), NextTry::default(), false);
        queue.push(fetch(3), 1, failure(), NextTry::default(), true);
        tokio::time::advance(PAUSE).await;
        assert_eq!(account(queue.next(false, true)), Some(3));
        assert_eq!(account(queue.next(false, true)), None);
        assert_eq!(account(queue.next(true, false)), Some(2));
        assert_eq!(account(queue.next(true, false)), None);
        assert_eq!(account(queue.next(true, true)), Some(1));
    }

    #[tokio::test(start_paused = true)]
    async fn an_earlier_failure_waits_for_retries_that_are_not_due_yet() {
        let mut queue = RetryQueue::default();
        queue.push_failed_before(fetch(1), failure());
        queue.push(fetch(2), 2, failure(), NextTry::default(), false);
        assert_eq!(account(queue.next(true, true)), None);
        assert_eq!(queue.due(true), Some(Instant::now() + PAUSE * 2));
        tokio::time::advance(PAUSE * 2).await;
        assert_eq!(account(queue.next(true, true)), Some(2));
        assert_eq!(account(queue.next(true, true)), Some(1));
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_double_up_to_the_longest_unless_the_server_asks_for_more() {
        let due = |failures: u32, wait: Duration| {
            let mut queue = RetryQueue::default();
            let later = NextTry {
                wait,
                ..NextTry::default()
            };
            queue.push(fetch(1), failures, failure(), later, false);
            queue.due(true).unwrap() - Instant::now()
        };
        let pauses: Vec<_> = (0..8)
            .map(|failures| due(failures, PAUSE).as_secs())
            .collect();
        assert_eq!(pauses, [1, 1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(due(u32::MAX, PAUSE), LONGEST_PAUSE);
        assert_eq!(due(1, LONGEST_PAUSE * 2), LONGEST_PAUSE * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_is_due_is_made_at_that_moment_and_not_before() {
        let mut queue = RetryQueue::default();
        queue.push(fetch(1), 1, failure(), NextTry::default(), true);
        tokio::time::advance(Duration::from_millis(999)).await;
        assert_eq!(account(queue.next(false, true)), None);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(account(queue.next(false, true)), Some(1));
    }

    #[tokio::test(start_paused = true)]
    async fn only_calls_that_wait_for_their_time_alone_have_one() {
        let mut queue = RetryQueue::default();
        queue.push_failed_before(fetch(1), failure());
        assert_eq!(queue.due(true), None);
        queue.push(fetch(2), 1, failure(), NextTry::default(), false);
        assert_eq!(queue.due(false), None);
        assert_eq!(queue.due(true), Some(Instant::now() + PAUSE));
        queue.push(fetch(3), 3, failure(), NextTry::default(), true);
        assert_eq!(queue.due(false), Some(Instant::now() + PAUSE * 4));
        assert_eq!(queue.due(true), Some(Instant::now() + PAUSE));
    }

    #[tokio::test(start_paused = true)]
    async fn a_further_page_is_tried_again_before_calls_that_were_not_made() {
        let mut queue = RetryQueue::default();
        let page = fetch(1).with("pageNumber", json!(2));
        queue.push(page, 1, failure(), NextTry::default(), false);
        tokio::time::advance(PAUSE).await;
        assert_eq!(account(queue.next(false, false)), Some(1));
    }

    #[test]
    fn failures_of_this_run_keep_their_order_before_those_of_earlier_runs() {
        let mut queue = RetryQueue::default();
        queue.push_failed_before(fetch(1), failure());
        queue.push_failed_before(fetch(2), failure());
        queue.push(fetch(3), 1, failure(), NextTry::default(), false);
        queue.push(fetch(4), 1, failure(), NextTry::default(), false);
        let order: Vec<_> = std::iter::from_fn(|| account(queue.pop())).collect();
        assert_eq!(order, [3, 4, 1, 2]);
    }

    #[test]
    fn another_list_is_held_back_if_it_is_of_the_same_endpoint_and_account() {
        let call = |endpoint, arguments: Value| {
            let arguments = arguments.as_object().unwrap().clone();
            Fetch::new(Arc::from("acme"), endpoint, arguments, 0)
        };
        let mut queue = RetryQueue::default();
        let nothing = json!({});
        queue.push_failed_before(call("units/list", nothing.clone()), failure());
        queue.push_failed_before(fetch(1), failure());
        let other = json!({ "accountId": 1, "status": "Pending" });
        assert!(queue.holds(&call("products/list", other.clone())));
        assert!(!queue.holds(&call("licenses/list", other)));
        assert!(!queue.holds(&fetch(2)));
        // Calls that are about no account have none in common.
        assert!(!queue.holds(&call("units/list", nothing)));
    }

    #[test]
    fn a_failure_is_rare_after_many_successes() {
        let mut start = SlowStart::default();
        (1..RARE).for_each(|_| start.succeeded());
        assert!(!start.is_calm() && !start.failed());
        (0..RARE).for_each(|_| start.succeeded());
        assert!(start.is_calm() && start.failed());
        assert!(!start.is_calm() && !start.failed());
    }

    #[test]
    fn at_most_as_many_calls_are_in_flight_as_just_succeeded() {
        let mut start = SlowStart::default();
        assert!(start.allows(0, 8) && !start.allows(1, 8));
        start.succeeded();
        start.succeeded();
        assert!(start.allows(1, 8) && !start.allows(2, 8));
        assert!(!start.failed());
        assert!(start.allows(0, 8) && !start.allows(1, 8));
        (0..RARE).for_each(|_| start.succeeded());
        assert!(start.allows(7, 8) && !start.allows(8, 8));
        assert!(start.failed());
    }
}
