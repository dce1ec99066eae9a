//! What the journal stores of a crawl other than the outcomes of calls: the handover log, the
//! frozen results, the accounts that are due, and the snapshot that the crawl is compared with.
//!
//! All are ordinary journal records, so they become durable no earlier than the pages that were
//! appended before them. This order makes them trustworthy: if a scope is in the log after a crash,
//! all of its pages are in the journal too.

use fortilake_state::{self as state, Journal, Record, RecordKind};

use crate::{
    Error, Result, changes::Since, due::DueBySource, error::Kind, freeze::Frozen,
    stored_scope::StoredScope,
};

/// Reads a record of a journal by its key.
pub(crate) type ReadRecord<'a> = dyn Fn(&str) -> state::Result<Option<Record>> + Send + Sync + 'a;

/// The key of the frozen results. It cannot collide with the key of a call, which starts with the
/// name of a source: that is never empty, so the key never starts with a blank.
const FROZEN: &str = " frozen";

/// The key of the snapshot that the crawl is compared with.
const CHANGES_SINCE: &str = " changes since";

/// The key of the accounts that are due.
const DUE: &str = " due";

/// The ids of the scopes in the handover log, in handover order.
pub(crate) fn handed_over(journal: &dyn Journal) -> Result<Vec<String>> {
    let mut scopes = Vec::new();
    while let Some(scope) = read(journal, &handover_key(scopes.len()))? {
        scopes.push(scope);
    }
    Ok(scopes)
}

/// Adds a scope to the handover log at this position, counted from 0.
pub(crate) fn hand_over(journal: &dyn Journal, position: usize, scope: &str) -> Result<()> {
    write(journal, &handover_key(position), scope)
}

/// Whether reading has ended, so that the crawl only has to be published.
///
/// # Errors
///
/// If the journal cannot be read.
pub fn reading_has_ended(journal: &dyn Journal) -> Result<bool> {
    Ok(read(journal, FROZEN)?.is_some())
}

/// The frozen results, if reading ended in an earlier run.
pub(crate) fn frozen(journal: &dyn Journal) -> Result<Option<Frozen>> {
    let text = read(journal, FROZEN)?;
    text.map(|text| parse_frozen(&text)).transpose()
}

/// The frozen results of another crawl.
pub(crate) fn frozen_of(read: &ReadRecord<'_>) -> Result<Option<Frozen>> {
    let record = read(FROZEN).map_err(Error::state)?;
    record.map(|record| parse_frozen(&record.body)).transpose()
}

fn parse_frozen(text: &str) -> Result<Frozen> {
    serde_json::from_str(text).map_err(|error| {
        Error::new(
            Kind::State,
            "the frozen results in the journal cannot be read",
        )
        .with_source(error)
    })
}

/// Freezes the results. They are durable when this returns, and from then on this crawl makes no
/// calls.
pub(crate) fn freeze(journal: &dyn Journal, frozen: &Frozen) -> Result<()> {
    let text = serde_json::to_string(frozen).map_err(|error| {
        Error::new(
            Kind::Unforeseen,
            "the results of the crawl cannot be serialized",
        )
        .with_source(error)
    })?;
    write(journal, FROZEN, &text)?;
    journal.flush().map_err(Error::state)
}

/// Describes a complete scope, so that a later crawl can publish its rows again.
pub(crate) fn describe(journal: &dyn Journal, scope: &str, stored: &StoredScope) -> Result<()> {
    let text = serde_json::to_string(stored).map_err(|error| {
        Error::new(Kind::Unforeseen, "a scope cannot be serialized").with_source(error)
    })?;
    write(journal, &scope_key(scope), &text)
}

/// The description of a complete scope in this crawl or another; `None` if there is none.
pub(crate) fn described(read: &ReadRecord<'_>, scope: &str) -> Result<Option<StoredScope>> {
    let Some(record) = read(&scope_key(scope)).map_err(Error::state)? else {
        return Ok(None);
    };
    serde_json::from_str(&record.body)
        .map(Some)
        .map_err(|error| {
            let message = format!("the journal's description of scope `{scope}` cannot be read");
            Error::new(Kind::State, message).with_source(error)
        })
}

fn scope_key(scope: &str) -> String {
    format!(" scope {scope}")
}

/// What an earlier delivery compared the crawl with, if there was one.
pub(crate) fn changes_since(journal: &dyn Journal) -> Result<Option<Since>> {
    let Some(text) = read(journal, CHANGES_SINCE)? else {
        return Ok(None);
    };
    serde_json::from_str(&text).map(Some).map_err(|error| {
        let text = "the journal does not say which snapshot the crawl was compared with";
        Error::new(Kind::State, text).with_source(error)
    })
}

/// Records what the crawl is compared with. It is durable when this returns.
pub(crate) fn record_changes_since(journal: &dyn Journal, since: &Since) -> Result<()> {
    let text = serde_json::to_string(since).map_err(|error| {
        let text = "what the crawl is compared with cannot be serialized";
        Error::new(Kind::Unforeseen, text).with_source(error)
    })?;
    write(journal, CHANGES_SINCE, &text)?;
    journal.flush().map_err(Error::state)
}

/// The accounts that are due, as an earlier run decided.
pub(crate) fn due(journal: &dyn Journal) -> Result<Option<DueBySource>> {
    let Some(text) = read(journal, DUE)? else {
        return Ok(None);
    };
    serde_json::from_str(&text).map(Some).map_err(|error| {
        let text = "the journal does not say which accounts are due";
        Error::new(Kind::State, text).with_source(error)
    })
}

/// Records the accounts that are due. It is durable no later than the first page.
pub(crate) fn record_due(journal: &dyn Journal, due: &DueBySource) -> Result<()> {
    let text = serde_json::to_string(due).map_err(|error| {
        let text = "the accounts that are due cannot be serialized";
        Error::new(Kind::Unforeseen, text).with_source(error)
    })?;
    write(journal, DUE, &text)
}

fn handover_key(position: usize) -> String {
    format!(" handover {position}")
}

fn read(journal: &dyn Journal, key: &str) -> Result<Option<String>> {
    let record = journal.read(key).map_err(Error::state)?;
    Ok(record.map(|record| record.body.to_string()))
}

fn write(journal: &dyn Journal, key: &str, text: &str) -> Result<()> {
    let record = Record {
        kind: RecordKind::Note,
        body: text.into(),
        observed_at: 0,
    };
    journal.append(key, record).map_err(Error::state)
}
