//! One crawl: reads all sources concurrently, journals their pages, and passes closed scopes to the
//! sinks.

mod changed;
mod deliveries;
mod stream;

use std::{convert::Infallible, pin::Pin, sync::Arc, time::Instant};

use fortilake_auth::Clock;
use fortilake_client::Client;
use fortilake_sink::{self as sink, Outcome as SinkOutcome, TableSpec};
use fortilake_state::Journal;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};
use tracing::Instrument as _;

use self::{changed::Changed, deliveries::Deliveries};
use crate::{
    Carry, Error, Guard, Names, Observer, OpenSink, Report, Result, Scope, Settings,
    changes::{ChangeRows, FindChanges},
    collect::{Collected, Collector},
    deliver::deliver,
    due::DueBySource,
    error::Kind,
    freeze::Requested,
    journal::{flush, watched, with_journal},
    publish::Models,
    read::{ReadStats, Reader, ReusablePages, Users},
    refresh, span,
};

/// One source to crawl.
pub struct Source {
    /// What to read.
    pub settings: Settings,
    /// The connections to the source: one for each API user, who must all see the same. Without any,
    /// only pages that the journal already has are read.
    pub clients: Vec<Arc<Client>>,
    /// The highest number of calls in flight for each user; 0 is treated as 1.
    pub concurrency: usize,
    /// Product details from earlier crawls that may be used again, if that is configured.
    pub older: Option<ReusablePages>,
}

/// A crawl that is ready to run.
pub struct Crawl {
    /// The identity of the crawl that the sinks were opened with.
    pub identity: sink::Crawl,
    /// The sources; scopes are handed over in this order.
    pub sources: Vec<Source>,
    /// The tables to publish.
    pub tables: Vec<Arc<TableSpec>>,
    /// The sinks, each opened for the same `tables`.
    pub sinks: Vec<OpenSink>,
    /// What to do with a crawl in which scopes failed.
    pub incomplete: Incomplete,
    /// Publishes the rows of earlier crawls in place of scopes that cannot be read; `None` publishes
    /// only what this crawl reads.
    pub carry: Option<Carry>,
    /// Compares the crawl with earlier ones before it is published; `None` publishes without
    /// comparing.
    pub guard: Option<Guard>,
    /// Finds the rows of the table `changes`, which must be among `tables`; `None` for a crawl without
    /// it.
    pub changes: Option<Box<dyn FindChanges>>,
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
    pub fn run(self) -> Pin<Box<dyn Future<Output = Result<Report>> + Send>> {
        // Boxed so that it is compiled here, and not in every crate that runs a crawl.
        Box::pin(async move {
            let (journal, unused) = watched(self.journal);
            let crawl = Self { journal, ..self };
            let report = crawl.read_and_publish().await;
            unused.await;
            report
        })
    }

    async fn read_and_publish(self) -> Result<Report> {
        let began = Instant::now();
        // Set to true when the caller stops the crawl or when any part of it cannot continue.
        let (halt, halted) = watch::channel(false);
        let limited = self
            .sources
            .iter()
            .map(|Source { settings, .. }| (settings.source.clone(), settings.models.clone()));
        let models = Models::new(limited);
        let mut delivery = Deliveries::new(&self.identity.id, &self.tables, self.sinks, &models);
        let collector = Collector::open(
            &self.identity,
            &self.tables,
            models.clone(),
            self.journal.clone(),
            self.clock.clone(),
            self.observer.clone(),
        );
        let mut collector = match collector.await {
            Ok(collector) => collector,
            Err(error) => return Err(delivery.give_up(error).await),
        };
        let reading = ReadContext {
            // After the results are frozen, this crawl makes no more calls; trying again means a
            // new crawl.
            may_call: !collector.is_frozen(),
            journal: self.journal.clone(),
            clock: self.clock,
            observer: self.observer,
            stop: halted,
        };
        tracing::info!(
            crawl = self.identity.id,
            sources = self.sources.len(),
            "reading"
        );
        collector.requests(requested(&self.sources));
        let due = match reading.due(self.carry.as_ref(), &self.sources).await {
            Ok(due) => due,
            Err(error) => return Err(delivery.give_up(error).await),
        };
        let (mut readers, feeds) = reading.start(self.sources, due);
        delivery.stream(&mut collector, &self.journal);
        let stopping = self.stop.clone();
        let collected = async {
            for (source, mut scopes) in feeds {
                while let Some(scope) = scopes.recv().await {
                    // Reading may have ended long before this loop does, so a stop has to be
                    // checked here too.
                    go_on(&stopping)?;
                    collector.take(&source, scope).await?;
                }
            }
            go_on(&stopping)
        };
        let read = read_all(&mut readers);
        // An error in any part ends the whole crawl, whichever source is being collected.
        let work = async { tokio::try_join!(collected, read).map(|((), effort)| effort) };
        let mut stop = self.stop.clone();
        let forward = async {
            if stop.wait_for(|stop| *stop).await.is_ok() {
                halt.send_replace(true);
            }
            std::future::pending::<Infallible>().await
        };
        let result = tokio::select! {
            result = work => result,
            never = forward => match never {},
            error = delivery.all_failed() => Err(error),
        };
        halt.send_replace(true);
        // Calls in flight already count against the limits, so wait for their responses and journal
        // them.
        while readers.join_next().await.is_some() {}
        let flushed = flush(&self.journal).await;
        let everything = self.identity.selection.is_everything();
        let ended = match result.and_then(|effort| flushed.map(|()| effort)) {
            Ok(effort) => Box::pin(effort.collected(collector, self.carry, everything)).await,
            Err(error) => Err(error),
        };
        if let Ok((effort, collected)) = &ended {
            log_end(effort, collected);
        }
        let (effort, collected) = match ended {
            Ok(ended) => ended,
            Err(error) => return Err(delivery.give_up(error).await),
        };
        let end = End {
            identity: &self.identity,
            models: &models,
            changes: self.changes,
            tables: &self.tables,
            incomplete: self.incomplete,
            guard: self.guard,
            journal: &self.journal,
            stop: &self.stop,
        };
        let mut report = Box::pin(end.publish(collected, delivery)).await?;
        report.calls = effort.calls;
        report.recalled = effort.recalled;
        report.elapsed = began.elapsed();
        Ok(report)
    }
}

