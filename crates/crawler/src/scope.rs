//! Scopes: the units in which a crawl is complete or has failed.

#[cfg(test)]
mod tests;

use std::{borrow::Cow, iter};

use fortilake_sink::ScopeId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Fetch, Rejected};

/// One scope: an endpoint asked about one subject. Each scope has a row in `coverage`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The id of the endpoint, such as `products/list`.
    pub endpoint: &'static str,
    /// The account that the endpoint was asked about, if any.
    pub account_id: Option<i64>,
    /// The organizational unit that the endpoint was asked about, if any.
    pub ou_id: Option<i64>,
    /// The organization of a FortiPortal that the endpoint was asked about, if any.
    pub organization_id: Option<i64>,
    /// Calls that the API rejected although the rest of the scope is complete.
    pub rejected: Vec<Rejected>,
    /// A note for `coverage`: how products were searched, or why only the user's own account was
    /// read.
    pub note: Option<String>,
    /// Whether the rows were found by a search that may not find all of them.
    pub unproven: bool,
    /// Whether the crawl leaves it to a later one; then `pages` says why.
    pub postponed: bool,
    /// The calls whose pages contain the scope's rows, in order, or why the scope failed.
    pub pages: Result<Pages, String>,
}

/// The calls whose pages contain the rows of a scope, in order.
///
/// When a crawl is resumed, scopes close faster than they are published, so all of them may be in
/// memory at once. To save memory, calls that differ in one argument are stored as the first call
/// and the values of that argument.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pages(Vec<Series>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Series {
    first: Fetch,
    argument: Cow<'static, str>,
    others: Others,
}

/// The values of the varying argument for the calls after the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Others {
    Numbers(Vec<i64>),
    /// One value per line.
    Texts(String),
}

impl Scope {
    /// A scope without a subject: no account, unit or organization.
    pub(crate) fn of(endpoint: &'static str, pages: Result<Pages, String>) -> Self {
        Self {
            endpoint,
            account_id: None,
            ou_id: None,
            organization_id: None,
            rejected: Vec::new(),
            note: None,
            unproven: false,
            postponed: false,
            pages,
        }
    }

    /// A scope of an account that is left to a later crawl.
    pub(crate) fn postponed(endpoint: &'static str, account: Option<i64>, reason: &str) -> Self {
        Self {
            account_id: account,
            postponed: true,
            ..Self::of(endpoint, Err(reason.to_owned()))
        }
    }

    /// The scope's id. It identifies what was requested, not how it was searched.
    pub fn id(&self, source: &str) -> ScopeId {
        let subjects = [
            ("account", self.account_id),
            ("unit", self.ou_id),
            ("organization", self.organization_id),
        ];
        let named = subjects
            .into_iter()
            .filter_map(|(name, id)| Some(format!("{name}={}", id?)));
        ScopeId {
            source: source.to_owned(),
            endpoint: self.endpoint.to_owned(),
            subject: named.collect::<Vec<_>>().join(" "),
        }
    }
}

impl Pages {
    /// A call, and further calls that differ from it in one argument.
    pub(crate) fn series(first: Fetch, argument: &'static str, others: Others) -> Self {
        Self(vec![Series {
            first,
            argument: Cow::Borrowed(argument),
            others,
        }])
    }

    /// The number of calls.
    pub fn len(&self) -> usize {
        self.0.iter().map(|series| 1 + series.others.len()).sum()
    }

    /// Whether there are no calls.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Rebuilds the calls, in order.
    pub fn iter(&self) -> impl Iterator<Item = Fetch> + Send {
        self.0.iter().flat_map(|series| {
            let others = series
                .others
                .values()
                .map(|value| series.first.with(&series.argument, value));
            iter::once(series.first.clone()).chain(others)
        })
    }
}

impl From<Fetch> for Pages {
    fn from(fetch: Fetch) -> Self {
        Self::series(fetch, "", Others::Numbers(Vec::new()))
    }
}

impl FromIterator<Self> for Pages {
    fn from_iter<I: IntoIterator<Item = Self>>(parts: I) -> Self {
        Self(parts.into_iter().flat_map(|pages| pages.0).collect())
    }
}

impl Others {
    fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Texts(lines) => lines.lines().count(),
        }
    }

    fn values(&self) -> Box<dyn Iterator<Item = Value> + Send + '_> {
        match self {
            Self::Numbers(numbers) => Box::new(numbers.iter().map(|&number| number.into())),
            Self::Texts(lines) => Box::new(lines.lines().map(Value::from)),
        }
    }
}
