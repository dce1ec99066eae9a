//! Collects the scopes that plans close: checks, counts, orders and passes them on.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use fortilake_auth::Clock;
use fortilake_sink::{ScopeId, TableSpec};
use fortilake_state::Journal;
use tokio::sync::mpsc;

use crate::{
    Carry, Error, Event, Observer, Result, Scope,
    carry::micros,
    deliver::{observed_at, pages},
    error::{Kind, one_line},
    freeze::{Frozen, Requested, ScopeRecord, exhaustive},
    handover::Handover,
    journal::with_journal,
    notes,
    publish::{Models, Rows},
    stored_scope::{Closed, StoredScope},
};

/// Takes scopes as plans close them, and knows the result of each one at the end.
///
/// Every page is decoded twice: here, and again when its scope is delivered. Decoding first means
/// that a scope with an unreadable page fails as a whole before any sink sees a row of it, that the
/// guard has its counts before anything is published, and that counts do not depend on which sinks
/// are configured. Keeping the decoded rows instead would need memory for the whole crawl, because
/// atomic sinks are fed only at the end. The price is decoding time, which is small beside the
/// calls.
pub(crate) struct Collector {
    journal: Arc<dyn Journal>,
    clock: Clock,
    observer: Observer,
    edition: String,
    rows: Rows,
    handover: Handover,
    /// The results of an earlier run, if reading ended in it.
    frozen: Option<Arc<Frozen>>,
    /// The records of `frozen`, by scope.
    results: HashMap<ScopeId, ScopeRecord>,
    seen: HashSet<ScopeId>,
    complete: Vec<ScopeRecord>,
    failed: Vec<ScopeRecord>,
    /// The complete scopes, for sinks that are fed at the end.
    closed: Vec<Arc<Closed>>,
    /// Where complete scopes go for sinks that deliver at once.
    stream: Option<mpsc::UnboundedSender<Arc<Closed>>>,
    /// When the newest page so far arrived.
    newest: Option<i64>,
    /// What the crawl asks for.
    requested: Requested,
}

/// What a collector knows when all scopes have closed.
pub(crate) struct Collected {
    pub(crate) frozen: Frozen,
    /// The scopes that this crawl read, in handover order.
    pub(crate) closed: Vec<Arc<Closed>>,
    /// The scopes whose rows are from earlier crawls. They are handed over after the others.
    pub(crate) carried: Vec<Arc<Closed>>,
}

impl Collector {
    /// Continues where earlier runs have stopped.
    pub(crate) async fn open(
        crawl: &fortilake_sink::Crawl,
        tables: &[Arc<TableSpec>],
        models: Models,
        journal: Arc<dyn Journal>,
        clock: Clock,
        observer: Observer,
    ) -> Result<Self> {
        let (frozen, handover) = with_journal(&journal, |journal| {
            Ok((notes::frozen(&**journal)?, Handover::open(&**journal)?))
        })
        .await?;
        let frozen = frozen.map(Arc::new);
        Ok(Self {
            handover,
            results: frozen.iter().flat_map(|frozen| frozen.index()).collect(),
            frozen,
            journal,
            clock,
            observer,
            edition: crawl.edition.clone(),
            rows: Rows::new(&crawl.id, tables, models),
            seen: HashSet::new(),
            complete: Vec::new(),
            failed: Vec::new(),
            closed: Vec::new(),
            stream: None,
            newest: None,
            requested: Requested::new(),
        })
    }

    /// Whether an earlier run froze the results, so that no more calls may be made.
    pub(crate) fn is_frozen(&self) -> bool {
        self.frozen.is_some()
    }

    /// Sets what the crawl asks for.
    pub(crate) fn requests(&mut self, requested: Requested) {
        self.requested = requested;
    }

    /// Passes complete scopes to this channel as they are collected.
    pub(crate) fn stream_to(&mut self, stream: mpsc::UnboundedSender<Arc<Closed>>) {
        self.stream = Some(stream);
    }

    /// Takes a scope that a plan has closed. A scope whose turn in the handover order has not come
    /// is held back.
    pub(crate) async fn take(&mut self, source: &str, scope: Scope) -> Result<()> {
        let id = scope.id(source);
        if !self.seen.insert(id.clone()) {
            let message = format!("scope `{id}` was closed twice");
            return Err(Error::new(Kind::Unforeseen, message));
        }
        if self.frozen.is_some() {
            match self.results.get(&id) {
                // The scope was not known when reading ended; the failure of its parent is already
                // recorded.
                None => return Ok(()),
                // It is handed over at the end, and its pages are not those of `scope`.
                Some(record) if record.carried_from.is_some() => return Ok(()),
                Some(record) if record.error.is_some() => {
                    self.failed.push(record.clone());
                    return Ok(());
                }
                Some(_) => {}
            }
        }
        if let Err(error) = &scope.pages {
            if self.handover.has(&id) || self.frozen.is_some() {
                return Err(lost(&id.text()));
            }
            let record = self.record(&id, &scope, Some(error.clone()));
            self.fail(&scope, record);
            return Ok(());
        }
        for closed in self.handover.offer(id, scope) {
            self.check(closed).await?;
        }
        Ok(())
    }

