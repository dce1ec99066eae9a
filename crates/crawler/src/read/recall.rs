//! What the journal stores about a call, and what a resumed crawl makes of it.

use std::sync::Arc;

use fortilake_state::{Record, RecordKind};
use serde::{Deserialize, Serialize};

use super::Reader;
use crate::{
    Error, Facts, Failure, FailureKind, Fetch, Outcome, Result, error::Kind, plan::DETAILS,
};

/// A [`Failure`] as it is stored in the journal.
#[derive(Serialize, Deserialize)]
struct Kept {
    refused: bool,
    message: String,
}

impl Reader {
    /// What this call ended with before, if it was made before.
    pub(super) fn recall(&self, fetch: &Fetch) -> Result<Option<Outcome>> {
        let key = fetch.key();
        let record = match self.journal.read(key).map_err(Error::state)? {
            Some(record) => record,
            None => match self.borrow(fetch)? {
                Some(record) => record,
                None => return Ok(None),
            },
        };
        let outcome = match record.kind {
            RecordKind::Page => {
                Facts::read(fetch.endpoint, &record.body, self.names).map(Outcome::Page)
            }
            RecordKind::Failure => serde_json::from_str::<Kept>(&record.body).map(|kept| {
                let kind = if kept.refused {
                    FailureKind::Refused
                } else {
                    FailureKind::Rejected
                };
                Outcome::Failed(Failure {
                    kind,
                    message: kept.message,
                })
            }),
        };
        outcome.map(Some).map_err(|error| {
            Error::new(
                Kind::State,
                format!("the journal's record of `{key}` cannot be read"),
            )
            .with_source(error)
        })
    }

    /// Takes over what an earlier crawl knows of a product, so that it is this crawl's from now on.
    fn borrow(&self, fetch: &Fetch) -> Result<Option<Record>> {
        let Some(older) = self.older.as_ref().filter(|_| fetch.endpoint == DETAILS) else {
            return Ok(None);
        };
        let key = fetch.key();
        let found = older.archive.newest(key, older.since);
        let found = found.map_err(Error::state)?;
        if let Some(record) = &found {
            // The record keeps its time, which says when the product was observed.
            let kept = self.journal.append(key, record.clone());
            kept.map_err(Error::state)?;
        }
        Ok(found)
    }

    pub(super) fn keep_page(&self, fetch: &Fetch, body: Arc<str>) -> Result<()> {
        self.keep(fetch, RecordKind::Page, body)
    }

    /// Journals a failure, and whether a later try may succeed.
    pub(super) fn keep_failure(&self, fetch: &Fetch, failure: &Failure) -> Result<()> {
        if failure.kind == FailureKind::Lost {
            return Ok(());
        }
        let refused = failure.kind == FailureKind::Refused;
        let kept = Kept {
            refused,
            message: failure.message.clone(),
        };
        let body = serde_json::to_string(&kept).map_err(|error| {
            Error::new(Kind::Unforeseen, "a failure cannot be written down").with_source(error)
        })?;
        self.keep(fetch, RecordKind::Failure, body.into())
    }

    fn keep(&self, fetch: &Fetch, kind: RecordKind, body: Arc<str>) -> Result<()> {
        let record = Record {
            kind,
            body,
            observed_at: (self.clock)(),
        };
        self.journal
            .append(fetch.key(), record)
            .map_err(Error::state)
    }
}