/// The pairs of source and endpoint that these sources ask for.
fn requested(sources: &[Source]) -> Requested {
    let pairs = sources.iter().flat_map(|Source { settings, .. }| {
        let endpoints = settings.endpoints().into_iter();
        endpoints.map(|endpoint| (settings.source.clone(), endpoint))
    });
    pairs.collect()
}

/// Logs that reading has ended. The results are frozen: from here on, no call is made.
fn log_end(effort: &ReadStats, collected: &Collected) {
    let scopes = collected.frozen.scopes.iter();
    let failed = scopes.filter(|scope| scope.error.is_some()).count();
    let complete = collected.frozen.scopes.len() - failed;
    let carried = collected.carried.len();
    tracing::info!(
        calls = effort.calls,
        complete,
        failed,
        carried,
        "reading has ended"
    );
}

impl ReadStats {
    /// Ends the collection of what was read.
    async fn collected(
        self,
        collector: Collector,
        carry: Option<Carry>,
        everything: bool,
    ) -> Result<(Self, Collected)> {
        // Scopes such as the units of a local user close without a page, so closed scopes alone do
        // not prove that anything was read. Neither do pages of which no scope could use any.
        let read_nothing = self.pages == 0 || !collector.has_complete_scope();
        if let Some((source, error)) = collector.first_failure().filter(|_| read_nothing) {
            let message = format!("nothing could be read from source `{source}`");
            return Err(Error::new(Kind::Unreadable, message).with_source(error.to_owned()));
        }
        Ok((self, collector.end(carry, everything).await?))
    }
}

/// What the readers of all sources share.
struct ReadContext {
    may_call: bool,
    journal: Arc<dyn Journal>,
    clock: Clock,
    observer: Observer,
    stop: watch::Receiver<bool>,
}

/// The tasks that read the sources.
type Readers = JoinSet<Result<ReadStats>>;

/// The name of a source, and the channel that its scopes arrive on as they close.
type Feed = (Arc<str>, mpsc::UnboundedReceiver<Scope>);

impl ReadContext {
    /// The accounts that are due, by source.
    async fn due(&self, carry: Option<&Carry>, sources: &[Source]) -> Result<DueBySource> {
        let sources = sources.iter().map(|source| &source.settings.source);
        let (carry, sources) = (carry.cloned(), sources.cloned().collect::<Vec<_>>());
        let now = (self.clock)();
        with_journal(&self.journal, move |journal| {
            let due = refresh::due(&**journal, carry.as_ref(), &sources, now)?;
            Ok(due.unwrap_or_default())
        })
        .await
    }