    /// Ends the collection once all scopes have come, and freezes the results.
    ///
    /// `everything` is false if the crawl was limited to a selection.
    pub(crate) async fn end(mut self, carry: Option<Carry>, everything: bool) -> Result<Collected> {
        if let Some(scope) = self.handover.missing() {
            return Err(lost(scope));
        }
        let found = match &self.frozen {
            Some(frozen) => self.carried_before(frozen.clone()).await?,
            None => self.carry(carry.clone(), everything).await?,
        };
        if let Some(frozen) = self.frozen.take_if(|frozen| frozen.edition == self.edition) {
            return Ok(Collected {
                frozen: Arc::unwrap_or_clone(frozen),
                closed: self.closed,
                carried: found
                    .into_iter()
                    .map(|(closed, _)| Arc::new(closed))
                    .collect(),
            });
        }
        let mut scopes = std::mem::take(&mut self.complete);
        let mut carried = Vec::new();
        for (closed, error) in found {
            if let Some(record) = self.count_carried(&closed, error).await? {
                scopes.push(record);
                carried.push(Arc::new(closed));
            }
        }
        let ids: HashSet<_> = carried.iter().map(|closed| &closed.id).collect();
        self.failed.retain(|record| !ids.contains(&record.scope));
        scopes.append(&mut self.failed);
        let max_age = match &self.frozen {
            Some(frozen) => frozen.max_age,
            None => carry.and_then(|carry| carry.max_age).map(micros),
        };
        let frozen = Frozen {
            exhaustive: exhaustive(&scopes, &self.requested),
            scopes,
            drift: self.rows.drift(),
            finished_at: self.newest.unwrap_or_else(|| (self.clock)()),
            edition: self.edition,
            max_age,
        };
        let frozen = with_journal(&self.journal, |journal| {
            notes::freeze(&**journal, &frozen)?;
            Ok(frozen)
        })
        .await?;
        Ok(Collected {
            frozen,
            closed: self.closed,
            carried,
        })
    }

    /// The carried scopes of frozen results, each with the error if it failed.
    async fn carried_before(&self, frozen: Arc<Frozen>) -> Result<Vec<(Closed, Option<String>)>> {
        with_journal(&self.journal, move |journal| {
            let scopes = frozen.scopes.iter();
            let carried = scopes.filter(|record| record.carried_from.is_some());
            carried
                .map(|record| {
                    let text = record.scope.text();
                    let stored = notes::described(&|key| journal.read(key), &text)?;
                    let closed = stored.and_then(|stored| stored.restore(record.scope.clone()));
                    Ok((closed.ok_or_else(|| lost(&text))?, record.error.clone()))
                })
                .collect()
        })
        .await
    }

    /// Copies the rows of scopes that were not read from earlier crawls.
    async fn carry(
        &self,
        carry: Option<Carry>,
        everything: bool,
    ) -> Result<Vec<(Closed, Option<String>)>> {
        let Some(carry) = carry else {
            return Ok(Vec::new());
        };
        let (complete, failed) = (self.complete.clone(), self.failed.clone());
        with_journal(&self.journal, move |journal| {
            let unread = carry.unread(&complete, &failed, everything)?;
            carry.copy(&**journal, unread)
        })
        .await
    }

    /// Counts the rows of a scope whose pages are from an earlier crawl; `None` if they cannot be
    /// decoded, so that the scope stays failed.
    async fn count_carried(
        &mut self,
        closed: &Closed,
        error: Option<String>,
    ) -> Result<Option<ScopeRecord>> {
        let mut record = match self.count(closed).await {
            Ok(record) => record,
            Err(failure) if failure.kind() == Kind::Unreadable && self.frozen.is_none() => {
                self.rows.drop_scope();
                return Ok(None);
            }
            Err(failure) => return Err(failure),
        };
        record.error = error;
        record.carried_from.clone_from(&closed.carried_from);
        self.describe(closed).await?;
        Ok(Some(record))
    }

    /// Journals what a later crawl needs to carry the scope.
    async fn describe(&self, closed: &Closed) -> Result<()> {
        let Some(stored) = StoredScope::new(closed) else {
            return Ok(());
        };
        let id = closed.id.text();
        with_journal(&self.journal, move |journal| {
            notes::describe(&**journal, &id, &stored)
        })
        .await
    }

