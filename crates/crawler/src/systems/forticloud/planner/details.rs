//! Reads the details of products, one call each, as `include = ["product_details"]` asks for.
//!
//! It begins when all lists are published, because these calls can take a day and must not delay
//! the lists. The accounts follow in the order in which they were published.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
};

use fortilake_sink::matches_model;
use serde_json::{Map, Value};

use crate::{
    DetailsFor, Facts, FailureKind, Fetch, Outcome, Pages, ProductName, Rejected, Scope,
    facts::other_product, scope::Others,
};

/// The endpoint that returns the details of one product.
pub(crate) const ENDPOINT: &str = "products/details";

/// The argument for the product's serial number.
const SERIAL_NUMBER: &str = "serialNumber";

/// How many of these calls are handed out at once, in flight or waiting.
///
/// This is more than the number of calls in flight ever is, and uses little memory even for a
/// million products.
const WINDOW: usize = 64;

/// The accounts whose details are read, in publishing order.
#[derive(Debug)]
pub(super) struct Details {
    source: Arc<str>,
    of: DetailsFor,
    /// The models that are published at all; empty means all.
    models: Vec<String>,
    accounts: VecDeque<AccountDetails>,
    /// How many accounts were published and removed from the front of `accounts`.
    dropped: usize,
    /// The position of the account whose products are being requested, among all that were ever
    /// added.
    current: usize,
    /// The number of calls that were handed out and have no outcome yet.
    waiting: usize,
}

#[derive(Debug)]
struct AccountDetails {
    id: Option<i64>,
    /// The serial numbers, one per line, so that a million of them need one allocation per account.
    serials: String,
    /// The byte position of the next one in `serials`.
    next: usize,
    /// How many products were requested, and how many of these calls have an outcome.
    asked: usize,
    answered: usize,
    rejected: Vec<Rejected>,
    /// Why the details of this account could not be read, if so.
    failed: Option<String>,
    /// Whether they are left to a later crawl; then `failed` says why.
    postponed: bool,
}

/// One call: the position of the account, and the product's serial number.
pub(super) type DetailsRequest = (usize, String);

impl Details {
    pub(super) fn new(source: Arc<str>, of: DetailsFor, models: Vec<String>) -> Self {
        Self {
            source,
            of,
            models,
            accounts: VecDeque::new(),
            dropped: 0,
            current: 0,
            waiting: 0,
        }
    }

    /// Adds an account with the products on its lists, or with the error if its lists failed.
    pub(super) fn add(&mut self, id: Option<i64>, products: Result<Vec<ProductName>, String>) {
        let (products, failed) = match products {
            Ok(products) => (products, None),
            Err(message) => (Vec::new(), Some(format!("skipped because {message}"))),
        };
        let mut seen = HashSet::new();
        let mut serials = String::new();
        let is_published = |product: &&ProductName| {
            let model = product.model.as_deref().unwrap_or_default();
            let mut models = self.models.iter();
            self.models.is_empty() || models.any(|wanted| matches_model(wanted, model))
        };
        let wanted = products.iter().filter(is_published);
        for product in wanted.filter(|product| self.of.includes(product)) {
            // A product without a serial number cannot be requested. No serial number contains a
            // line break.
            let serial = product.serial.as_str();
            let is_one = !serial.trim().is_empty() && !serial.contains(['\n', '\r']);
            if is_one && seen.insert(serial) {
                serials.push_str(&product.serial);
                serials.push('\n');
            }
        }
        self.accounts.push_back(AccountDetails {
            id,
            serials,
            next: 0,
            asked: 0,
            answered: 0,
            rejected: Vec::new(),
            failed,
            postponed: false,
        });
    }

    /// Adds an account that is left to a later crawl.
    pub(super) fn postpone(&mut self, id: Option<i64>, reason: &str) {
        self.add(id, Err(reason.to_owned()));
        if let Some(account) = self.accounts.back_mut() {
            account.postponed = true;
        }
    }

    /// Returns the calls to make next.
    ///
    /// The first product of an account is requested alone, so an account whose details are refused
    /// costs one error instead of one per product. The price is one round trip per account.
    pub(super) fn next(&mut self) -> Vec<DetailsRequest> {
        let mut asks = Vec::new();
        while self.waiting < WINDOW {
            let (at, waiting) = (self.current, self.waiting);
            let Some(account) = self.account(at) else {
                break;
            };
            if account.failed.is_some() || account.next == account.serials.len() {
                self.current += 1;
                continue;
            }
            if account.asked == 1 && account.answered == 0 {
                // Wait for this response, and do not start on other accounts before it.
                debug_assert!(waiting > 0, "the account's first call has no outcome yet");
                break;
            }
            asks.push((at, account.take()));
            self.waiting += 1;
        }
        asks
    }

    pub(super) fn fetch(&self, (at, serial): &DetailsRequest) -> Fetch {
        let account = self.accounts.get(at.wrapping_sub(self.dropped));
        self.fetch_of(account.and_then(|account| account.id), serial)
    }

