//! Publishes scopes in a fixed order, whatever the order in which they end.

use super::{Flex, FortiCloudPlanner, Turn, listing::ListingState};
use crate::{FailureKind, Pages, Scope};

impl FortiCloudPlanner {
    /// Returns the scopes that have ended and whose turn it is.
    pub(super) fn publish(&mut self) -> Vec<Scope> {
        let mut scopes = Vec::new();
        if let Some(reason) = self.local.take() {
            scopes.push(units_scope(Ok(Pages::default()), Some(reason)));
        }
        if !self.published.units {
            let Some(units) = self
                .units
                .as_ref()
                .filter(|list| list.state != ListingState::Open)
            else {
                return scopes;
            };
            let pages = units.pages(&self.settings.source);
            scopes.push(units_scope(pages, units.note()));
            self.published.units = true;
        }
        while let Some(&turn) = self.published.turns.front() {
            let closed = match turn {
                Turn::Accounts(at) => self.discovery[at].list.state != ListingState::Open,
                Turn::AccountLists(at) => self.account_lists[at].closed(),
            };
            if !closed {
                break;
            }
            self.published.turns.pop_front();
            match turn {
                Turn::Accounts(at) => scopes.push(self.publish_accounts(at)),
                Turn::AccountLists(at) => {
                    if let Some(details) = &mut self.details {
                        let lists = &self.account_lists[at];
                        let (account, products) = lists.products();
                        match lists.postponed() {
                            Some(reason) => details.postpone(account, reason),
                            None => details.add(account, products),
                        }
                    }
                    scopes.extend(self.account_lists[at].take_scopes(&self.settings));
                }
            }
        }
        if self.lists_are_published()
            && let Some(flex) = &mut self.flex
        {
            scopes.extend(flex.publish(&self.settings.source));
        }
        if self.lists_are_published()
            && self.flex.as_ref().is_none_or(Flex::is_published)
            && let Some(details) = &mut self.details
        {
            scopes.extend(details.publish());
        }
        scopes
    }

    /// Whether every list has ended and is published.
    pub(super) fn lists_are_published(&self) -> bool {
        self.published.units && self.published.turns.is_empty()
    }

    /// Publishes a list of accounts. The lists of these accounts come next, except those that an
    /// earlier unit has already queued.
    fn publish_accounts(&mut self, at: usize) -> Scope {
        let discovery = &self.discovery[at];
        for &account_at in discovery.account_lists.iter().rev() {
            if self.published.queued.insert(account_at) {
                self.published
                    .turns
                    .push_front(Turn::AccountLists(account_at));
            }
        }
        let pages = match &discovery.list.state {
            // If the settings name an account, its products are what matters. A refusal of the
            // account's own row is not a gap in them.
            ListingState::Failed(kind, _)
                if discovery.account.is_some() && *kind != FailureKind::Lost =>
            {
                Ok(Pages::default())
            }
            _ => discovery.list.pages(&self.settings.source),
        };
        Scope {
            account_id: discovery.account,
            ou_id: discovery.ou,
            note: discovery.list.note(),
            ..Scope::of("accounts/list", pages)
        }
    }
}

fn units_scope(pages: Result<Pages, String>, note: Option<String>) -> Scope {
    Scope {
        note,
        ..Scope::of("units/list", pages)
    }
}
