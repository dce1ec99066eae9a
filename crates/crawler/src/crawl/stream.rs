//! Feeds the sinks that deliver at once as scopes close, in a separate task.
//!
//! A slow receiver does not delay calls: scopes wait in an unbounded channel, and their pages in
//! the journal.

use std::sync::Arc;

use fortilake_sink::Outcome;
use fortilake_state::Journal;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use crate::{
    Error, Publisher, Result, SinkReport, changes::ChangeRows, deliver::deliver, error::Kind,
    freeze::Frozen, journal::flush, stored_scope::Closed,
};

/// The task that feeds the sinks that deliver at once.
pub(crate) struct Stream {
    scopes: Option<mpsc::UnboundedSender<Arc<Closed>>>,
    /// Set to true when all sinks of the task have failed.
    failed: watch::Receiver<bool>,
    /// Set to true to stop delivering.
    stop: watch::Sender<bool>,
    task: JoinHandle<(Publisher, Result<()>)>,
}

impl Stream {
    /// Starts the task, and returns the channel that scopes are sent to.
    pub(crate) fn start(
        publisher: Publisher,
        journal: Arc<dyn Journal>,
    ) -> (Self, mpsc::UnboundedSender<Arc<Closed>>) {
        let (scopes, receiver) = mpsc::unbounded_channel();
        let (fail, failed) = watch::channel(false);
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(async move {
            let mut publisher = publisher;
            let result = feed(&mut publisher, &journal, receiver, stopped).await;
            fail.send_replace(result.is_err());
            (publisher, result)
        });
        let stream = Self {
            scopes: Some(scopes.clone()),
            failed,
            stop,
            task,
        };
        (stream, scopes)
    }

    /// Resolves when all sinks of the task have failed.
    pub(crate) async fn failed(&self) -> Error {
        let mut failed = self.failed.clone();
        if failed.wait_for(|failed| *failed).await.is_err() {
            return std::future::pending().await;
        }
        Error::new(Kind::Sinks, "every sink failed")
    }

    /// Delivers the remaining scopes, the carried ones, the changes and the coverage, and lets the
    /// sinks finish.
    pub(crate) async fn finish(
        mut self,
        frozen: &Frozen,
        carried: &[Arc<Closed>],
        changes: Option<&ChangeRows>,
        outcome: Outcome,
    ) -> Vec<SinkReport> {
        if let Some(scopes) = self.scopes.take() {
            for closed in carried {
                // Sending fails if all of these sinks have failed, which is reported below.
                let _ = scopes.send(closed.clone());
            }
        }
        match self.task.await {
            Ok((publisher, Ok(()))) => finish(publisher, frozen, changes, outcome).await,
            Ok((publisher, Err(error))) => {
                let mut reports = publisher.abort().await;
                if error.kind() != Kind::Sinks {
                    tracing::error!(
                        error = crate::one_line(&error),
                        "rows could not be delivered"
                    );
                    reports.push(not_delivered(&error));
                }
                reports
            }
            Err(error) => vec![not_delivered(&error)],
        }
    }

    /// Stops delivering, and lets the sinks discard what they can.
    pub(crate) async fn abort(mut self) -> Vec<SinkReport> {
        self.scopes = None;
        self.stop.send_replace(true);
        match self.task.await {
            Ok((publisher, _)) => publisher.abort().await,
            Err(error) => vec![not_delivered(&error)],
        }
    }
}

/// Feeds the sinks until the channel closes or `stop` is set.
async fn feed(
    publisher: &mut Publisher,
    journal: &Arc<dyn Journal>,
    mut scopes: mpsc::UnboundedReceiver<Arc<Closed>>,
    mut stop: watch::Receiver<bool>,
) -> Result<()> {
    let work = async {
        while let Some(first) = scopes.recv().await {
            let mut ready = vec![first];
            while let Ok(next) = scopes.try_recv() {
                ready.push(next);
            }
            // A receiver must never hold rows whose pages a power failure can still remove from the
            // journal: after a restart, the pages would be requested again and might then contain
            // other rows under the same batch ids. Flushing once for all scopes that are ready
            // keeps the cost low.
            flush(journal).await?;
            for closed in ready {
                deliver(publisher, journal, &closed).await?;
            }
        }
        Ok(())
    };
    tokio::select! {
        result = work => result,
        // If the sender is gone, the whole crawl was dropped, so this task ends too.
        _ = stop.wait_for(|stop| *stop) => Ok(()),
    }
}

/// Sends the changes and the coverage to the sinks of a publisher, and lets them finish.
pub(super) async fn finish(
    mut publisher: Publisher,
    frozen: &Frozen,
    changes: Option<&ChangeRows>,
    outcome: Outcome,
) -> Vec<SinkReport> {
    // An error here means that all sinks failed, and their reports say so, or that rows are missing, which
    // every sink notices by the counts of the outcome.
    let _ = publisher.report(changes, frozen.coverage()).await;
    publisher.finish(outcome).await
}

fn not_delivered(error: &dyn std::error::Error) -> SinkReport {
    let message = format!("rows could not be delivered: {}", crate::one_line(error));
    SinkReport {
        name: "delivery".to_owned(),
        result: Err(fortilake_sink::Error::new(
            fortilake_sink::Kind::Internal,
            message,
        )),
    }
}