    /// Whether any scope was read completely.
    pub(crate) fn has_complete_scope(&self) -> bool {
        !self.complete.is_empty()
    }

    /// The source and the error of the first scope that failed, if any did.
    pub(crate) fn first_failure(&self) -> Option<(&str, &str)> {
        let record = self.failed.first()?;
        Some((&record.scope.source, record.error.as_deref()?))
    }

    async fn check(&mut self, closed: Closed) -> Result<()> {
        let counted = match self.known(&closed.id) {
            Some(record) => Ok(record),
            None => self.count(&closed).await,
        };
        let record = match counted {
            Ok(record) => record,
            Err(failure) if failure.kind() == Kind::Unreadable => {
                self.rows.drop_scope();
                if closed.logged || self.frozen.is_some() {
                    return Err(failure);
                }
                let record = self.record(&closed.id, &closed.scope, Some(one_line(&failure)));
                self.fail(&closed.scope, record);
                return Ok(());
            }
            Err(failure) => return Err(failure),
        };
        if !closed.logged && self.frozen.is_none() {
            // The scope enters the log after it was counted and before any sink sees it. A crash in
            // between only repeats a delivery that had not begun. In the reverse order, a receiver
            // could have rows whose position in the order is lost.
            self.describe(&closed).await?;
            let (position, id) = (self.handover.add(), closed.id.text());
            with_journal(&self.journal, move |journal| {
                notes::hand_over(&**journal, position, &id)
            })
            .await?;
        }
        (self.observer)(&Event::Published {
            scope: &closed.scope,
            rows: record.listed,
        });
        self.complete.push(record);
        let closed = Arc::new(closed);
        if let Some(stream) = &self.stream {
            // Sending fails if all of these sinks have failed, which is reported at the end.
            let _ = stream.send(closed.clone());
        }
        self.closed.push(closed);
        Ok(())
    }

    /// The record that an earlier run of the same edition counted, if there is one.
    fn known(&self, id: &ScopeId) -> Option<ScopeRecord> {
        let same = self.frozen.as_ref()?.edition == self.edition;
        self.results.get(id).filter(|_| same).cloned()
    }

    async fn count(&mut self, closed: &Closed) -> Result<ScopeRecord> {
        let mut record = self.record(&closed.id, &closed.scope, None);
        let mut newest = None;
        let mut pages = pages(&self.journal, closed, &self.rows.crawl_id());
        while let Some(next) = pages.next().await? {
            let next = next?;
            newest = newest.max(Some(next.observed_at));
            record.pages += next.count;
            let rows = self.rows.pages(next).await?;
            record.listed += rows.listed.iter().sum::<u64>();
            add(&mut record.rows, rows.tables);
        }
        for rejected in closed.rejected() {
            let observed_at = observed_at(&self.journal, &rejected.fetch).await?;
            newest = newest.max(Some(observed_at));
            let rows = self.rows.rejected(&rejected, observed_at)?;
            add(&mut record.rows, rows);
        }
        self.rows.keep_scope();
        self.newest = self.newest.max(newest);
        if let Some(newest) = newest {
            record.observed_at = newest;
        }
        Ok(record)
    }

    /// A record without rows. Its time is that of the newest page so far, since nothing of this
    /// scope was observed.
    fn record(&self, id: &ScopeId, scope: &Scope, error: Option<String>) -> ScopeRecord {
        ScopeRecord {
            scope: id.clone(),
            account_id: scope.account_id,
            ou_id: scope.ou_id,
            organization_id: scope.organization_id,
            pages: 0,
            listed: 0,
            rows: BTreeMap::new(),
            observed_at: self.newest.unwrap_or_else(|| (self.clock)()),
            carried_from: None,
            error,
            postponed: scope.postponed,
            unproven: scope.unproven,
            note: scope.note.clone(),
        }
    }

    fn fail(&mut self, scope: &Scope, record: ScopeRecord) {
        (self.observer)(&Event::Published { scope, rows: 0 });
        self.failed.push(record);
    }
}

fn add(rows: &mut BTreeMap<String, u64>, tables: Vec<crate::publish::TableRows>) {
    for table in tables {
        *rows.entry(table.table.name.clone()).or_default() += table.records.num_rows() as u64;
    }
}

/// The error for a scope that receivers may have rows of, but that cannot be handed over again.
fn lost(scope: &str) -> Error {
    let message = format!(
        "an earlier run delivered scope `{scope}`, but the journal no longer has all of its pages"
    );
    Error::new(Kind::State, message)
}

#[cfg(test)]
mod tests;
