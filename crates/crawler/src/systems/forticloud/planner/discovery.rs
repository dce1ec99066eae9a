//! Finds the accounts of the organization.

use std::collections::HashSet;

use serde_json::Value;

use super::{
    super::UNITS,
    Discovery, FortiCloudPlanner, Purpose, ScopeMode, Turn,
    listing::{Listing, PageRequest},
};
use crate::{Facts, Fetch, Ids, Outcome, fetch::FailureKind, systems::without_id};

impl FortiCloudPlanner {
    /// Why a crawl has to read the units, if it has to.
    pub(super) fn needs(&self, fetch: &Fetch) -> Option<&'static str> {
        let is_units = fetch.endpoint == UNITS;
        match self.settings.scope {
            _ if !is_units => None,
            ScopeMode::Organization => Some("`scope = \"organization\"` is set"),
            ScopeMode::Auto if self.settings.organization_seen => Some(
                "an earlier crawl of this source read an organization (if it no longer exists, set \
                 `scope = \"local\"`)",
            ),
            _ => None,
        }
    }

    /// Takes an outcome of `units/list`.
    ///
    /// Only the API's own refusal leads to local scope, that is, to reading only the user's own
    /// account. Anything else, from a gateway's error page to a renamed member, is a failure: the
    /// organization exists, and it was not read. Falling back on any error would be more
    /// convenient, but a single bad response would then publish a snapshot with one account in
    /// place of all.
    pub(super) fn follow_units(
        &mut self,
        request: PageRequest,
        outcome: &Outcome,
        fetches: &mut Vec<Fetch>,
    ) {
        self.discovering -= 1;
        if let Outcome::Failed(failure) = outcome
            && failure.kind == FailureKind::Denied
            && self.settings.scope == ScopeMode::Auto
            && !self.settings.organization_seen
        {
            self.go_local(Some(&failure.message), fetches);
            return;
        }
        let (organization, units) = match outcome {
            Outcome::Page(Facts::Units {
                organization,
                units,
            }) => (*organization, units.clone()),
            _ => (None, Ids::default()),
        };
        let Some(list) = &mut self.units else { return };
        let asks = list.follow(request, outcome, false);
        if let Outcome::Failed(failure) = outcome
            && self.settings.organization_seen
        {
            let message = format!(
                "{}; an earlier crawl of this source read an organization (if it no longer exists, set `scope = \"local\"`)",
                failure.message
            );
            list.fail(failure.kind, message);
        } else if units.missing > 0 {
            list.fail(FailureKind::Lost, without_id(units.missing, "unit"));
        } else if matches!(outcome, Outcome::Page(_)) && organization.is_none() {
            let message = "the response names no organization".to_owned();
            list.fail(FailureKind::Lost, message);
        }
        let next: Vec<_> = asks
            .into_iter()
            .map(|request| (request, list.fetch(&self.settings.source, request)))
            .collect();
        for (request, fetch) in next {
            fetches.push(self.ask(Purpose::Units(request), fetch));
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

    /// Requests the first list of accounts on its own. If the token has expired early, that costs
    /// one error, however many units there are. The price is one round trip.
    pub(super) fn lead_accounts(&mut self, lists: Vec<Fetch>, fetches: &mut Vec<Fetch>) {
        let mut lists = lists.into_iter();
        fetches.extend(lists.next());
        self.held = lists.collect();
    }

    /// Plans lists that are not about an account. `reason` is why, unless the settings ask for it.
    pub(super) fn go_local(&mut self, reason: Option<&str>, fetches: &mut Vec<Fetch>) {
        self.published.units = true;
        self.local = reason.map(|reason| {
            format!("local scope: only the user's own account is read, because {reason}")
        });
        let account_at = self.plan_account(None, fetches);
        self.published
            .turns
            .push_back(Turn::AccountLists(account_at));
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
        let request = list.begin();
        self.published
            .turns
            .push_back(Turn::Accounts(self.discovery.len()));
        let purpose = Purpose::Accounts(self.discovery.len(), request);
        fetches.push(self.ask(purpose, list.fetch(&self.settings.source, request)));
        self.discovery.push(Discovery {
            ou,
            account,
            list,
            account_lists: Vec::new(),
        });
    }

    pub(super) fn follow_accounts(
        &mut self,
        at: usize,
        request: PageRequest,
        outcome: &Outcome,
        fetches: &mut Vec<Fetch>,
    ) {
        self.discovering -= 1;
        fetches.append(&mut self.held);
        let discovery = &mut self.discovery[at];
        let asks = discovery.list.follow(request, outcome, false);
        if let Outcome::Page(Facts::Accounts(accounts)) = outcome
            && accounts.missing > 0
        {
            let message = without_id(accounts.missing, "account");
            discovery.list.fail(FailureKind::Lost, message);
        }
        let list = &self.discovery[at].list;
        let next: Vec<_> = asks
            .into_iter()
            .map(|request| (request, list.fetch(&self.settings.source, request)))
            .collect();
        for (request, fetch) in next {
            fetches.push(self.ask(Purpose::Accounts(at, request), fetch));
        }
        // An account that the settings name is read whether or not the response contains it.
        let accounts = match (self.discovery[at].account, outcome) {
            (Some(account), _) => vec![account],
            (None, Outcome::Page(Facts::Accounts(accounts))) => accounts.known.clone(),
            (None, _) => Vec::new(),
        };
        for account in accounts {
            let account_at = self.plan_account(Some(account), fetches);
            self.discovery[at].account_lists.push(account_at);
        }
    }
}