    fn fetch_of(&self, account: Option<i64>, serial: &str) -> Fetch {
        let serial = (SERIAL_NUMBER.to_owned(), Value::from(serial));
        // The request does not contain the account, and the response does not always.
        let given = account.map(|id| ("accountId".to_owned(), Value::from(id)));
        Fetch::new(self.source.clone(), ENDPOINT, Map::from_iter([serial]), 0)
            .given(given.into_iter().collect())
    }

    /// Whether the outcome of this call is still needed.
    pub(super) fn awaits(&self, (at, _): &DetailsRequest) -> bool {
        let account = self.accounts.get(at.wrapping_sub(self.dropped));
        account.is_some_and(|account| account.failed.is_none())
    }

    /// The account whose list this call follows from.
    pub(super) fn owner(&self, (at, _): &DetailsRequest) -> Option<i64> {
        self.accounts.get(at.wrapping_sub(self.dropped))?.id
    }

    /// Takes the outcome of one call.
    ///
    /// `owners` are the accounts that list the product.
    pub(super) fn follow(
        &mut self,
        request: &DetailsRequest,
        owners: &[Option<i64>],
        outcome: &Outcome,
    ) {
        let fetch = self.fetch(request);
        self.waiting -= 1;
        let Some(account) = self.account(request.0) else {
            return;
        };
        account.answered += 1;
        match outcome {
            Outcome::Page(page) => {
                if let Some(flaw) = flaw(&request.1, owners, page) {
                    account.failed.get_or_insert(flaw);
                }
            }
            // The product may have been removed since it was listed, perhaps days ago. The others
            // are not affected.
            Outcome::Failed(failure) if failure.kind == FailureKind::Rejected => {
                account.rejected.push(Rejected {
                    fetch,
                    message: failure.message.clone(),
                });
            }
            Outcome::Failed(failure) => {
                account
                    .failed
                    .get_or_insert_with(|| failure.message.clone());
            }
        }
    }

    /// Forgets a call that is no longer needed.
    pub(super) fn forget(&mut self, (at, _): &DetailsRequest) {
        self.waiting -= 1;
        if let Some(account) = self.account(*at) {
            account.answered += 1;
        }
    }

    /// Returns the scopes that have ended and whose turn it is.
    pub(super) fn publish(&mut self) -> Vec<Scope> {
        let mut scopes = Vec::new();
        while let Some(account) = self.accounts.pop_front_if(|account| account.is_closed()) {
            self.dropped += 1;
            self.current = self.current.max(self.dropped);
            scopes.push(self.scope(account));
        }
        scopes
    }

    fn scope(&self, account: AccountDetails) -> Scope {
        if let (true, Some(reason)) = (account.postponed, &account.failed) {
            return Scope::postponed(ENDPOINT, account.id, reason);
        }
        let pages = match account.failed {
            Some(message) => Err(message),
            None => Ok(self.pages(&account)),
        };
        Scope {
            endpoint: ENDPOINT,
            account_id: account.id,
            ou_id: None,
            organization_id: None,
            rejected: account.rejected,
            note: None,
            unproven: false,
            postponed: false,
            pages,
        }
    }

    fn pages(&self, account: &AccountDetails) -> Pages {
        let rejected: HashSet<&str> = account
            .rejected
            .iter()
            .filter_map(|rejected| rejected.fetch.arguments.get(SERIAL_NUMBER)?.as_str())
            .collect();
        let mut serials = account
            .serials
            .lines()
            .filter(|serial| !rejected.contains(serial));
        let Some(first) = serials.next() else {
            return Pages::default();
        };
        let others = serials.collect::<Vec<_>>().join("\n");
        let first = self.fetch_of(account.id, first);
        Pages::series(first, SERIAL_NUMBER, Others::Texts(others))
    }

    pub(super) fn is_finished(&self) -> bool {
        self.accounts.is_empty()
    }

    fn account(&mut self, at: usize) -> Option<&mut AccountDetails> {
        self.accounts.get_mut(at.wrapping_sub(self.dropped))
    }
}

impl AccountDetails {
    fn take(&mut self) -> String {
        let rest = &self.serials[self.next..];
        let serial = rest.lines().next().unwrap_or_default().to_owned();
        self.next += serial.len() + 1;
        self.asked += 1;
        serial
    }

    fn is_closed(&self) -> bool {
        let all = self.failed.is_some() || self.next == self.serials.len();
        all && self.asked == self.answered
    }
}

/// An error if the response is not about the product that was asked for, or about that of another
/// account than those in whose lists it is.
fn flaw(asked: &str, owners: &[Option<i64>], page: &Facts) -> Option<String> {
    let Facts::Details(subjects) = page else {
        return None;
    };
    if let Some(flaw) = other_product(asked, subjects) {
        return Some(flaw);
    }
    let mut accounts = subjects.iter().filter_map(|subject| subject.account);
    let is_known = owners.iter().all(Option::is_some);
    let stranger = accounts.find(|account| is_known && !owners.contains(&Some(*account)))?;
    Some(format!(
        "`{ENDPOINT}` returned {asked} as a product of account {stranger}, but that account's list does not contain it"
    ))
}

#[cfg(test)]
mod tests;
