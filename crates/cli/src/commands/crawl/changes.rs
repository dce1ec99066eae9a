//! Finds the rows of the table `changes` for a crawl that is about to be published.

use std::sync::Arc;

use anyhow::anyhow;
use fortilake_crawler::FindChanges;
use fortilake_sink::{self as sink, TableSpec};
use fortilake_state::State;

use crate::{
    config::SinkConfig,
    exit::{CommandError, Result},
};

/// What finds the changes since the snapshots of the first Parquet sink.
pub(super) fn finder(
    crawl: &sink::Crawl,
    tables: &[Arc<TableSpec>],
    sinks: &[SinkConfig],
    state: Option<&State>,
) -> Result<Box<dyn FindChanges>> {
    #[cfg(feature = "history")]
    return comparing::finder(crawl, tables, sinks, state);
    #[cfg(not(feature = "history"))]
    {
        let _ = (crawl, tables, sinks, state);
        let error = anyhow!("`changes` in `[history]` needs a build with the feature `history`");
        Err(CommandError::not_started(error))
    }
}

#[cfg(feature = "history")]
mod comparing {
    use std::{
        env,
        path::{Path, PathBuf},
    };

    use async_trait::async_trait;
    use fortilake_crawler::{Begun, ChangeRows, Since, changes_table};
    use fortilake_history::{Against, Pending, PendingChanges};

    use super::{
        Arc, CommandError, FindChanges, Result, SinkConfig, State, TableSpec, anyhow, sink,
    };

    /// Adapts [`Pending`] to the crawler, which does not know how snapshots are compared.
    struct Finder {
        pending: Pending,
        tables: Vec<Arc<TableSpec>>,
    }

    /// Compares the crawl with the snapshots of the first Parquet sink.
    pub(super) fn finder(
        crawl: &sink::Crawl,
        tables: &[Arc<TableSpec>],
        sinks: &[SinkConfig],
        state: Option<&State>,
    ) -> Result<Box<dyn FindChanges>> {
        let place = place(sinks)?;
        let folder = state.and_then(|state| state.path().parent().map(Path::to_owned));
        let scratch = folder.unwrap_or_else(env::temp_dir);
        Ok(Box::new(Finder {
            pending: Pending::new(&place, &scratch, crawl.clone(), &changes_table()),
            tables: tables.to_vec(),
        }))
    }

    /// The folder of the first Parquet sink.
    fn place(sinks: &[SinkConfig]) -> Result<PathBuf> {
        let parquet = sinks.iter().find(|sink| sink.spec.sink == "parquet");
        let place = parquet.and_then(|sink| sink.spec.options.get("path")?.as_str());
        let Some(place) = place else {
            let error = anyhow!(
                "`changes` in `[history]` needs a `parquet` sink, whose last snapshot each crawl is compared with"
            );
            return Err(
                CommandError::not_started(error).hint("add a `[[sink]]` with `type = \"parquet\"`")
            );
        };
        if let Some(scheme) = fortilake_snapshot::scheme(place) {
            let error = anyhow!(
                "`changes` in `[history]` needs snapshots in a local folder, but the first `parquet` sink publishes \
                 to `{scheme}://`"
            );
            return Err(CommandError::not_started(error)
                .hint("put a `parquet` sink with a local folder before it"));
        }
        Ok(place.into())
    }

    #[async_trait]
    impl FindChanges for Finder {
        async fn begin(&mut self, recorded: Option<Since>) -> sink::Result<Begun> {
            let recorded = recorded.map(|Since(name)| name);
            Ok(match self.pending.begin(recorded).await? {
                Against::Nothing => Begun::Known(ChangeRows::none()),
                Against::Published(changes) => Begun::Known(rows(changes)),
                Against::Snapshot(since) => Begun::Compare {
                    since,
                    rows: self.pending.rows(&self.tables).await?,
                },
            })
        }

        async fn end(&mut self) -> sink::Result<ChangeRows> {
            self.pending.end().await.map(rows)
        }
    }

    fn rows(changes: PendingChanges) -> ChangeRows {
        ChangeRows {
            since: changes.since.clone(),
            count: changes.count,
            read: Arc::new(move || changes.read()),
        }
    }
}
