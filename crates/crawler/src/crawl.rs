//! One crawl: the sources side by side, their pages into the journal, closed scopes to the sinks.

use std::{convert::Infallible, sync::Arc, time::Instant};

use fortilake_sink::{FailedScope, Outcome as SinkOutcome, Scopes, TableSpec};
use fortilake_state::{
    Journal,
    client::{Client, models},
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

use crate::{
    CoverageRow, Error, Event, Guard, Names, Observer, OpenSink, Page, Pages, Publisher, Report,
    Result, Scope, Settings,
    error::{Kind, one_line},
    planner::planner,
    read::{Effort, Older, Reader},
};

/// Gives the time in microseconds of Unix time.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// One source to crawl.
pub struct Source {
    /// What to read.
    pub settings: Settings,
    /// The connection to the source. Without one, only pages that the journal already has are read.
    pub client: Option<Arc<Client>>,
    /// The highest number of calls in flight; 0 is treated as 1.
    pub concurrency: usize,
    /// Product details from earlier crawls that may be used again, if that is configured.
    pub older: Option<Older>,
}

/// A crawl that is ready to run.
pub struct Crawl {
    /// The crawl's id, on every row.
    pub id: String,
    /// The sources; rows are published in this order.
    pub sources: Vec<Source>,
    /// The tables to publish.
    pub tables: Vec<Arc<TableSpec>>,
    /// The sinks, each opened for the same `tables`.
    pub sinks: Vec<OpenSink>,
    /// What to do with a crawl in which scopes failed.
    pub incomplete: Incomplete,
    /// Compares the crawl with earlier ones before it is published; `None` publishes without
    /// comparing.
    pub guard: Option<Guard>,
    /// Stores the pages and failures of this crawl.
    pub journal: Arc<dyn Journal>,
    /// The time that records in the journal get.
    pub clock: Clock,
    /// Receives progress events.
    pub observer: Observer,
    /// Set to true to stop the crawl. Calls in flight are finished first.
    pub stop: watch::Receiver<bool>,
}

/// What to do with a crawl in which scopes failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incomplete {
    /// Publish the scopes that closed, and list the failed ones in `coverage`.
    Publish,
    /// Publish nothing.
    Discard,
}

impl Crawl {
    /// Runs the crawl to its end.
    ///
    /// Sinks that deliver at once receive rows as scopes close. Atomic sinks receive theirs when
    /// all scopes have closed, the results are frozen and the guard has passed. A crawl that pauses
    /// every hour then encodes and uploads only once, and a refused crawl stages nothing. The price
    /// is that encoding does not overlap with calls, but that takes seconds where the vendor's
    /// limits take minutes.
    ///
    /// # Errors
    ///
    /// If nothing can be published at all. Failed scopes and failed sinks are not errors; they are
    /// listed in the [`Report`].
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves the sinks without a call to `abort`. Send `true` to `stop`
    /// instead.
    pub async fn run(self) -> Result<Report> {
        let began = Instant::now();
        // Set to true when the caller stops the crawl or when any part of it cannot continue.
        let (halt, halted) = watch::channel(false);
        let mut readers = JoinSet::new();
        let mut feeds = Vec::new();
        let alone = self.sources.len() == 1;
        for source in self.sources {
            let (sender, scopes) = mpsc::unbounded_channel();
            feeds.push((source.settings.source.clone(), scopes));
            let reader = Reader {
                names: match source.settings.details {
                    None => Names::Unwanted,
                    Some(_) => Names::Wanted,
                },
                plan: planner(source.settings),
                client: source.client,
                concurrency: source.concurrency.max(1),
                older: source.older,
                alone,
                journal: self.journal.clone(),
                clock: self.clock.clone(),
                observer: self.observer.clone(),
                scopes: sender,
                stop: halted.clone(),
            };
            readers.spawn(reader.run());
        }
        let mut desk = Desk {
            publisher: Publisher::new(&self.id, &self.tables, self.sinks),
            journal: self.journal,
            clock: self.clock,
            observer: self.observer,
            scopes: Scopes::default(),
            failed: Vec::new(),
            newest: None,
        };
        let stopping = self.stop.clone();
        let published = async {
            for (name, mut scopes) in feeds {
                while let Some(scope) = scopes.recv().await {
                    // Reading may have ended long before this loop does, so a stop has to be
                    // checked here too.
                    go_on(&stopping)?;
                    desk.publish(&name, &scope).await?;
                }
            }
            go_on(&stopping)
        };
        let read = async {
            let mut effort = Effort::default();
            let mut paused = None;
            while let Some(reader) = readers.join_next().await {
                let ended = reader.map_err(|error| {
                    Error::new(Kind::Unforeseen, "a source's task broke off").with_source(error)
                })?;
                match ended {
                    Ok(one) => effort.add(one),
                    // The other sources have limits of their own, and go on to their ends.
                    Err(error) if error.kind() == Kind::Paused => {
                        paused.get_or_insert(error);
                    }
                    Err(error) => return Err(error),
                }
            }
            paused.map_or(Ok(effort), Err)
        };
        // What ends one part of the crawl ends all of it, whichever source is being published.
        let work = async { tokio::try_join!(published, read).map(|((), effort)| effort) };
        let mut stop = self.stop;
        let forward = async {
            if stop.wait_for(|stop| *stop).await.is_ok() {
                halt.send_replace(true);
            }
            std::future::pending::<Infallible>().await
        };
        let result = tokio::select! {
            result = work => result,
            never = forward => match never {},
        };
        halt.send_replace(true);
        // Calls in flight already count against the limits, so wait for their answers and journal
        // them.
        while readers.join_next().await.is_some() {}
        let flushed = desk.journal.flush().map_err(Error::state);
        let result = result.and_then(|effort| flushed.map(|()| effort));
        match result {
            Ok(effort) => desk.close(self.incomplete, self.guard, effort, began).await,
            Err(error) => Err(desk.give_up(error).await),
        }
    }
}

