//! What the journal stores about a call, and what a resumed crawl makes of it.

use std::sync::Arc;

use fortilake_state::{Journal, Record, RecordKind};
use serde::{Deserialize, Serialize};

use super::{Reader, ReusablePages, judge::unreadable};
use crate::{
    Error, Facts, Failure, FailureKind, Fetch, Outcome, Result, error::Kind, journal::with_journal,
};

/// A [`Failure`] as it is stored in the journal.
#[derive(Serialize, Deserialize)]
struct FailureRecord {
    refused: bool,
    /// Whether the API itself refused. Older versions did not distinguish that from other refusals,
    /// so the member may be missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    denied: Option<bool>,
    /// Whether another try may succeed.
    #[serde(default)]
    lost: bool,
    message: String,
}

/// What the journal contains about a call.
pub(super) enum Recalled {
    /// A final outcome: the call is not made again.
    Outcome(Outcome),
    /// It failed in an earlier run, and another try may succeed.
    Lost(Failure),
}

impl Reader {
    /// The outcome of this call in an earlier run, if it was made. It blocks while it reads the
    /// journal.
    pub(super) fn recall(&self, fetch: &Fetch) -> Result<Option<Recalled>> {
        let key = fetch.key();
        let Some(record) = self.find(fetch)? else {
            return Ok(None);
        };
        let recalled = match record.kind {
            RecordKind::Page => {
                let facts = Facts::read(fetch.endpoint, &record.body, self.names);
                // An older version may have journaled a response that no longer counts as proof.
                Ok(Recalled::Outcome(facts.map_or_else(
                    |error| Outcome::Failed(unreadable(fetch, &error)),
                    |facts| Outcome::Page(facts.observed_at(record.observed_at)),
                )))
            }
            RecordKind::Note => Err(serde::de::Error::custom("it is not the outcome of a call")),
            RecordKind::Failure => {
                serde_json::from_str::<FailureRecord>(&record.body).map(FailureRecord::recalled)
            }
        };
        recalled.map(Some).map_err(|error| {
            Error::new(
                Kind::State,
                format!("the journal's record of `{key}` cannot be read"),
            )
            .with_source(error)
        })
    }

    /// The record of this call in this crawl's journal, or in that of an earlier crawl.
    fn find(&self, fetch: &Fetch) -> Result<Option<Record>> {
        let key = fetch.key();
        let record = self.journal.read(key).map_err(Error::state)?;
        match (record, &self.older) {
            (None, Some(older)) if fetch.is_about_one_row() => {
                reuse_earlier(&*self.journal, key, older)
            }
            (record, _) => Ok(record),
        }
    }

    /// Journals a page, and returns the time that it is stored with.
    pub(super) async fn keep_page(&self, fetch: &Fetch, body: Arc<str>) -> Result<i64> {
        self.keep(fetch, RecordKind::Page, body).await
    }

    /// Journals a failure, and whether a later try may succeed.
    pub(super) async fn keep_failure(&self, fetch: &Fetch, failure: &Failure) -> Result<()> {
        let refused = failure.kind.is_refusal();
        let kept = FailureRecord {
            refused,
            denied: refused.then_some(failure.kind == FailureKind::Denied),
            lost: failure.kind == FailureKind::Lost,
            message: failure.message.clone(),
        };
        let body = serde_json::to_string(&kept).map_err(|error| {
            Error::new(Kind::Unforeseen, "a failure cannot be serialized").with_source(error)
        })?;
        let kept = self.keep(fetch, RecordKind::Failure, body.into()).await;
        kept.map(drop)
    }

    async fn keep(&self, fetch: &Fetch, kind: RecordKind, body: Arc<str>) -> Result<i64> {
        let observed_at = (self.clock)();
        let record = Record {
            kind,
            body,
            observed_at,
        };
        let key = fetch.key().to_owned();
        with_journal(&self.journal, move |journal| {
            journal.append(&key, record).map_err(Error::state)
        })
        .await?;
        Ok(observed_at)
    }
}

/// Copies the details of a product from an earlier crawl into this crawl's journal, so that the
/// earlier crawl may be deleted.
fn reuse_earlier(
    journal: &dyn Journal,
    key: &str,
    older: &ReusablePages,
) -> Result<Option<Record>> {
    let found = older.archive.newest(key, older.since);
    let found = found.map_err(Error::state)?;
    if let Some(record) = &found {
        // The record keeps its time, which says when the product was observed.
        journal.append(key, record.clone()).map_err(Error::state)?;
    }
    Ok(found)
}

impl FailureRecord {
    fn recalled(self) -> Recalled {
        let kind = match (self.lost, self.refused, self.denied) {
            (true, ..) => FailureKind::Lost,
            (false, true, Some(false)) => FailureKind::Refused,
            (false, true, Some(true) | None) => FailureKind::Denied,
            (false, false, _) => FailureKind::Rejected,
        };
        let failure = Failure {
            kind,
            message: self.message,
        };
        if self.lost {
            Recalled::Lost(failure)
        } else {
            Recalled::Outcome(Outcome::Failed(failure))
        }
    }
}
