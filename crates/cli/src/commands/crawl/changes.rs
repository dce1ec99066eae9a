//! Finds the rows of the table `changes` for a crawl that is about to be published.

use std::sync::Arc;

use anyhow::anyhow;
use fortilake_crawler::FindChanges;
use fortilake_sink::{self as sink, TableSpec};
use fortilake_state::State;

use crate::{
    config::{Env, SinkConfig},
    exit::{CommandError, Result},
};

/// What finds the changes since the snapshots of the first Parquet sink.
pub(super) fn finder(
    crawl: &sink::Crawl,
    tables: &[Arc<TableSpec>],
    sinks: &[SinkConfig],
    env: &Env,
    state: Option<&State>,
) -> Result<Box<dyn FindChanges>> {
    #[cfg(feature = "history")]
    return comparing::finder(crawl, tables, sinks, env, state);
    #[cfg(not(feature = "history"))]
    {
        let _ = (crawl, tables, sinks, env, state);
        let error = anyhow!("`changes` in `[history]` needs a build with the feature `history`");
        Err(CommandError::not_started(error))
    }
}

#[cfg(feature = "history")]
mod comparing {
    use std::path::{Path, PathBuf};

    use async_trait::async_trait;
    use fortilake_crawler::{Begun, ChangeRows, Since, changes_table};
    use fortilake_history::{Against, History, Pending, PendingChanges};
    use fortilake_snapshot::Reader;
    use tokio::runtime::Handle;

    use super::{
        Arc, CommandError, Env, FindChanges, Result, SinkConfig, State, TableSpec, anyhow, sink,
    };
    use crate::commands::place;

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
        env: &Env,
        state: Option<&State>,
    ) -> Result<Box<dyn FindChanges>> {
        let folder = state.and_then(|state| state.path()?.parent().map(Path::to_owned));
        let scratch = folder.unwrap_or_else(std::env::temp_dir);
        let history = history(sinks, env, &scratch)?;
        Ok(Box::new(Finder {
            pending: Pending::new(history, crawl.clone(), &changes_table()),
            tables: tables.to_vec(),
        }))
    }

    /// The snapshots in the place of the first Parquet sink.
    fn history(sinks: &[SinkConfig], env: &Env, scratch: &Path) -> Result<History> {
        let parquet = sinks.iter().find(|sink| sink.spec.sink == "parquet");
        let options = parquet.map(|sink| &sink.spec.options);
        let path = options.and_then(|options| options.get("path")?.as_str());
        let Some((options, path)) = options.zip(path) else {
            let error = anyhow!(
                "`changes` in `[history]` needs a `parquet` sink, because each crawl is compared with a \
                 snapshot that this sink published"
            );
            return Err(
                CommandError::not_started(error).hint("add a `[[sink]]` with `type = \"parquet\"`")
            );
        };
        let path = PathBuf::from(path);
        let Some(url) = place::url(&path) else {
            return Ok(History::local(&path, scratch));
        };
        let reader = Reader::open(url, &env.bucket(options.clone())?)?;
        Ok(History::remote(reader, scratch, Handle::current()))
    }

    #[async_trait]
    impl FindChanges for Finder {
        async fn begin(&mut self, recorded: Option<Since>) -> sink::Result<Begun> {
            let recorded = recorded.map(|Since(name)| name);
            Ok(match self.pending.begin(recorded).await? {
                Against::Nothing => Begun::Known(ChangeRows::none()),
                Against::Published(changes) => Begun::Known(rows(changes)),
                Against::Snapshot { crawl_id } => Begun::Compare {
                    since: crawl_id,
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
