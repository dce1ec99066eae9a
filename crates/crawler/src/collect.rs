//! Collects the scopes that plans close: checks, counts, orders and passes them on.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use fortilake_models as models;
use fortilake_sink::{ScopeId, TableSpec};
use fortilake_state::Journal;
use tokio::sync::mpsc;

use crate::{
    Clock, Error, Event, Fetch, Observer, Page, Pages, Publisher, Result, Scope,
    error::{Kind, one_line},
    freeze::{Frozen, ScopeRecord, exhaustive},
    handover::{Closed, Handover},
    notes,
    publish::{Models, Reload, Rows},
};

/// Takes scopes as plans close them, and knows the result of each one at the end.
///
/// Every page is decoded twice: here, and again when its scope is delivered. Decoding first means
/// that a scope with an unreadable page fails as a whole before any sink sees a row of it, that the
/// guard has its figures before anything is published, and that counts do not depend on which sinks
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
}

/// What a collector knows when all scopes have closed.
pub(crate) struct Collected {
    pub(crate) frozen: Frozen,
    pub(crate) closed: Vec<Arc<Closed>>,
}

impl Collector {
    pub(crate) fn new(
        crawl: &fortilake_sink::Crawl,
        tables: &[Arc<TableSpec>],
        models: Models,
        journal: Arc<dyn Journal>,
        clock: Clock,
        observer: Observer,
    ) -> Result<Self> {
        let frozen = notes::frozen(&*journal)?.map(Arc::new);
        Ok(Self {
            handover: Handover::open(&*journal)?,
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
        })
    }

    /// Whether an earlier run froze the results, so that no more calls may be made.
    pub(crate) fn is_frozen(&self) -> bool {
        self.frozen.is_some()
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
    pub(crate) fn end(self) -> Result<Collected> {
        if let Some(scope) = self.handover.missing() {
            return Err(lost(scope));
        }
        let closed = self.closed;
        if let Some(frozen) = self.frozen.filter(|frozen| frozen.edition == self.edition) {
            let frozen = Arc::unwrap_or_clone(frozen);
            return Ok(Collected { frozen, closed });
        }
        let mut scopes = self.complete;
        scopes.extend(self.failed);
        let newest = self.newest.unwrap_or_else(|| (self.clock)());
        let frozen = Frozen {
            edition: self.edition,
            exhaustive: exhaustive(&scopes),
            scopes,
            drift: self.rows.drift(),
            finished_at: newest,
        };
        notes::freeze(&*self.journal, &frozen)?;
        Ok(Collected { frozen, closed })
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
            notes::hand_over(&*self.journal, self.handover.add(), &closed.id.text())?;
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
        let fetches = closed.scope.pages.iter().flat_map(Pages::iter);
        for fetch in fetches.collect::<Vec<_>>() {
            let page = load(&*self.journal, &fetch)?;
            let reload = reload(self.journal.clone(), fetch);
            newest = newest.max(Some(page.observed_at));
            record.pages += 1;
            let rows = self.rows.page(page, reload).await?;
            record.listed += rows.listed;
            add(&mut record.rows, rows.tables);
        }
        for rejected in &closed.scope.rejected {
            let observed_at = observed_at(&*self.journal, &rejected.fetch)?;
            newest = newest.max(Some(observed_at));
            let rows = self.rows.rejected(rejected, observed_at)?;
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
            error,
            note: scope.note.clone(),
        }
    }

    fn fail(&mut self, scope: &Scope, record: ScopeRecord) {
        (self.observer)(&Event::Published { scope, rows: 0 });
        self.failed.push(record);
    }
}

/// Hands the rows of a scope to the sinks of a publisher.
pub(crate) async fn deliver(
    publisher: &mut Publisher,
    journal: &Arc<dyn Journal>,
    closed: &Closed,
) -> Result<()> {
    publisher.begin(closed.id.clone());
    let fetches = closed.scope.pages.iter().flat_map(Pages::iter);
    for fetch in fetches.collect::<Vec<_>>() {
        let page = load(&**journal, &fetch)?;
        publisher.page(page, reload(journal.clone(), fetch)).await?;
    }
    for rejected in &closed.scope.rejected {
        let observed_at = observed_at(&**journal, &rejected.fetch)?;
        publisher.rejected(rejected, observed_at).await?;
    }
    publisher.end().await
}

/// Loads the page of a call from the journal.
fn load(journal: &dyn Journal, fetch: &Fetch) -> Result<Page> {
    let key = fetch.key();
    let record = journal.read(key).map_err(Error::state)?;
    let layout = models::endpoint(fetch.endpoint).and_then(|endpoint| endpoint.layout);
    let (Some(record), Some(layout)) = (record, layout) else {
        return Err(Error::new(
            Kind::State,
            format!("the journal has no page for `{key}`"),
        ));
    };
    Ok(Page {
        source: fetch.source.clone(),
        layout,
        asked: fetch.numbers(),
        given: fetch.texts(),
        observed_at: record.observed_at,
        body: record.body,
    })
}

fn reload(journal: Arc<dyn Journal>, fetch: Fetch) -> Reload {
    Arc::new(move || Ok(load(&*journal, &fetch)?))
}

/// When the outcome of a call was journaled, in microseconds of Unix time; 0 if it was not.
fn observed_at(journal: &dyn Journal, fetch: &Fetch) -> Result<i64> {
    let record = journal.read(fetch.key()).map_err(Error::state)?;
    Ok(record.map_or(0, |record| record.observed_at))
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
