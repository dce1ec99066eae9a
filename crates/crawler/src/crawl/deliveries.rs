//! The sinks of a crawl: those that are fed as scopes close, and those that are fed at the end.

use std::sync::Arc;

use fortilake_sink::{Delivery, Outcome, TableSpec};
use fortilake_state::Journal;

use super::stream::{self, Stream};
use crate::{
    Error, OpenSink, Publisher, SinkReport, changes::ChangeRows, collect::Collector, error::Kind,
    freeze::Frozen, publish::Models, stored_scope::Closed,
};

/// The sinks, split by when they receive rows.
pub(super) struct Deliveries {
    /// The names of all sinks, in the order in which they are reported.
    pub(super) names: Vec<String>,
    /// Sinks that receive everything at the end.
    pub(super) atomic: Publisher,
    /// Sinks that receive scopes as they close. `stream` takes them over when the crawl starts.
    at_once: Option<Publisher>,
    stream: Option<Stream>,
}

impl Deliveries {
    pub(super) fn new(
        crawl_id: &str,
        tables: &[Arc<TableSpec>],
        sinks: Vec<OpenSink>,
        models: &Models,
    ) -> Self {
        let names = sinks.iter().map(|sink| sink.name.clone()).collect();
        let (at_once, atomic): (Vec<_>, Vec<_>) = sinks
            .into_iter()
            .partition(|sink| sink.delivery == Delivery::AtLeastOnce);
        let publisher = |sinks| Publisher::of_models(crawl_id, tables, sinks, models.clone());
        let at_once = (!at_once.is_empty()).then(|| publisher(at_once));
        Self {
            names,
            atomic: publisher(atomic),
            at_once,
            stream: None,
        }
    }

    /// Starts the task that feeds the sinks that deliver at once.
    pub(super) fn stream(&mut self, collector: &mut Collector, journal: &Arc<dyn Journal>) {
        if let Some(publisher) = self.at_once.take() {
            let (stream, scopes) = Stream::start(publisher, journal.clone());
            collector.stream_to(scopes);
            self.stream = Some(stream);
        }
    }

    /// Resolves when all sinks have failed. While atomic sinks exist it never resolves, because
    /// those are written only at the end.
    pub(super) async fn all_failed(&self) -> Error {
        match &self.stream {
            Some(stream) if self.atomic.is_idle() => stream.failed().await,
            _ => std::future::pending().await,
        }
    }

    /// Sends the changes and the coverage, lets all sinks finish, and returns their reports in the order of
    /// `names`.
    pub(super) async fn finish(
        self,
        frozen: &Frozen,
        carried: &[Arc<Closed>],
        changes: Option<&ChangeRows>,
        outcome: Outcome,
    ) -> Vec<SinkReport> {
        let Self {
            names,
            atomic,
            stream,
            ..
        } = self;
        let rest = async {
            match stream {
                Some(stream) => {
                    let outcome = outcome.clone();
                    stream.finish(frozen, carried, changes, outcome).await
                }
                None => Vec::new(),
            }
        };
        let atomic = stream::finish(atomic, frozen, changes, outcome.clone());
        let (mut reports, further) = tokio::join!(atomic, rest);
        reports.extend(further);
        reports.sort_by_key(|report| names.iter().position(|name| *name == report.name));
        reports
    }

    /// Lets all sinks discard what they can.
    pub(super) async fn abort(self) -> Vec<SinkReport> {
        let mut reports = self.atomic.abort().await;
        if let Some(stream) = self.stream {
            reports.extend(stream.abort().await);
        }
        if let Some(publisher) = self.at_once {
            reports.extend(publisher.abort().await);
        }
        reports
    }

    /// Aborts all sinks and returns `error`, with the failure of a sink as its cause if it is about
    /// sinks.
    pub(super) async fn give_up(self, error: Error) -> Error {
        let reports = self.abort().await;
        let mut failures = reports.into_iter().filter_map(|report| report.result.err());
        match failures.next() {
            Some(failure) if error.kind() == Kind::Sinks => error.with_source(failure),
            _ => error,
        }
    }
}