/// An error once the caller has said stop.
fn go_on(stop: &watch::Receiver<bool>) -> Result<()> {
    if *stop.borrow() {
        return Err(Error::new(Kind::Interrupted, "interrupted"));
    }
    Ok(())
}

/// Where closed scopes become rows.
struct Desk {
    publisher: Publisher,
    journal: Arc<dyn Journal>,
    clock: Clock,
    observer: Observer,
    scopes: Scopes,
    failed: Vec<FailedScope>,
    /// When the newest page so far arrived.
    newest: Option<i64>,
}

impl Desk {
    async fn publish(&mut self, source: &Arc<str>, scope: &Scope) -> Result<()> {
        let mut rows = 0;
        let mut error = scope.pages.as_ref().err().cloned();
        for fetch in scope.pages.iter().flat_map(Pages::iter) {
            let key = fetch.key();
            let record = self.journal.read(key).map_err(Error::state)?;
            self.journal.release(key);
            let layout = models::endpoint(fetch.endpoint).and_then(|endpoint| endpoint.layout);
            let (Some(record), Some(layout)) = (record, layout) else {
                return Err(Error::new(
                    Kind::Unforeseen,
                    format!("the journal lacks `{key}`"),
                ));
            };
            self.newest = self.newest.max(Some(record.observed_at));
            let page = Page {
                source: source.clone(),
                layout,
                asked: fetch.numbers(),
                given: fetch.texts(),
                observed_at: record.observed_at,
                body: record.body,
            };
            match self.publisher.page(page).await {
                Ok(count) => rows += count,
                // With rows of the scope already handed over, only refusing the crawl keeps them out.
                Err(failure) if failure.kind() == Kind::Unreadable && rows == 0 => {
                    error = Some(one_line(&failure));
                    break;
                }
                Err(failure) => return Err(failure),
            }
        }
        let pages = scope.pages.as_ref().map_or(0, Pages::len);
        let row = CoverageRow {
            source: source.clone(),
            endpoint: scope.endpoint,
            account_id: scope.account_id,
            ou_id: scope.ou_id,
            organization_id: scope.organization_id,
            pages,
            rows,
            error: error.clone(),
            // A replay tells the same; where nothing was observed, it is now that we know.
            observed_at: self.newest.unwrap_or_else(|| (self.clock)()),
        };
        self.publisher.coverage(&row).await?;
        for rejected in &scope.rejected {
            self.publisher.rejected(rejected, row.observed_at).await?;
        }
        self.count(source, scope, error);
        (self.observer)(&Event::Published { scope, rows });
        Ok(())
    }

    fn count(&mut self, source: &str, scope: &Scope, error: Option<String>) {
        let Some(error) = error else {
            self.scopes.complete += 1;
            return;
        };
        self.scopes.failed += 1;
        self.failed.push(FailedScope {
            source: source.to_owned(),
            endpoint: scope.endpoint.to_owned(),
            account_id: scope.account_id,
            ou_id: scope.ou_id,
            error,
        });
    }

    async fn close(
        self,
        incomplete: Incomplete,
        guard: Option<Guard>,
        effort: Effort,
        began: Instant,
    ) -> Result<Report> {
        let complete = self.failed.is_empty();
        // A scope can close without a page, but a crawl of failures and such has read nothing.
        if let Some(first) = self.failed.first().filter(|_| effort.pages == 0) {
            let message = format!("nothing could be read from source `{}`", first.source);
            let error = Error::new(Kind::Unreadable, message).with_source(first.error.clone());
            return Err(self.give_up(error).await);
        }
        let census = self.publisher.census().clone();
        let shrunk = guard
            .filter(|_| complete)
            .map_or_else(Vec::new, |guard| guard.look(&census));
        let published = shrunk.is_empty() && (complete || incomplete == Incomplete::Publish);
        let mut report = Report {
            complete,
            published,
            scopes: self.scopes,
            failed: self.failed.clone(),
            tables: self.publisher.totals(),
            census,
            shrunk,
            drift: self.publisher.drift(),
            calls: effort.calls,
            recalled: effort.recalled,
            elapsed: began.elapsed(),
            sinks: Vec::new(),
        };
        report.sinks = if published {
            let finished_at = jiff::Timestamp::from_microsecond((self.clock)());
            let outcome = SinkOutcome {
                complete,
                scopes: self.scopes,
                failed: self.failed,
                tables: report.tables.clone(),
                finished_at: finished_at.map(|time| time.to_string()).unwrap_or_default(),
            };
            self.publisher.finish(outcome).await?
        } else {
            self.publisher.abort().await
        };
        report.elapsed = began.elapsed();
        Ok(report)
    }

    /// Takes everything back, and adds what the sinks say if they are the reason.
    async fn give_up(self, error: Error) -> Error {
        let reports = self.publisher.abort().await;
        let mut failures = reports.into_iter().filter_map(|report| report.result.err());
        match failures.next() {
            Some(failure) if error.kind() == Kind::Sinks => error.with_source(failure),
            _ => error,
        }
    }
}
