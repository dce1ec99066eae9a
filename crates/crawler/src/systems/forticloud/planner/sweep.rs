//! All that is asked of one account.

use std::ops::Range;

use super::{
    Search, Settings,
    listing::{Argument, Listing, ListingState},
};
use crate::{ProductName, Scope, fetch::FailureKind};

/// The search pattern that matches every serial number.
const EVERYTHING: &str = "%";
/// Prefixes that cover every serial number known, for tenants where `%` is no wildcard.
const PREFIXES: [&str; 2] = ["F", "S"];

/// One account's lists: its products, and what `include` adds.
#[derive(Debug)]
pub(super) struct Sweep {
    /// The account, or none for the one that a local user belongs to.
    account: Option<i64>,
    /// All lists; their positions never change.
    lists: Vec<Listing>,
    /// The product lists in publishing order.
    products: Vec<usize>,
    /// The other lists in publishing order.
    others: Range<usize>,
    phase: Phase,
    /// What `%` found, once that is known.
    finding: Option<Finding>,
    /// The list whose first answer the others wait for, and those.
    leading: Option<Range<usize>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Asked with `%`, which may or may not be a wildcard here.
    Wildcard,
    /// `%` found nothing, and whether that means anything is not known yet.
    Undecided,
    /// Asked with patterns that need no proof.
    Certain,
}

/// What an account that was asked with `%` turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finding {
    /// `%` gave rows.
    Rows,
    /// `%` gave nothing.
    Nothing,
    /// The API does not take `%`.
    Rejected,
    /// Some list failed for another reason.
    Failed,
}

impl Sweep {
    pub(super) fn new(settings: &Settings, account: Option<i64>, wildcard: bool) -> Self {
        let (phase, patterns): (_, Vec<&str>) = match &settings.search {
            Search::Patterns(patterns) => (
                Phase::Certain,
                patterns.iter().map(String::as_str).collect(),
            ),
            Search::Auto if wildcard => (Phase::Wildcard, vec![EVERYTHING]),
            Search::Auto => (Phase::Certain, PREFIXES.to_vec()),
        };
        let mut sweep = Self {
            account,
            lists: Vec::new(),
            products: Vec::new(),
            others: 0..0,
            phase,
            finding: None,
            leading: None,
        };
        sweep.search(settings, &patterns);
        let first = sweep.lists.len();
        for endpoint in &settings.include {
            sweep.lists.push(Listing::new(endpoint, sweep.arguments()));
        }
        sweep.others = first..sweep.lists.len();
        sweep
    }

    pub(super) fn list(&self, at: usize) -> Option<&Listing> {
        self.lists.get(at)
    }

    pub(super) fn list_mut(&mut self, at: usize) -> Option<&mut Listing> {
        self.lists.get_mut(at)
    }

    /// Lets the first of these lists go before the others.
    pub(super) fn lead(&mut self, lists: Range<usize>) {
        self.leading = Some(lists);
    }

    /// After an answer to this list: the lists that need not wait any more.
    ///
    /// Where the first one failed, the account's other product lists would not make it whole; and
    /// where it was refused, so would be everything else.
    pub(super) fn release(&mut self, at: usize) -> Vec<usize> {
        let Some(mut waiting) = self.leading.take_if(|lists| lists.start == at) else {
            return Vec::new();
        };
        waiting.start += 1;
        let (kind, message) = match &self.lists[at].state {
            ListingState::Failed(kind, message) => (*kind, message.clone()),
            ListingState::Open | ListingState::Closed => return waiting.collect(),
        };
        let (lost, others): (Vec<usize>, Vec<usize>) =
            waiting.partition(|list| kind == FailureKind::Refused || self.products.contains(list));
        for list in lost {
            let message = if self.products.contains(&list) {
                message.clone()
            } else {
                format!("not asked, because {message}")
            };
            self.lists[list].fail(kind, message);
        }
        others
    }

    pub(super) fn all(&self) -> Range<usize> {
        0..self.lists.len()
    }

    /// Whether this account still waits for what `%` finds in it.
    pub(super) fn searching(&self) -> bool {
        self.phase == Phase::Wildcard
    }

