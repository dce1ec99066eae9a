//! Distinguishes an API that is down from scopes that fail by themselves.
//!
//! If several calls in a row get no usable response, either the API is down or these calls always
//! fail. Repeating a call that was answered before decides which. If it is answered again, only
//! these scopes fail, and the crawl continues. If it is not, the API is down, and the crawl pauses
//! before it uses up more errors, without blaming any scope. The price is one call per doubt.

use std::collections::VecDeque;

use crate::{Failure, Fetch};

/// After this many consecutive failures it is unclear whether the API works.
const FAILURES: usize = 3;

/// What the calls of a run tell about the API.
#[derive(Debug, Default)]
pub(super) struct OutageDetector {
    /// Calls given up since the last response. Whether they or the API are to blame is not known
    /// yet.
    unproven: Vec<(Fetch, Failure)>,
    in_row: usize,
    /// A call that was answered, to be repeated in case of doubt.
    good: Option<Fetch>,
    /// A call of each endpoint that returned a page, in this run or an earlier one.
    answered: VecDeque<Fetch>,
    /// The endpoint and the message of the last refused call.
    refusal: Option<(&'static str, String)>,
    /// Whether any call failed for another reason than a refusal.
    otherwise: bool,
}

impl OutageDetector {
    /// Notes a page that an earlier run journaled.
    pub(super) fn recalled(&mut self, fetch: &Fetch) {
        self.keep_answered(fetch);
        if self.good.is_none() {
            self.good = Some(fetch.clone());
        }
    }

    /// Notes a page.
    pub(super) fn page(&mut self, fetch: &Fetch) {
        self.keep_answered(fetch);
        self.good = Some(fetch.clone());
        self.in_row = 0;
    }

    fn keep_answered(&mut self, fetch: &Fetch) {
        if self.answered_by(fetch.endpoint).is_none() {
            self.answered.push_back(fetch.clone());
        }
    }

    /// Notes a response that is not a page. It shows that the API works.
    pub(super) fn answer(&mut self, fetch: &Fetch, failure: &Failure, refused: bool) {
        self.in_row = 0;
        if refused {
            self.refusal = Some((fetch.endpoint, failure.message.clone()));
        } else {
            self.otherwise = true;
        }
    }

    /// Notes that there was no usable response. It raises doubt only if the call had not failed
    /// before (`first`).
    pub(super) fn lost(&mut self, first: bool) {
        self.otherwise = true;
        self.in_row += usize::from(first);
    }

    /// Notes that a call gets no further try.
    pub(super) fn give_up(&mut self, fetch: &Fetch, failure: &Failure) {
        self.unproven.push((fetch.clone(), failure.clone()));
    }

    /// The call that tells whether the API answers; `None` while there is no doubt, or no call to
    /// repeat.
    pub(super) fn probe_call(&self) -> Option<&Fetch> {
        self.good.as_ref().filter(|_| self.in_row >= FAILURES)
    }

    /// A call that was answered with a page: one of this endpoint if possible, because services may
    /// have limits of their own.
    pub(super) fn answered_call(&self, endpoint: &str) -> Option<&Fetch> {
        self.answered_by(endpoint).or(self.good.as_ref())
    }

    fn answered_by(&self, endpoint: &str) -> Option<&Fetch> {
        self.answered.iter().find(|call| call.endpoint == endpoint)
    }

    /// Notes that the API answers, and returns the failures that are therefore their scopes' own.
    pub(super) fn proven(&mut self) -> Vec<(Fetch, Failure)> {
        self.in_row = 0;
        std::mem::take(&mut self.unproven)
    }

    /// Notes that the API is down, so that no scope is blamed for its failures.
    ///
    /// The call that was repeated may be one that always fails from now on, so the next one is of another
    /// endpoint, in turn.
    pub(super) fn down(&mut self) {
        self.unproven.clear();
        if let Some(next) = self.answered.pop_front() {
            self.good = Some(next.clone());
            self.answered.push_back(next);
        }
    }

