//! One call per product: what `include = ["product_details"]` adds.
//!
//! It begins when every list is published, because a day of these calls must not keep the lists
//! waiting, and it goes account by account in the order in which those were published.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
};

use serde_json::{Map, Value};

use crate::{FailureKind, Fetch, Outcome, Pages, ProductName, Rejected, Scope, scope::Others};

/// The endpoint.
pub(crate) const ENDPOINT: &str = "products/details";

/// The argument that names the product.
const SERIAL_NUMBER: &str = "serialNumber";

/// How many of these calls are on their way at once, in flight or about to be.
///
/// More than any number of calls in flight, and few beside a million products.
const WINDOW: usize = 64;

/// Of which products details are read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DetailsFor {
    /// Of these models; a `*` at the end stands for any ending.
    pub models: Vec<String>,
    /// Of these serial numbers.
    pub serials: Vec<String>,
}

impl DetailsFor {
    /// Whether a product is one of them; where nothing is named, all are.
    fn includes(&self, product: &ProductName) -> bool {
        let model = product.model.as_deref().unwrap_or_default();
        let is_model = |wanted: &String| match wanted.strip_suffix('*') {
            Some(beginning) => model
                .get(..beginning.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(beginning)),
            None => model.eq_ignore_ascii_case(wanted),
        };
        let all = self.models.is_empty() && self.serials.is_empty();
        all || self.serials.contains(&product.serial) || self.models.iter().any(is_model)
    }
}

/// The accounts whose details are read, in publishing order.
#[derive(Debug)]
pub(super) struct Details {
    source: Arc<str>,
    of: DetailsFor,
    accounts: VecDeque<Account>,
    /// How many accounts in front were published and dropped.
    dropped: usize,
    /// The account whose products are being asked for, among all that ever were.
    current: usize,
    /// How many calls are on their way.
    waiting: usize,
}

#[derive(Debug)]
struct Account {
    id: Option<i64>,
    /// The serial numbers, a line each: a million of them in one allocation per account.
    serials: String,
    /// Where in them the next one begins.
    next: usize,
    /// How many were asked for, and how many of those were answered.
    asked: usize,
    answered: usize,
    rejected: Vec<Rejected>,
    /// Why the account stays unread, if it does.
    failed: Option<String>,
}

/// One call: the account's place and the product's serial number.
pub(super) type Ask = (usize, String);

impl Details {
    pub(super) fn new(source: Arc<str>, of: DetailsFor) -> Self {
        Self {
            source,
            of,
            accounts: VecDeque::new(),
            dropped: 0,
            current: 0,
            waiting: 0,
        }
    }

    /// Adds an account with the products that its lists named; without, for one that failed.
    pub(super) fn add(&mut self, id: Option<i64>, products: Result<Vec<ProductName>, String>) {
        let (products, failed) = match products {
            Ok(products) => (products, None),
            Err(message) => (Vec::new(), Some(format!("not asked, because {message}"))),
        };
        let mut seen = HashSet::new();
        let mut serials = String::new();
        for product in products.iter().filter(|product| self.of.includes(product)) {
            // Without a serial number there is nothing to ask for, and a line break is in none.
            let serial = product.serial.as_str();
            let is_one = !serial.trim().is_empty() && !serial.contains(['\n', '\r']);
            if is_one && seen.insert(serial) {
                serials.push_str(&product.serial);
                serials.push('\n');
            }
        }
        self.accounts.push_back(Account {
            id,
            serials,
            next: 0,
            asked: 0,
            answered: 0,
            rejected: Vec::new(),
            failed,
        });
    }

    /// The calls to make next.
    ///
    /// The first product of an account goes alone: an account whose details are refused costs one
    /// error and not one per product.
    pub(super) fn next(&mut self) -> Vec<Ask> {
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
                // Calls of other accounts must not run ahead, or the scout would scout nothing.
                debug_assert!(waiting > 0, "its answer is on its way");
                break;
            }
            asks.push((at, account.take()));
            self.waiting += 1;
        }
        asks
    }

    pub(super) fn fetch(&self, (at, serial): &Ask) -> Fetch {
        let account = self.accounts.get(at.wrapping_sub(self.dropped));
        self.fetch_of(account.and_then(|account| account.id), serial)
    }

    fn fetch_of(&self, account: Option<i64>, serial: &str) -> Fetch {
        let serial = (SERIAL_NUMBER.to_owned(), Value::from(serial));
        // The API is not told whose product it is, and does not always tell.
        let given = account.map(|id| ("accountId".to_owned(), Value::from(id)));
        Fetch::new(self.source.clone(), ENDPOINT, Map::from_iter([serial]), 0)
            .given(given.into_iter().collect())
    }

    /// Whether the outcome of this call would still be of use.
    pub(super) fn awaits(&self, (at, _): &Ask) -> bool {
        let account = self.accounts.get(at.wrapping_sub(self.dropped));
        account.is_some_and(|account| account.failed.is_none())
    }

    /// Takes the outcome of one call.
    pub(super) fn follow(&mut self, ask: &Ask, outcome: &Outcome) {
        let fetch = self.fetch(ask);
        self.waiting -= 1;
        let Some(account) = self.account(ask.0) else {
            return;
        };
        account.answered += 1;
        match outcome {
            Outcome::Page(_) => {}
            // The product may have gone since it was listed, days ago; the others have not.
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

    /// Gives up a call that is not awaited any more.
    pub(super) fn forget(&mut self, (at, _): &Ask) {
        self.waiting -= 1;
        if let Some(account) = self.account(*at) {
            account.answered += 1;
        }
    }

    /// The scopes that ended and whose turn it is.
    pub(super) fn publish(&mut self) -> Vec<Scope> {
        let mut scopes = Vec::new();
        while let Some(account) = self.accounts.pop_front_if(|account| account.is_closed()) {
            self.dropped += 1;
            self.current = self.current.max(self.dropped);
            scopes.push(self.scope(account));
        }
        scopes
    }

    fn scope(&self, account: Account) -> Scope {
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
            pages,
        }
    }

    fn pages(&self, account: &Account) -> Pages {
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

    fn account(&mut self, at: usize) -> Option<&mut Account> {
        self.accounts.get_mut(at.wrapping_sub(self.dropped))
    }
}

impl Account {
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

#[cfg(test)]
mod tests;
