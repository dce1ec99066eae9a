//! What the journal stores about a complete scope, so that a later crawl can publish its rows again.

use fortilake_models as models;
use fortilake_sink::ScopeId;
use serde::{Deserialize, Serialize};

use crate::{Fetch, Pages, Rejected, Scope};

/// A complete scope as it is stored in the journal.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredScope {
    account_id: Option<i64>,
    ou_id: Option<i64>,
    organization_id: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rejected: Vec<Rejected>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    unproven: bool,
    pages: Pages,
    /// The crawl that read the pages, if they were copied from another journal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    carried_from: Option<String>,
}

/// A complete scope whose pages are in the journal.
#[derive(Debug)]
pub(crate) struct Closed {
    pub(crate) id: ScopeId,
    pub(crate) scope: Scope,
    /// Whether an earlier run handed it over, so that receivers may have rows of it.
    pub(crate) logged: bool,
    /// The crawl that read the pages, if they were copied from another journal.
    pub(crate) carried_from: Option<String>,
}

impl StoredScope {
    /// The stored form of a scope; `None` if the scope failed.
    pub(crate) fn new(closed: &Closed) -> Option<Self> {
        let scope = &closed.scope;
        Some(Self {
            account_id: scope.account_id,
            ou_id: scope.ou_id,
            organization_id: scope.organization_id,
            rejected: scope.rejected.clone(),
            note: scope.note.clone(),
            unproven: scope.unproven,
            pages: scope.pages.as_ref().ok()?.clone(),
            carried_from: closed.carried_from.clone(),
        })
    }

    /// The scope with this id; `None` if this version of fortilake does not know its endpoint.
    pub(crate) fn restore(self, id: ScopeId) -> Option<Closed> {
        let scope = Scope {
            endpoint: models::endpoint(&id.endpoint)?.id,
            account_id: self.account_id,
            ou_id: self.ou_id,
            organization_id: self.organization_id,
            rejected: self.rejected,
            note: self.note,
            unproven: self.unproven,
            postponed: false,
            pages: Ok(self.pages),
        };
        Some(Closed {
            id,
            scope,
            logged: false,
            carried_from: self.carried_from,
        })
    }
}

impl Closed {
    /// The calls whose pages contain the rows, as they are named in the journal.
    pub(crate) fn fetches(&self) -> Vec<Fetch> {
        let fetches = self.scope.pages.iter().flat_map(Pages::iter);
        fetches.map(|fetch| self.named(fetch)).collect()
    }

    /// The calls that the API rejected, as they are named in the journal.
    pub(crate) fn rejected(&self) -> impl Iterator<Item = Rejected> {
        let rejected = self.scope.rejected.iter().cloned();
        rejected.map(|Rejected { fetch, message }| Rejected {
            fetch: self.named(fetch),
            message,
        })
    }

    fn named(&self, fetch: Fetch) -> Fetch {
        match &self.carried_from {
            Some(crawl) => fetch.carried_from(crawl),
            None => fetch,
        }
    }
}
