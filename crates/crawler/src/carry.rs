//! Finds the rows of scopes that this crawl could not read in the journals of earlier crawls.
//!
//! The pages are copied into this crawl's journal. So the crawl can be published again after the
//! earlier crawls were deleted, and later crawls can carry the rows on.

use std::{collections::HashSet, fmt, sync::Arc, time::Duration};

use fortilake_sink::ScopeId;
use fortilake_state::{Journal, Record, RecordKind};

use crate::{
    Error, Fetch, Result, System,
    due::Refresh,
    freeze::{Frozen, ScopeRecord},
    notes::{self, ReadRecord},
    stored_scope::Closed,
};

/// Publishes the rows of earlier crawls in place of scopes that this crawl did not read.
#[derive(Debug, Clone)]
pub struct Carry {
    /// The earlier crawls with the same settings, newest first.
    pub earlier: Vec<EarlierCrawl>,
    /// How old rows may be for the crawl to count as complete; `None` means that a crawl with
    /// carried rows is never complete.
    pub max_age: Option<Duration>,
    /// Limits this crawl to a part of the accounts; `None` reads everything.
    pub refresh: Option<Refresh>,
}

/// An earlier crawl whose journal can be read.
#[derive(Clone)]
pub struct EarlierCrawl {
    /// The crawl's id.
    pub id: String,
    /// Reads a record of its journal by its key.
    pub read: Arc<ReadRecord<'static>>,
}

/// A scope that this crawl did not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unread {
    pub(crate) id: ScopeId,
    /// Why it could not be read; `None` if the crawl did not try.
    pub(crate) error: Option<String>,
}

impl Carry {
    /// The scopes that this crawl did not read: those that failed or were postponed, and those that
    /// only an earlier crawl knows, because the list that names them failed in this one.
    ///
    /// `everything` is false if the crawl was limited to a selection. Such a crawl does not ask for
    /// the other scopes, so they are not missing.
    pub(crate) fn unread(
        &self,
        complete: &[ScopeRecord],
        failed: &[ScopeRecord],
        everything: bool,
    ) -> Result<Vec<Unread>> {
        let mut unread: Vec<_> = failed
            .iter()
            .map(|record| Unread {
                id: record.scope.clone(),
                error: record.error.clone().filter(|_| !record.postponed),
            })
            .collect();
        if !everything || unread.is_empty() {
            return Ok(unread);
        }
        let Some(before) = self.last_frozen()? else {
            return Ok(unread);
        };
        let listed: HashSet<&ScopeId> = complete
            .iter()
            .chain(failed)
            .map(|record| &record.scope)
            .collect();
        let failed = Failed::new(failed);
        let known = before.scopes.into_iter().filter(ScopeRecord::has_rows);
        let missing = known.filter(|record| !listed.contains(&record.scope));
        unread.extend(missing.filter_map(|record| {
            let list = failed.list_that_names(&record.scope)?;
            Some(Unread {
                error: Some(format!(
                    "it was not listed in this crawl, because `{list}` failed"
                )),
                id: record.scope,
            })
        }));
        Ok(unread)
    }

    /// Copies the newest complete pages of each scope into `journal`. Scopes that no earlier crawl
    /// has are left out.
    pub(crate) fn copy(
        &self,
        journal: &dyn Journal,
        unread: Vec<Unread>,
    ) -> Result<Vec<(Closed, Option<String>)>> {
        let mut carried = Vec::new();
        for Unread { id, error } in unread {
            for crawl in &self.earlier {
                if let Some(closed) = crawl.copy(journal, &id)? {
                    carried.push((closed, error));
                    break;
                }
            }
        }
        Ok(carried)
    }

    /// The results of the newest earlier crawl that read to its end.
    pub(crate) fn last_frozen(&self) -> Result<Option<Frozen>> {
        for crawl in &self.earlier {
            if let Some(frozen) = notes::frozen_of(&*crawl.read)? {
                return Ok(Some(frozen));
            }
        }
        Ok(None)
    }
}

impl EarlierCrawl {
    /// Copies the pages of a scope into `journal`; `None` if this crawl does not have all of them.
    fn copy(&self, journal: &dyn Journal, id: &ScopeId) -> Result<Option<Closed>> {
        let stored = notes::described(&*self.read, &id.text())?;
        let Some(original) = stored.and_then(|stored| stored.restore(id.clone())) else {
            return Ok(None);
        };
        let read_by = original.carried_from.clone();
        let carried = Closed {
            id: original.id.clone(),
            scope: original.scope.clone(),
            logged: false,
            carried_from: Some(read_by.unwrap_or_else(|| self.id.clone())),
        };
        let mut records = Vec::new();
        for (from, to) in original.fetches().iter().zip(carried.fetches()) {
            match self.record(from)? {
                Some(record) if record.kind == RecordKind::Page => records.push((to, record)),
                _ => return Ok(None),
            }
        }
        for (from, to) in original.rejected().zip(carried.rejected()) {
            let record = self.record(&from.fetch)?;
            records.extend(record.map(|record| (to.fetch, record)));
        }
        for (fetch, record) in records {
            // The record keeps its time, which says when the rows were observed.
            let copied = journal.append(fetch.key(), record);
            copied.map_err(Error::state)?;
        }
        Ok(Some(carried))
    }

    fn record(&self, fetch: &Fetch) -> Result<Option<Record>> {
        (self.read)(fetch.key()).map_err(Error::state)
    }
}

/// The scopes that failed in this crawl, for looking up the lists that name others.
struct Failed<'a> {
    scopes: HashSet<&'a ScopeId>,
    /// The source, the endpoint and the kind of subject of each of them.
    kinds: HashSet<(&'a str, &'a str, &'a str)>,
}

impl<'a> Failed<'a> {
    fn new(records: &'a [ScopeRecord]) -> Self {
        let scopes: HashSet<_> = records.iter().map(|record| &record.scope).collect();
        let kinds = scopes
            .iter()
            .map(|id| (&*id.source, &*id.endpoint, kind(id)))
            .collect();
        Self { scopes, kinds }
    }

    /// The endpoint of the failed list that would have named the subject of this scope, if there is
    /// one. If there is none, the subject no longer exists.
    fn list_that_names(&self, id: &ScopeId) -> Option<&'static str> {
        let system = System::of(&id.endpoint).definition();
        let mut above = system.parent(&id.endpoint);
        while let Some(list) = above {
            let same_subject = ScopeId {
                endpoint: list.to_owned(),
                ..id.clone()
            };
            // A list about another account says nothing about this one.
            let of_other_kind = |&&(source, endpoint, of): &&(&str, &str, &str)| {
                source == id.source && endpoint == list && of != kind(id)
            };
            if self.scopes.contains(&same_subject) || self.kinds.iter().any(|k| of_other_kind(&k)) {
                return Some(list);
            }
            above = system.parent(list);
        }
        None
    }
}

pub(crate) fn micros(length: Duration) -> i64 {
    length.as_micros().try_into().unwrap_or(i64::MAX)
}

/// What a scope is about: `account`, `unit`, or nothing.
fn kind(id: &ScopeId) -> &str {
    id.subject
        .split_once('=')
        .map_or(&*id.subject, |(kind, _)| kind)
}

impl fmt::Debug for EarlierCrawl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("EarlierCrawl")
            .field(&self.id)
            .finish()
    }
}

#[cfg(test)]
mod tests;
