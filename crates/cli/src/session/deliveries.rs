//! Records in the state which sinks a crawl was opened for and how each of them ended.
//!
//! The record is written before a sink writes anything. If the process dies, a later `fortilake
//! crawls` finds it and lets the sink finish or clean up.

use std::path;

use fortilake_crawler::{SinkReport, one_line, sink_store};
use fortilake_sink::{self as sink, Spec, registry};
use fortilake_snapshot::scheme;
use fortilake_state::{Crawl, CrawlJournal, State};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tracing::warn;

use super::Session;
use crate::{
    config::{Env, SinkConfig},
    exit::Result,
};

/// The option of file sinks that names the folder to publish into.
const PATH: &str = "path";

/// The record of one sink of a crawl.
///
/// It contains no secrets: options that are secrets are stored as references to where they are.
#[derive(Serialize, Deserialize)]
pub(crate) struct DeliveryRecord {
    /// The sink's name, such as `csv`.
    sink: String,
    /// Its options as configured; empty in records of older versions.
    #[serde(default)]
    options: Map<String, Value>,
    /// The folder that a file sink publishes into, as an absolute path; `None` for a URL.
    path: Option<String>,
    /// The result so far.
    pub(crate) state: DeliveryState,
    /// Why the sink failed; only in state [`DeliveryState::Failed`].
    pub(crate) error: Option<String>,
}

/// The result of one sink so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DeliveryState {
    /// The sink was opened. Either its process is still running, or it died.
    Open,
    /// The sink has published the snapshot.
    Published,
    /// The sink returned an error.
    Failed,
    /// The process died, and the sink has since finished or removed what it had begun.
    Recovered,
}

impl DeliveryState {
    /// The word for it in `fortilake crawls show`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Published => "published",
            Self::Failed => "failed",
            Self::Recovered => "interrupted",
        }
    }
}

impl Session {
    /// Records the sinks before anything is written to them.
    pub(crate) fn begin_deliveries(&self, sinks: &[SinkConfig]) -> Result<()> {
        for SinkConfig { label, spec } in sinks {
            let target = registry::find(&spec.sink)?.target;
            let folder = spec.options.get(PATH).filter(|_| target == PATH);
            let folder = folder
                .and_then(Value::as_str)
                .filter(|folder| *folder != "-");
            // The command that cleans up later may run in another working directory.
            let path = folder.filter(|path| scheme(path).is_none());
            let path = path.and_then(|path| {
                let path = path::absolute(path).ok()?;
                path.to_str().map(str::to_owned)
            });
            let delivery = DeliveryRecord {
                sink: spec.sink.clone(),
                options: spec.written_options()?,
                path,
                state: DeliveryState::Open,
                error: None,
            };
            self.set_delivery(label, &delivery)?;
        }
        Ok(())
    }

    /// Records how the sinks ended.
    pub(crate) fn end_deliveries(&self, reports: &[SinkReport]) -> Result<()> {
        let Some(stored) = &self.stored else {
            return Ok(());
        };
        for (label, mut delivery) in read(stored.deliveries()?) {
            let Some(report) = reports.iter().find(|report| report.name == label) else {
                continue;
            };
            let error = report.result.as_ref().err();
            delivery.error = error.map(|error| one_line(error));
            delivery.state = match error {
                Some(_) => DeliveryState::Failed,
                None => DeliveryState::Published,
            };
            self.set_delivery(&label, &delivery)?;
        }
        Ok(())
    }

    fn set_delivery(&self, label: &str, delivery: &DeliveryRecord) -> Result<()> {
        match &self.stored {
            Some(stored) => put(stored, label, delivery),
            None => Ok(()),
        }
    }
}

/// The recorded sinks of a stored crawl, by label.
pub(crate) fn of(state: &State, crawl: &Crawl) -> Result<Vec<(String, DeliveryRecord)>> {
    Ok(read(state.deliveries(crawl)?))
}

/// Lets sinks finish or undo the publications that dead processes have left behind.
///
/// Only the sink knows which of the two is right, so this only finds the cases and calls it.
pub(crate) async fn recover(state: &State, env: &Env) -> Result<()> {
    for crawl in state.crawls()? {
        let open = of(state, &crawl)?
            .into_iter()
            .filter(|(_, delivery)| delivery.state == DeliveryState::Open)
            .collect::<Vec<_>>();
        if open.is_empty() {
            continue;
        }
        // If another process holds the crawl, it is still publishing. Leave it alone.
        let Ok(journal) = state.take_up(&crawl.id) else {
            continue;
        };
        for (label, mut delivery) in open {
            match end_leftovers(state, env, &delivery).await {
                Ok(()) => {
                    delivery.state = DeliveryState::Recovered;
                    put(&journal, &label, &delivery)?;
                }
                Err(error) => {
                    warn!(
                        sink = label,
                        error = one_line(&error),
                        "the sink could not clean up after an interrupted run"
                    );
                }
            }
        }
    }
    Ok(())
}

async fn end_leftovers(state: &State, env: &Env, delivery: &DeliveryRecord) -> sink::Result<()> {
    let Some(recover) = registry::find(&delivery.sink)?.recover else {
        return Ok(());
    };
    // If the folder was deleted, there is nothing to clean up, and it must not be created again.
    let is_gone = |path: &String| !path::Path::new(path).is_dir();
    if delivery.path.as_ref().is_some_and(is_gone) {
        return Ok(());
    }
    let mut options = delivery.options.clone();
    if let Some(path) = &delivery.path {
        options.insert(PATH.to_owned(), Value::String(path.clone()));
    }
    let spec = Spec {
        sink: delivery.sink.clone(),
        options,
    };
    let options = env.resolve(&spec).await?;
    recover(options, sink_store(state, &spec)?).await
}

fn put(journal: &CrawlJournal, label: &str, delivery: &DeliveryRecord) -> Result<()> {
    let text = serde_json::to_string(delivery).unwrap_or_default();
    journal.set_delivery(label, &text)?;
    Ok(())
}

/// Parses the records; those that another version wrote in another form are skipped.
fn read(kept: Vec<(String, String)>) -> Vec<(String, DeliveryRecord)> {
    kept.into_iter()
        .filter_map(|(label, text)| Some((label, serde_json::from_str(&text).ok()?)))
        .collect()
}