    /// The endpoint that this user may not call at all, if refusals by it used up the errors.
    pub(super) fn forbidden(&self) -> Option<(&'static str, &str)> {
        let (endpoint, message) = self.refusal.as_ref()?;
        (!self.otherwise && self.answered_by(endpoint).is_none()).then_some((*endpoint, message))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::Map;

    use super::*;
    use crate::FailureKind;

    fn fetch(endpoint: &'static str) -> Fetch {
        Fetch::new(Arc::from("acme"), endpoint, Map::new(), 0)
    }

    fn failure(kind: FailureKind) -> Failure {
        Failure {
            kind,
            message: "it failed".to_owned(),
        }
    }

    #[test]
    fn three_consecutive_first_failures_raise_doubt() {
        let (good, bad) = (fetch("units/list"), fetch("products/list"));
        let lost = failure(FailureKind::Lost);
        let mut outage = OutageDetector::default();
        outage.page(&good);
        for first in [true, false, false, true] {
            outage.lost(first);
        }
        outage.give_up(&bad, &lost);
        assert_eq!(outage.probe_call(), None);
        outage.lost(true);
        assert_eq!(outage.probe_call(), Some(&good));
        assert_eq!(outage.proven().len(), 1);
        assert_eq!(outage.probe_call(), None);
    }

    #[test]
    fn an_answer_of_any_kind_ends_the_doubt() {
        type Answer = fn(&mut OutageDetector, &Fetch, &Failure);
        let (good, bad) = (fetch("units/list"), fetch("products/list"));
        let refused = failure(FailureKind::Refused);
        let mut outage = OutageDetector::default();
        outage.recalled(&good);
        let answers: [Answer; 3] = [
            |outage, call, failure| outage.answer(call, failure, true),
            |outage, call, failure| outage.answer(call, failure, false),
            |outage, call, _| outage.page(call),
        ];
        for answer in answers {
            (0..2).for_each(|_| outage.lost(true));
            answer(&mut outage, &bad, &refused);
            (0..2).for_each(|_| outage.lost(true));
            assert_eq!(outage.probe_call(), None);
            outage.lost(true);
            assert!(outage.probe_call().is_some());
            answer(&mut outage, &bad, &refused);
        }
    }

    #[test]
    fn the_call_to_repeat_is_the_last_page_of_this_run_or_the_first_of_earlier_ones() {
        let (units, products) = (fetch("units/list"), fetch("products/list"));
        let mut outage = OutageDetector::default();
        (0..3).for_each(|_| outage.lost(true));
        outage.recalled(&units);
        outage.recalled(&products);
        assert_eq!(outage.probe_call(), Some(&units));
        outage.page(&products);
        (0..3).for_each(|_| outage.lost(true));
        assert_eq!(outage.probe_call(), Some(&products));
    }

    #[test]
    fn a_call_of_the_same_endpoint_is_preferred() {
        let (units, products) = (fetch("units/list"), fetch("products/list"));
        let mut outage = OutageDetector::default();
        assert_eq!(outage.answered_call("products/list"), None);
        outage.page(&products);
        outage.page(&units);
        assert_eq!(outage.answered_call("products/list"), Some(&products));
        assert_eq!(outage.answered_call("accounts/list"), Some(&units));
    }

    #[test]
    fn no_scope_is_blamed_for_an_api_that_is_down() {
        let mut outage = OutageDetector::default();
        outage.give_up(&fetch("products/list"), &failure(FailureKind::Lost));
        outage.down();
        assert_eq!(outage.proven(), []);
    }

    #[test]
    fn if_the_repeated_call_fails_too_another_endpoint_is_asked() {
        let (units, products) = (fetch("units/list"), fetch("products/list"));
        let mut outage = OutageDetector::default();
        outage.page(&units);
        outage.page(&products);
        (0..3).for_each(|_| outage.lost(true));
        assert_eq!(outage.probe_call(), Some(&products));
        for next in [&units, &products, &units] {
            outage.down();
            assert_eq!(outage.probe_call(), Some(next));
        }
    }

    #[test]
    fn no_permission_is_missing_if_calls_also_failed_otherwise() {
        let products = fetch("products/list");
        let refused = failure(FailureKind::Refused);
        let refused_only = || {
            let mut outage = OutageDetector::default();
            assert_eq!(outage.forbidden(), None);
            outage.answer(&products, &refused, true);
            assert!(outage.forbidden().is_some());
            outage
        };
        let mut outage = refused_only();
        outage.answer(&products, &failure(FailureKind::Rejected), false);
        assert_eq!(outage.forbidden(), None);
        let mut outage = refused_only();
        outage.lost(false);
        assert_eq!(outage.forbidden(), None);
    }

    #[test]
    fn without_an_answered_call_there_is_none_to_repeat() {
        let mut outage = OutageDetector::default();
        for _ in 0..9 {
            outage.lost(true);
        }
        assert_eq!(outage.probe_call(), None);
    }

    #[test]
    fn a_permission_is_missing_only_if_the_endpoint_never_returned_a_page() {
        let refused = failure(FailureKind::Refused);
        let mut outage = OutageDetector::default();
        outage.page(&fetch("units/list"));
        outage.answer(&fetch("products/list"), &refused, true);
        let found = outage.forbidden();
        assert_eq!(found, Some(("products/list", "it failed")));
        outage.recalled(&fetch("products/list"));
        assert_eq!(outage.forbidden(), None);
    }
}
