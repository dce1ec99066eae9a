//! Finds out what changed since the snapshot before, once the results of a crawl are frozen.

use std::sync::Arc;

use fortilake_sink::{self as sink, Delivery, Outcome, Sink, TableSpec};
use fortilake_state::Journal;
use tokio::sync::watch;

use super::go_on;
use crate::{
    Error, OpenSink, Publisher, Result,
    changes::{Begun, ChangeRows, FindChanges, Since, TABLE},
    collect::Collected,
    deliver::deliver,
    error::Kind,
    notes,
    publish::Models,
};

/// A crawl whose results are frozen, for which changes are found.
pub(crate) struct Changed<'a> {
    pub(crate) crawl_id: &'a str,
    pub(crate) tables: &'a [Arc<TableSpec>],
    pub(crate) models: &'a Models,
    pub(crate) collected: &'a Collected,
    pub(crate) outcome: &'a Outcome,
    pub(crate) journal: &'a Arc<dyn Journal>,
    pub(crate) stop: &'a watch::Receiver<bool>,
}

impl Changed<'_> {
    /// Finds the changes, and records which snapshot they refer to.
    pub(crate) async fn find(&self, finder: &mut dyn FindChanges) -> Result<ChangeRows> {
        let recorded = notes::changes_since(&**self.journal)?;
        let is_recorded = recorded.is_some();
        let begun = finder.begin(recorded).await.map_err(failed)?;
        if !is_recorded {
            let since = match &begun {
                Begun::Known(rows) => rows.since.clone(),
                Begun::Compare { since, .. } => Some(since.clone()),
            };
            // Durable before any sink sees a change: another process would otherwise compare with a later snapshot.
            notes::record_changes_since(&**self.journal, &Since(since))?;
        }
        match begun {
            Begun::Known(rows) => Ok(rows),
            Begun::Compare { rows, .. } => {
                self.write(rows).await?;
                finder.end().await.map_err(failed)
            }
        }
    }

    /// Writes all rows of the crawl to a sink.
    async fn write(&self, sink: Box<dyn Sink>) -> Result<()> {
        let tables = self.tables.iter().filter(|table| table.name != TABLE);
        let tables: Vec<_> = tables.cloned().collect();
        let sink = OpenSink {
            name: TABLE.to_owned(),
            delivery: Delivery::Atomic,
            sink,
        };
        let models = self.models.clone();
        let mut publisher = Publisher::of_models(self.crawl_id, &tables, vec![sink], models);
        if let Err(error) = self.write_scopes(&mut publisher).await {
            let reports = publisher.abort().await;
            let cause = reports.into_iter().find_map(|report| report.result.err());
            return Err(cause.map_or(error, failed));
        }
        let reports = publisher.finish(self.outcome.clone()).await;
        for report in reports {
            report.result.map_err(failed)?;
        }
        Ok(())
    }

    async fn write_scopes(&self, publisher: &mut Publisher) -> Result<()> {
        let Collected {
            closed, carried, ..
        } = self.collected;
        for closed in closed.iter().chain(carried) {
            go_on(self.stop)?;
            deliver(publisher, self.journal, closed).await?;
        }
        publisher
            .report(None, self.collected.frozen.coverage())
            .await
    }
}

fn failed(error: sink::Error) -> Error {
    let text = "cannot compare the crawl with an earlier snapshot";
    Error::new(Kind::Sinks, text).with_source(error)
}
