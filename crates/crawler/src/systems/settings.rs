//! What a crawl of one source is to read.

use std::sync::Arc;

use fortilake_sink::matches_model;

use super::System;
use crate::ProductName;

/// What a crawl of one source is to read.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The source's name.
    pub source: Arc<str>,
    /// The system behind it.
    pub system: System,
    /// Whether accounts are found through the organization.
    pub scope: ScopeMode,
    /// Whether an earlier crawl read an organization with this user. If so, a refusal of
    /// `units/list` is a failure and never leads to [`ScopeMode::Local`].
    pub organization_seen: bool,
    /// How serial numbers are searched for.
    pub search: Search,
    /// The registration statuses. The API takes one status per call, so each one is a separate
    /// list.
    pub statuses: Vec<String>,
    /// The accounts to read; empty means all.
    pub accounts: Vec<i64>,
    /// Further list endpoints to ask of each account, such as `folders/list`.
    pub include: Vec<&'static str>,
    /// The products whose details are read, one call each; `None` reads no details.
    pub details: Option<DetailsFor>,
    /// The product models to publish, as [`matches_model`] compares them; empty means all.
    ///
    /// The lists are read and checked as a whole, because the API cannot select several models. So
    /// a selection saves no calls, except for details.
    pub models: Vec<String>,
    /// Whether a list of several pages is read until two readings agree.
    ///
    /// If a product is deleted between two pages, the rest of the list moves forward and one row is
    /// never returned. A second reading reveals that, at the price of twice the calls.
    pub verify_paging: bool,
}

impl Settings {
    /// The endpoints whose responses fill the tables to publish.
    pub fn endpoints(&self) -> Vec<&'static str> {
        self.system.definition().endpoints(self)
    }
}

/// Whether accounts are found through the organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeMode {
    /// Through the organization. If the API says that this user has no permission to read one, only
    /// the user's own account is read.
    Auto,
    /// Through the organization; if it cannot be read, the scope fails.
    Organization,
    /// No organization: only the user's own account, or the accounts that the settings name.
    Local,
}

/// How serial numbers are searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Search {
    /// With `%`. If that is not a wildcard in this tenant, by expiry date and with `F`, `S` and
    /// `P`.
    Auto,
    /// With these patterns.
    Patterns(Vec<String>),
}

/// The products whose details are read. If both lists are empty, that is all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DetailsFor {
    /// Models, compared without case. A `*` at the end matches any ending.
    pub models: Vec<String>,
    /// Serial numbers.
    pub serials: Vec<String>,
}

impl DetailsFor {
    /// Whether the details of this product are read.
    pub(crate) fn includes(&self, product: &ProductName) -> bool {
        let model = product.model.as_deref().unwrap_or_default();
        let is_model = |wanted: &String| matches_model(wanted, model);
        let all = self.models.is_empty() && self.serials.is_empty();
        all || self.serials.contains(&product.serial) || self.models.iter().any(is_model)
    }
}
