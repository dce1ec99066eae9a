//! Distinguishes an API that is down from scopes that fail by themselves.
//!
//! If several calls in a row get no usable response, either the API is down or these calls always
//! fail. Repeating a call that was answered before decides which. If it is answered again, only
//! these scopes fail, and the crawl continues. If it is not, the API is down, and the crawl pauses
//! before it uses up more errors, without blaming any scope. The price is one call per doubt.

use std::collections::HashSet;

use crate::{Failure, Fetch};

/// After this many consecutive failures it is unclear whether the API works.
const FAILURES: usize = 3;

/// A run is hopeless if more than this many times as many accounts have failed as are left.
const FEW: usize = 3;

/// What the calls of a run tell about the API.
#[derive(Debug, Default)]
pub(super) struct OutageDetector {
    /// Calls given up since the last response. Whether they or the API are to blame is not known
    /// yet.
    unproven: Vec<(Fetch, Failure)>,
    in_row: usize,
    /// A call that was answered, to be repeated in case of doubt.
    good: Option<Fetch>,
    /// The endpoints that returned a page, in this run or an earlier one.
    answered: HashSet<&'static str>,
    /// The accounts of the pages that this run requested itself.
    read: HashSet<Option<i64>>,
    /// The accounts of the calls that this run gave up.
    given_up: Vec<Option<i64>>,
    /// The endpoint and the message of the last refused call.
    refusal: Option<(&'static str, String)>,
    /// Whether any call failed for another reason than a refusal.
    otherwise: bool,
    /// How many calls failed in this run.
    failures: usize,
}

impl OutageDetector {
    /// Notes a page that an earlier run journaled.
    pub(super) fn recalled(&mut self, fetch: &Fetch) {
        self.answered.insert(fetch.endpoint);
        if self.good.is_none() {
            self.good = Some(fetch.clone());
        }
    }

    /// Notes a page.
    pub(super) fn page(&mut self, fetch: &Fetch) {
        self.read.insert(fetch.account());
        self.answered.insert(fetch.endpoint);
        self.good = Some(fetch.clone());
        self.in_row = 0;
    }

    /// Notes a refusal that an earlier run journaled.
    pub(super) fn refused_before(&mut self, fetch: &Fetch) {
        self.given_up.push(fetch.account());
    }

    /// Notes a response that is not a page. It shows that the API works.
    pub(super) fn answer(&mut self, fetch: &Fetch, failure: &Failure, refused: bool) {
        self.in_row = 0;
        self.failures += 1;
        if refused {
            self.given_up.push(fetch.account());
            self.refusal = Some((fetch.endpoint, failure.message.clone()));
        } else {
            self.otherwise = true;
        }
    }

    /// Notes that there was no usable response. It raises doubt only if the call had not failed
    /// before (`first`).
    pub(super) fn lost(&mut self, first: bool) {
        self.otherwise = true;
        self.failures += 1;
        self.in_row += usize::from(first);
    }

    /// Notes that a call gets no further try.
    pub(super) fn give_up(&mut self, fetch: &Fetch, failure: &Failure) {
        self.given_up.push(fetch.account());
        self.unproven.push((fetch.clone(), failure.clone()));
    }

    /// The call that tells whether the API answers; `None` while there is no doubt, or no call to
    /// repeat.
    pub(super) fn probe_call(&self) -> Option<&Fetch> {
        self.good.as_ref().filter(|_| self.in_row >= FAILURES)
    }

    /// Notes that the API answers, and returns the failures that are therefore their scopes' own.
    pub(super) fn proven(&mut self) -> Vec<(Fetch, Failure)> {
        self.in_row = 0;
        std::mem::take(&mut self.unproven)
    }

    /// Notes that the API is down, so that no scope is blamed for its failures.
    pub(super) fn down(&mut self) {
        self.unproven.clear();
    }

    /// Whether this run has read only parts of failing accounts, and few other accounts are left.
    /// `failing` are the calls that wait for another try.
    pub(super) fn is_hopeless<'a>(
        &self,
        failing: impl Iterator<Item = &'a Fetch>,
        unasked: impl Iterator<Item = &'a Fetch>,
    ) -> bool {
        let given_up = self.given_up.iter().copied();
        let failed: HashSet<_> = failing.map(Fetch::account).chain(given_up).collect();
        let is_read = |account: &Option<i64>| account.is_none() || !failed.contains(account);
        let unasked: HashSet<_> = unasked.map(Fetch::account).filter(is_read).collect();
        self.failures >= FAILURES
            && failed.len() > FEW * unasked.len()
            && !self.read.iter().any(is_read)
    }

    /// The endpoint that this user may not call at all, if refusals by it used up the errors.
    pub(super) fn forbidden(&self) -> Option<(&'static str, &str)> {
        let (endpoint, message) = self.refusal.as_ref()?;
        (!self.otherwise && !self.answered.contains(endpoint)).then_some((*endpoint, message))
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
    fn without_an_answered_call_there_is_none_to_repeat() {
        let mut outage = OutageDetector::default();
        for _ in 0..9 {
            outage.lost(true);
        }
        assert_eq!(outage.probe_call(), None);
    }

    #[test]
    fn a_run_without_progress_and_with_few_accounts_left_is_hopeless() {
        let of = |account: usize| {
            let mut arguments = Map::new();
            arguments.insert("accountId".to_owned(), account.into());
            Fetch::new(Arc::from("acme"), "products/list", arguments, 0)
        };
        let fetches: Vec<_> = (0..20).map(of).collect();
        let mut outage = OutageDetector::default();
        let hopeless = |outage: &OutageDetector, failed: usize, unasked: usize| {
            let left = fetches[failed..].iter().take(unasked);
            outage.is_hopeless(fetches[..failed].iter(), left)
        };
        // A run that made no calls knows no more than the one before.
        assert!(!hopeless(&outage, 16, 1));
        (0..FAILURES).for_each(|_| outage.lost(true));
        assert!(hopeless(&outage, 16, 1) && hopeless(&outage, 16, 4));
        assert!(!hopeless(&outage, 8, 12));
        // A page of a failing account is not progress, but a page of another account is.
        outage.page(&fetches[3]);
        assert!(hopeless(&outage, 16, 4));
        outage.page(&fetches[19]);
        assert!(!hopeless(&outage, 16, 1));
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
