//! From the organization to its accounts.

use std::collections::HashSet;

use serde_json::Value;

use super::{
    Discovery, Plan, ScopeMode, Slot, Turn,
    listing::{Ask, Listing},
};
use crate::{
    Facts, Fetch, Ids, Outcome,
    fetch::{Failure, FailureKind},
};

impl Plan {
    pub(super) fn follow_units(&mut self, ask: Ask, outcome: &Outcome, fetches: &mut Vec<Fetch>) {
        self.discovering -= 1;
        let (organization, units) = match outcome {
            Outcome::Page(Facts::Units {
                organization,
                units,
            }) => (*organization, units.clone()),
            _ => (None, Ids::default()),
        };
        let denied = match outcome {
            Outcome::Page(_) if organization.is_none() && units == Ids::default() => {
                let message = "the answer names no organization".to_owned();
                Some(Failure {
                    kind: FailureKind::Refused,
                    message,
                })
            }
            Outcome::Failed(failure) if failure.kind != FailureKind::Lost => Some(failure.clone()),
            _ => None,
        };
        if denied.is_some() && self.settings.scope == ScopeMode::Auto {
            self.go_local(fetches);
            return;
        }
        if let Some(list) = &mut self.units {
            match denied {
                Some(failure) => list.follow(ask, &Outcome::Failed(failure), false),
                None => list.follow(ask, outcome, false),
            };
            if units.missing > 0 {
                list.fail(FailureKind::Lost, without_id(units.missing, "unit"));
            }
        }
        let mut seen = HashSet::new();
        let mut lists = Vec::new();
        for &ou in organization
            .iter()
            .chain(&units.known)
            .filter(|&&ou| seen.insert(ou))
        {
            self.discover(Some(ou), None, &mut lists);
        }
        self.lead_accounts(lists, fetches);
    }

    /// Lets the first list of accounts go alone: a token that has ended before its time then costs
    /// one error, however many units there are.
    pub(super) fn lead_accounts(&mut self, lists: Vec<Fetch>, fetches: &mut Vec<Fetch>) {
        let mut lists = lists.into_iter();
        fetches.extend(lists.next());
        self.held = lists.collect();
    }

    /// One sweep without an account.
    pub(super) fn go_local(&mut self, fetches: &mut Vec<Fetch>) {
        self.published.units = true;
        let sweep = self.plan_account(None, fetches);
        self.published.turns.push_back(Turn::Sweep(sweep));
    }

    pub(super) fn discover(
        &mut self,
        ou: Option<i64>,
        account: Option<i64>,
        fetches: &mut Vec<Fetch>,
    ) {
        let argument = match (ou, account) {
            (Some(ou), _) => ("parentId", Value::from(ou)),
            (None, account) => ("accountId", Value::from(account)),
        };
        let list = Listing::new("accounts/list", vec![argument]);
        let ask = list.begin();
        self.published
            .turns
            .push_back(Turn::Accounts(self.discovery.len()));
        let slot = Slot::Accounts(self.discovery.len(), ask);
        fetches.push(self.ask(slot, list.fetch(&self.settings.source, ask)));
        self.discovery.push(Discovery {
            ou,
            account,
            list,
            sweeps: Vec::new(),
        });
    }

    pub(super) fn follow_accounts(
        &mut self,
        at: usize,
        ask: Ask,
        outcome: &Outcome,
        fetches: &mut Vec<Fetch>,
    ) {
        self.discovering -= 1;
        fetches.append(&mut self.held);
        let discovery = &mut self.discovery[at];
        discovery.list.follow(ask, outcome, false);
        if let Outcome::Page(Facts::Accounts(accounts)) = outcome
            && accounts.missing > 0
        {
            let message = without_id(accounts.missing, "account");
            discovery.list.fail(FailureKind::Lost, message);
        }
        // An account that was asked for by number is read whether or not the answer shows it.
        let accounts = match (self.discovery[at].account, outcome) {
            (Some(account), _) => vec![account],
            (None, Outcome::Page(Facts::Accounts(accounts))) => accounts.known.clone(),
            (None, _) => Vec::new(),
        };
        for account in accounts {
            let sweep = self.plan_account(Some(account), fetches);
            self.discovery[at].sweeps.push(sweep);
        }
    }
}

fn without_id(count: usize, what: &str) -> String {
    format!("{count} {what}(s) without an id: what hangs under them cannot be read")
}
