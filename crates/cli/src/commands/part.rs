//! Detects that a response is only part of a list.
//!
//! A first page looks like the whole list. A command that shows one must say that it is a part.

use std::collections::BTreeMap;

use fortilake_models::{Endpoint, integer_of};
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

#[cfg(test)]
mod tests;

/// The argument that requests a page by its number, counted from 1.
const PAGE_NUMBER: &str = "pageNumber";

/// Which part of a list a response holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListPart {
    /// The number of this page, and how many pages there are.
    Page(i64, i64),
    /// The number of rows in this response, and in the whole list.
    Rows(u64, u64),
}

impl ListPart {
    /// The part that a response says it is; `None` if it does not mention more pages or rows.
    pub(super) fn of(response: &str) -> Option<Self> {
        let response = members(response)?;
        if let Some(pages) = integer(&response, "totalPages").filter(|&pages| pages > 1) {
            return Some(Self::page(integer(&response, PAGE_NUMBER), pages));
        }
        let inner = |name: &str| response.get(name).and_then(|inner| members(inner.get()));
        let (data, meta) = (inner("data"), inner("meta"));
        let counted = [
            (data.as_ref(), "totalResultsCount", data.as_ref(), "results"),
            (
                Some(&response),
                "totalResultsCount",
                Some(&response),
                "results",
            ),
            (meta.as_ref(), "total_count", Some(&response), "objects"),
        ];
        counted.into_iter().find_map(|(holder, total, list, rows)| {
            let total = integer(holder?, total)?;
            let total = u64::try_from(total).ok()?;
            let rows: Vec<IgnoredAny> = serde_json::from_str(list?.get(rows)?.get()).ok()?;
            let rows = rows.len() as u64;
            (rows < total).then_some(Self::Rows(rows, total))
        })
    }

    /// The page with this number, of this many.
    pub(super) fn page(number: Option<i64>, pages: i64) -> Self {
        // Some responses leave the number of their first page out or set it to 0.
        Self::Page(number.unwrap_or(1).max(1), pages)
    }

    /// The part in words, such as `page 1 of 195`.
    pub(super) fn name(self) -> String {
        match self {
            Self::Page(page, pages) => format!("page {page} of {pages}"),
            Self::Rows(rows, total) => format!("{rows} of {total} rows"),
        }
    }

    /// A line that names the part and says how to request the rest, if the endpoint can be asked.
    pub(super) fn note(self, endpoint: &Endpoint) -> String {
        let has = |name: &str| {
            let mut parameters = endpoint.parameters.iter();
            parameters.any(|parameter| parameter.name == name)
        };
        let rest = match self {
            Self::Page(page, pages) if has(PAGE_NUMBER) && page < pages => {
                format!("add `{PAGE_NUMBER}={}` for the next page", page + 1)
            }
            Self::Page(page, pages) if page == pages => "this is the last page".to_owned(),
            Self::Rows(rows, _) if has("start") => format!("add `start={rows}` for the next rows"),
            Self::Rows(rows, _) if has("offset") => {
                format!("add `offset={rows}` for the next rows")
            }
            Self::Page(..) | Self::Rows(..) => {
                format!("`{}` has no argument to request the rest", endpoint.id)
            }
        };
        format!("{}: {rest}\n", self.name())
    }
}

/// What these parts hold if they are less than the whole list, such as `only 2 of 3 pages`.
pub(super) fn missing(parts: &[ListPart]) -> Option<String> {
    match parts {
        [] => None,
        [part] => Some(format!("only {}", part.name())),
        parts => {
            let mut pages = Vec::new();
            let (mut most, mut rows, mut all) = (0, 0, 0);
            for part in parts {
                match *part {
                    ListPart::Page(page, total) => {
                        pages.push(page);
                        most = most.max(total);
                    }
                    ListPart::Rows(some, total) => {
                        rows += some;
                        all = all.max(total);
                    }
                }
            }
            // The same page may be passed twice, so pages are counted by their numbers.
            pages.sort_unstable();
            pages.dedup();
            let count = i64::try_from(pages.len()).unwrap_or(i64::MAX);
            let short = (count < most).then(|| format!("only {count} of {most} pages"));
            short.or_else(|| (rows < all).then(|| format!("only {rows} of {all} rows")))
        }
    }
}

/// The members of an object, which are not read further: a page of rows may be large.
fn members(object: &str) -> Option<BTreeMap<String, &RawValue>> {
    serde_json::from_str(object).ok()
}

/// A whole number, in every form that a crawl accepts.
fn integer(members: &BTreeMap<String, &RawValue>, name: &str) -> Option<i64> {
    integer_of(members.get(name)?.get())
}
