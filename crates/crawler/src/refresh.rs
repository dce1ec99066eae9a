//! Rolling crawls: reads only the accounts that are due, and carries the rest.
//!
//! Which accounts these are is decided from earlier crawls and journaled before the first call. So a
//! resumed crawl and a replay plan the same calls, although the earlier crawls may be gone by then.

use std::{collections::BTreeMap, sync::Arc};

use fortilake_state::Journal;

use crate::{
    Carry, Error, Result, System,
    carry::micros,
    due::{Due, DueBySource, LastRead},
    freeze::ScopeRecord,
    notes,
};

/// The accounts that are due, as an earlier run of this crawl decided, or as `carry` asks for;
/// `None` if everything is read.
///
/// `now` is the time at which the crawl begins.
pub(crate) fn due(
    journal: &dyn Journal,
    carry: Option<&Carry>,
    sources: &[Arc<str>],
    now: i64,
) -> Result<Option<DueBySource>> {
    if let Some(decided) = notes::due(journal)? {
        return Ok(Some(decided));
    }
    let Some((carry, refresh)) = carry.and_then(|carry| Some((carry, carry.refresh?))) else {
        return Ok(None);
    };
    // An earlier run of this crawl began to read everything, so this one reads the rest.
    if journal.records().map_err(Error::state)?.next().is_some() {
        return Ok(None);
    }
    let known = carry.last_frozen()?;
    let due: DueBySource = sources
        .iter()
        .map(|source| {
            let frozen = known.iter().flat_map(|frozen| {
                let scopes = frozen.scopes.iter();
                scopes.map(|record| (record, frozen.finished_at))
            });
            let due = Due {
                before: now.saturating_sub(micros(refresh.every)),
                calls: refresh.calls,
                accounts: last_reads(frozen.filter(|(record, _)| record.scope.source == **source)),
            };
            (source.to_string(), due)
        })
        .collect();
    notes::record_due(journal, &due)?;
    Ok(Some(due))
}

/// Summarizes the lists of each account. The second part of each item is when its crawl ended.
fn last_reads<'a>(scopes: impl Iterator<Item = (&'a ScopeRecord, i64)>) -> Vec<(i64, LastRead)> {
    let mut accounts = BTreeMap::<i64, LastRead>::new();
    for (record, crawl_ended) in scopes {
        let Some(account) = record.account_id else {
            continue;
        };
        let system = System::of(&record.scope.endpoint).definition();
        // Details have an age limit of their own.
        if system.is_about_one_row(&record.scope.endpoint) {
            continue;
        }
        let read_at = record.has_rows().then_some(record.observed_at);
        let tried_at = match record.error {
            Some(_) if !record.postponed => crawl_ended,
            _ => read_at.unwrap_or(i64::MIN),
        };
        let calls = record.pages as u64;
        accounts
            .entry(account)
            .and_modify(|last| {
                last.read_at = last.read_at.zip(read_at).map(|(one, other)| one.min(other));
                last.tried_at = last.tried_at.max(tried_at);
                last.calls += calls;
            })
            .or_insert(LastRead {
                read_at,
                tried_at,
                calls,
            });
    }
    accounts.into_iter().collect()
}

#[cfg(test)]
mod tests;
