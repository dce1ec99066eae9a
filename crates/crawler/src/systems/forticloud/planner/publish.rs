//! The order in which scopes are published, whatever the order in which they end.

use super::{Plan, Turn, listing::ListingState};
use crate::{FailureKind, Pages, Scope};

impl Plan {
    /// The scopes that ended and whose turn it is.
    pub(super) fn publish(&mut self) -> Vec<Scope> {
        let mut scopes = Vec::new();
        if !self.published.units {
            let Some(units) = self
                .units
                .as_ref()
                .filter(|list| list.state != ListingState::Open)
            else {
                return scopes;
            };
            let pages = units.pages(&self.settings.source);
            scopes.push(Scope {
                endpoint: "units/list",
                account_id: None,
                ou_id: None,
                organization_id: None,
                rejected: Vec::new(),
                pages,
            });
            self.published.units = true;
        }
        while let Some(&turn) = self.published.turns.front() {
            let closed = match turn {
                Turn::Accounts(at) => self.discovery[at].list.state != ListingState::Open,
                Turn::Sweep(at) => self.sweeps[at].closed(),
            };
            if !closed {
                break;
            }
            self.published.turns.pop_front();
            match turn {
                Turn::Accounts(at) => scopes.push(self.publish_accounts(at)),
                Turn::Sweep(at) => {
                    if let Some(details) = &mut self.details {
                        let (account, products) = self.sweeps[at].products();
                        details.add(account, products);
                    }
                    scopes.extend(self.sweeps[at].take_scopes(&self.settings));
                }
            }
        }
        if self.lists_are_published()
            && let Some(details) = &mut self.details
        {
            scopes.extend(details.publish());
        }
        scopes
    }

    /// Whether every list has ended and had its turn.
    pub(super) fn lists_are_published(&self) -> bool {
        self.published.units && self.published.turns.is_empty()
    }

    /// What was read of these accounts is next, unless an earlier unit had its turn with them.
    fn publish_accounts(&mut self, at: usize) -> Scope {
        let discovery = &self.discovery[at];
        for &sweep in discovery.sweeps.iter().rev() {
            if self.published.queued.insert(sweep) {
                self.published.turns.push_front(Turn::Sweep(sweep));
            }
        }
        let pages = match &discovery.list.state {
            // Who names an account wants its products; that its row is denied is no gap in them.
            ListingState::Failed(kind, _)
                if discovery.account.is_some() && *kind != FailureKind::Lost =>
            {
                Ok(Pages::default())
            }
            _ => discovery.list.pages(&self.settings.source),
        };
        Scope {
            endpoint: "accounts/list",
            account_id: discovery.account,
            ou_id: discovery.ou,
            organization_id: None,
            rejected: Vec::new(),
            pages,
        }
    }
}
