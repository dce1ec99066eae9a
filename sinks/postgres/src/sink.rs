//! The sink itself: its registration, and what its calls do.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use fortilake_postgres::ServerAddress;
use fortilake_sink::issues::{Changed, ISSUES, issues};
use fortilake_sink::{
    Batch, Context, Delivery, Descriptor, Error, Kind, Options, Outcome, Receipt, Result,
    Selection, Sink, TableSpec, inventory,
};
use schemars::schema_for;

use crate::config::Config;
use crate::connection::{Connector, failed};
use crate::encode::storable;
use crate::publish::{Delivered, Publisher, check_partial};
use crate::spool::Spool;
use crate::tables::LONGEST_SUFFIX;
use crate::types;

/// Why a text is in the table `issues`.
const REASON: &str = "U+0000 was replaced by U+FFFD, because PostgreSQL cannot store it";

inventory::submit! {
    Descriptor {
        name: "postgres",
        summary: "Tables in a PostgreSQL database, all changed in one transaction when the crawl ends.",
        target: "schema",
        options: || schema_for!(Config),
        delivery: |_| Ok(Delivery::Atomic),
        open: |context, options| Box::pin(open(context, options)),
        probe: |options| Box::pin(probe(options)),
        // A dead process leaves nothing: the server has rolled back, and the temporary files had no names.
        recover: None,
        redeliver: None,
    }
}

async fn probe(options: Options) -> Result<()> {
    let config: Config = options.parse()?;
    if let Some(folder) = config.spool.clone() {
        blocking(move || Spool::probe(&folder)).await?;
    }
    publisher(&config).await?.probe().await
}

async fn open(context: Context, options: Options) -> Result<Box<dyn Sink>> {
    check_selection(&context.crawl.selection)?;
    let config: Config = options.parse()?;
    let folder = config.spool.clone().or_else(|| context.scratch.clone());
    let folder: PathBuf = folder.unwrap_or_else(tempfile::env::temp_dir);
    let typed = |spec: &Arc<TableSpec>| Ok((Arc::clone(spec), types::of(spec, LONGEST_SUFFIX)?));
    let tables: Result<Vec<_>> = context.tables.iter().map(typed).collect();
    let spool = Spool::new(folder.clone(), tables?);
    blocking(move || Spool::probe(&folder)).await?;
    let publisher = publisher(&config).await?;
    publisher.claim(&context).await?;
    Ok(Box::new(Postgres {
        context,
        publisher,
        spool: Some(spool),
        rows: 0,
        replaced: 0,
    }))
}

/// Refuses a crawl that is limited to some product models.
///
/// Such a crawl leaves rows out of scopes that are complete, and the tables would lose these rows.
fn check_selection(selection: &Selection) -> Result<()> {
    if selection.models.is_none() {
        return Ok(());
    }
    let text = "this crawl covers only a selection of product models, but the tables keep all products; publish the \
                selection with another sink";
    Err(Error::new(Kind::Refused, text))
}

async fn publisher(config: &Config) -> Result<Publisher> {
    config.check_schema()?;
    let timeouts = config.timeouts()?;
    let target = ServerAddress::parse(config.url.expose(), "`ca_cert`", timeouts.connect);
    let target = target.map_err(failed)?;
    Ok(Publisher {
        connector: Connector::new(target, config.ca_cert.as_deref(), timeouts).await?,
        schema: config.schema.clone(),
        history: config.history,
    })
}

struct Postgres {
    context: Context,
    publisher: Publisher,
    /// `None` while a blocking task uses it, and forever once a write has failed: a file may then end in the middle of
    /// a row.
    spool: Option<Spool>,
    /// The rows that were delivered, without those that the sink adds to `issues`.
    rows: u64,
    /// Texts in which U+0000 was replaced.
    replaced: u64,
}

#[async_trait]
impl Sink for Postgres {
    async fn write(&mut self, batch: &Batch) -> Result<()> {
        let mut spool = self.spool.take().ok_or_else(no_spool)?;
        let (batch, crawl) = (batch.clone(), self.context.crawl.clone());
        self.rows += batch.records.num_rows() as u64;
        let written = blocking(move || {
            let name = &batch.table.name;
            let replaced = spool.write(name, &batch.scope, &batch.records)?;
            let changed = Changed {
                cells: &replaced,
                reason: REASON,
                store: &storable,
            };
            if !replaced.is_empty()
                && name != ISSUES
                && let Some(spec) = spool.spec(ISSUES)
                && let Some(rows) = issues(&spec, &crawl, &batch, &changed)?
            {
                spool.write(ISSUES, &batch.scope, &rows)?;
            }
            Ok((spool, replaced.len() as u64))
        });
        let (spool, replaced) = written.await?;
        self.spool = Some(spool);
        self.replaced += replaced;
        Ok(())
    }

    async fn finish(mut self: Box<Self>, outcome: &Outcome) -> Result<Receipt> {
        check_partial(&self.context, outcome)?;
        let spool = self.spool.take().ok_or_else(no_spool)?;
        let tables = blocking(move || spool.finish()).await?;
        if self.replaced > 0 {
            tracing::warn!(
                texts = self.replaced,
                "replaced U+0000 with U+FFFD, because PostgreSQL cannot store it"
            );
        }
        let delivered = Delivered {
            tables,
            rows: self.rows,
            replaced: self.replaced,
        };
        self.publisher
            .publish(&self.context, outcome, delivered)
            .await
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        // The database has only the claim, which the crawl keeps, and the files have no names.
        Ok(())
    }
}

fn no_spool() -> Error {
    Error::new(Kind::Internal, "an earlier write failed")
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| {
        let text = "the task that writes temporary files failed";
        Err(Error::new(Kind::Internal, text).with_source(error))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_of_models_is_refused() {
        let mut selection = Selection {
            accounts: Some([7].into()),
            ..Selection::default()
        };
        assert!(check_selection(&selection).is_ok());
        selection.models = Some([("acme".to_owned(), ["FortiGate*".to_owned()].into())].into());
        let refused = check_selection(&selection).expect_err("it is refused");
        assert_eq!(refused.kind(), Kind::Refused);
    }
}
