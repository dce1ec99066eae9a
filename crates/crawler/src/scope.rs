//! What a crawl is accountable for, scope by scope.

#[cfg(test)]
mod tests;

use std::iter;

use serde_json::Value;

use crate::{Fetch, Rejected};

/// One scope of the coverage: an endpoint, and whom it was asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The endpoint.
    pub endpoint: &'static str,
    /// The account, if the scope is one.
    pub account_id: Option<i64>,
    /// The organizational unit, if the scope is one.
    pub ou_id: Option<i64>,
    /// The organization of a portal, if the scope is one.
    pub organization_id: Option<i64>,
    /// The calls that were rejected without harm to the others.
    pub rejected: Vec<Rejected>,
    /// The calls whose pages are the scope's rows, in order; or why there are none.
    pub pages: Result<Pages, String>,
}

/// The calls whose pages are the rows of a scope, in order.
///
/// Scopes close faster than they are published when a crawl is resumed, and then all of them wait
/// at once. So of calls that differ in one argument only the first is kept, and the argument of the
/// others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pages(Vec<Series>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Series {
    first: Fetch,
    argument: &'static str,
    others: Others,
}

/// The argument of the calls after the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Others {
    Numbers(Vec<i64>),
    /// A line each.
    Texts(String),
}

impl Pages {
    /// A call, and others like it but for this argument.
    pub(crate) fn series(first: Fetch, argument: &'static str, others: Others) -> Self {
        Self(vec![Series {
            first,
            argument,
            others,
        }])
    }

    /// How many calls there are.
    pub fn len(&self) -> usize {
        self.0.iter().map(|series| 1 + series.others.len()).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The calls.
    pub fn iter(&self) -> impl Iterator<Item = Fetch> + Send {
        self.0.iter().flat_map(|series| {
            let others = series
                .others
                .values()
                .map(|value| series.first.with(series.argument, value));
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