    /// What `%` found, once all its lists have ended; the account then is undecided or certain.
    pub(super) fn find(&mut self) -> Option<Finding> {
        if !self.searching()
            || self
                .product_lists()
                .any(|list| list.state == ListingState::Open)
        {
            return None;
        }
        let finding = self.judge();
        self.finding = Some(finding);
        self.phase = match finding {
            Finding::Rows | Finding::Failed => Phase::Certain,
            Finding::Nothing | Finding::Rejected => Phase::Undecided,
        };
        Some(finding)
    }

    fn judge(&self) -> Finding {
        if self.has_rows() {
            return Finding::Rows;
        }
        let failures: Vec<FailureKind> = self
            .product_lists()
            .filter_map(|list| match list.state {
                ListingState::Failed(kind, _) => Some(kind),
                _ => None,
            })
            .collect();
        match failures.as_slice() {
            [] => Finding::Nothing,
            failures if failures.iter().all(|kind| *kind == FailureKind::Rejected) => {
                Finding::Rejected
            }
            _ => Finding::Failed,
        }
    }

    /// Whether prefixes found rows where `%` was taken and found none.
    pub(super) fn disproves_wildcard(&self) -> bool {
        self.finding == Some(Finding::Nothing) && self.has_rows()
    }

    fn has_rows(&self) -> bool {
        self.product_lists()
            .any(|list| list.state == ListingState::Closed && list.rows() > 0)
    }

    /// `%` was proven elsewhere: that it found nothing means that there is nothing.
    pub(super) fn accept(&mut self) {
        self.phase = Phase::Certain;
    }

    /// Asks with prefixes what `%` did not answer, and says which lists that adds.
    pub(super) fn search_by_prefix(&mut self, settings: &Settings) -> Range<usize> {
        // That `%` was rejected is no gap once the prefixes are answered.
        let lists = &self.lists;
        self.products
            .retain(|&at| lists[at].state == ListingState::Closed);
        self.phase = Phase::Certain;
        self.search(settings, &PREFIXES)
    }

    /// Plans the account anew, before any of its lists was begun.
    pub(super) fn restart_with_prefixes(&mut self, settings: &Settings) {
        *self = Self::new(settings, self.account, false);
    }

    /// Whether nothing of this account is open.
    pub(super) fn closed(&self) -> bool {
        self.phase == Phase::Certain
            && self
                .lists
                .iter()
                .all(|list| list.state != ListingState::Open)
    }

    /// The account, and its products by name if every list of them is whole.
    pub(super) fn products(&self) -> (Option<i64>, Result<Vec<ProductName>, String>) {
        let named: Result<Vec<_>, String> = self.product_lists().map(Listing::products).collect();
        (self.account, named.map(|lists| lists.concat()))
    }

    /// The account's scopes; the lists are given up, because nothing asks for them again.
    pub(super) fn take_scopes(&mut self, settings: &Settings) -> Vec<Scope> {
        let products = self.product_lists();
        let mut scopes = vec![self.scope("products/list", settings, products)];
        for at in self.others.clone() {
            let list = &self.lists[at];
            scopes.push(self.scope(list.endpoint, settings, std::iter::once(list)));
        }
        self.lists = Vec::new();
        scopes
    }

    fn scope<'a>(
        &self,
        endpoint: &'static str,
        settings: &Settings,
        lists: impl Iterator<Item = &'a Listing>,
    ) -> Scope {
        Scope {
            endpoint,
            account_id: self.account,
            ou_id: None,
            organization_id: None,
            rejected: Vec::new(),
            pages: lists.map(|list| list.pages(&settings.source)).collect(),
        }
    }

    fn product_lists(&self) -> impl Iterator<Item = &Listing> {
        self.products.iter().map(|&at| &self.lists[at])
    }

    fn arguments(&self) -> Vec<Argument> {
        let account = self.account.iter();
        account
            .map(|&account| ("accountId", account.into()))
            .collect()
    }

    /// Adds one product list per pattern and status.
    fn search(&mut self, settings: &Settings, patterns: &[&str]) -> Range<usize> {
        let first = self.lists.len();
        for pattern in patterns {
            for status in &settings.statuses {
                let mut arguments = self.arguments();
                arguments.push(("serialNumber", (*pattern).into()));
                arguments.push(("status", status.as_str().into()));
                self.lists.push(Listing::new("products/list", arguments));
            }
        }
        let added = first..self.lists.len();
        self.products.extend(added.clone());
        added
    }
}