    /// Starts a task for each source.
    fn start(&self, sources: Vec<Source>, mut due: DueBySource) -> (Readers, Vec<Feed>) {
        let mut readers = JoinSet::new();
        let mut feeds = Vec::new();
        let alone = sources.len() == 1;
        for source in sources {
            let clients = source.clients.into_iter().filter(|_| self.may_call);
            let users = Users::new(clients);
            let span = span::source(&source.settings);
            let (sender, scopes) = mpsc::unbounded_channel();
            feeds.push((source.settings.source.clone(), scopes));
            let reader = Reader {
                names: match source.settings.details {
                    None => Names::Unwanted,
                    Some(_) => Names::Wanted,
                },
                plan: {
                    let due = due.remove(&*source.settings.source);
                    let system = source.settings.system.definition();
                    system.planner(source.settings, due)
                },
                concurrency: source.concurrency.max(1) * users.len().max(1),
                users,
                older: source.older,
                alone,
                journal: self.journal.clone(),
                clock: self.clock.clone(),
                observer: self.observer.clone(),
                scopes: sender,
                stop: self.stop.clone(),
                span: span.clone(),
            };
            let read = async {
                let result = reader.run().await;
                let span = tracing::Span::current();
                match &result {
                    Ok(stats) => span::read(&span, stats.calls, stats.recalled),
                    Err(error) => span::fail(&span, error),
                }
                result
            };
            readers.spawn(read.instrument(span));
        }
        (readers, feeds)
    }
}

/// Waits for all readers.
async fn read_all(readers: &mut Readers) -> Result<ReadStats> {
    let mut effort = ReadStats::default();
    let mut paused = None;
    while let Some(reader) = readers.join_next().await {
        let ended = reader.map_err(|error| {
            Error::new(Kind::Unforeseen, "the task that reads a source panicked").with_source(error)
        })?;
        match ended {
            Ok(one) => effort.add(one),
            // Other sources have their own limits, so they are read to their ends.
            Err(error) if error.kind() == Kind::Paused => {
                paused.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    paused.map_or(Ok(effort), Err)
}

/// Returns an error once the caller has stopped the crawl.
fn go_on(stop: &watch::Receiver<bool>) -> Result<()> {
    if *stop.borrow() {
        return Err(Error::new(Kind::Interrupted, "interrupted"));
    }
    Ok(())
}

/// The last part of a crawl: everything is read, the results are frozen, and the rows are
/// published.
struct End<'a> {
    identity: &'a sink::Crawl,
    models: &'a Models,
    changes: Option<Box<dyn FindChanges>>,
    tables: &'a [Arc<TableSpec>],
    incomplete: Incomplete,
    guard: Option<Guard>,
    journal: &'a Arc<dyn Journal>,
    stop: &'a watch::Receiver<bool>,
}

impl End<'_> {
    async fn publish(mut self, collected: Collected, mut delivery: Deliveries) -> Result<Report> {
        let names = self.tables.iter().map(|table| table.name.as_str());
        let mut outcome = collected.frozen.outcome(&self.identity.selection, names);
        let guard = self.guard.as_ref();
        let shrunk = guard.map_or_else(Vec::new, |guard| guard.look(&outcome));
        let refused = !outcome.complete && self.incomplete == Incomplete::Discard;
        if refused || !shrunk.is_empty() {
            let mut report = Report::new(&collected.frozen, &outcome, self.tables);
            report.shrunk = shrunk;
            report.sinks = delivery.abort().await;
            return Ok(report);
        }
        let changes = match self.find_changes(&collected, &outcome).await {
            Ok(changes) => changes,
            Err(error) => return Err(delivery.give_up(error).await),
        };
        if let Some(changes) = &changes {
            changes.add_to(&mut outcome);
        }
        let Collected {
            frozen,
            closed,
            carried,
        } = collected;
        let mut report = Report::new(&frozen, &outcome, self.tables);
        report.published = true;
        tracing::info!(sinks = delivery.names.len(), "publishing");
        if !delivery.atomic.is_idle() {
            for closed in closed.iter().chain(&carried) {
                if let Err(error) = go_on(self.stop) {
                    return Err(delivery.give_up(error).await);
                }
                match deliver(&mut delivery.atomic, self.journal, closed).await {
                    Ok(()) => {}
                    // All sinks failed; their reports say why.
                    Err(error) if error.kind() == Kind::Sinks => break,
                    Err(error) => return Err(delivery.give_up(error).await),
                }
            }
        }
        report.sinks = delivery
            .finish(&frozen, &carried, changes.as_ref(), outcome)
            .await;
        let failed = report.sinks.iter().filter(|sink| sink.result.is_err());
        tracing::info!(failed_sinks = failed.count(), "publishing has ended");
        Ok(report)
    }

    async fn find_changes(
        &mut self,
        collected: &Collected,
        outcome: &SinkOutcome,
    ) -> Result<Option<ChangeRows>> {
        let Some(mut finder) = self.changes.take() else {
            return Ok(None);
        };
        tracing::info!("finding changes");
        let changed = Changed {
            crawl_id: &self.identity.id,
            tables: self.tables,
            models: self.models,
            collected,
            outcome,
            journal: self.journal,
            stop: self.stop,
        };
        changed.find(&mut *finder).await.map(Some)
    }
}
