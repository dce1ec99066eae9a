//! The one transaction that makes a crawl visible.

use std::sync::Arc;

use fortilake_sink::{Context, Error, Kind, Outcome, Receipt, Result, Standing};

use crate::connection::{Connection, Connector};
use crate::merge::Merge;
use crate::snapshots::{Changes, Claim, Snapshots, scopes};
use crate::spool::SpooledTable;
use crate::tables::{Existing, TargetTable};
use crate::{access, history};

/// Where and how to publish.
pub(crate) struct Publisher {
    pub(crate) connector: Connector,
    pub(crate) schema: String,
    pub(crate) history: bool,
}

/// The rows that were delivered, and what the sink did to them.
pub(crate) struct Delivered {
    pub(crate) tables: Vec<SpooledTable>,
    /// Rows that the crawl delivered. The sink may have added rows to `issues`.
    pub(crate) rows: u64,
    /// Texts in which U+0000 was replaced.
    pub(crate) replaced: u64,
}

impl Publisher {
    /// Checks that a crawl could be published, in a transaction that is rolled back.
    pub(crate) async fn probe(&self) -> Result<()> {
        let connection = self.begin().await?;
        Snapshots::lock(&connection, &self.schema).await?;
        connection.roll_back().await
    }

    /// Claims a row for the crawl, so that its snapshot keeps its name.
    pub(crate) async fn claim(&self, context: &Context) -> Result<()> {
        let connection = self.begin().await?;
        let snapshots = Snapshots::lock(&connection, &self.schema).await?;
        snapshots.claim(&context.crawl).await?;
        connection.commit().await
    }

    async fn begin(&self) -> Result<Connection> {
        let connection = self.connector.begin().await?;
        access::check(&connection, self.connector.target(), &self.schema).await?;
        Ok(connection)
    }

    pub(crate) async fn publish(
        &self,
        context: &Context,
        outcome: &Outcome,
        delivered: Delivered,
    ) -> Result<Receipt> {
        let bytes = delivered.tables.iter().map(|table| table.bytes).sum();
        let copies = delivered.tables.iter().filter(|table| table.rows > 0);
        let files = copies.count() as u64;
        let rows = delivered.rows;
        let connection = self.begin().await?;
        let claim = self
            .change(&connection, context, outcome, delivered)
            .await?;
        if let Err(error) = connection.commit().await {
            self.resolve(context, &claim, error).await?;
        }
        Ok(Receipt {
            location: format!(
                "{}/{}, schema {}",
                self.connector.target().servers(),
                self.connector.target().database(),
                self.schema
            ),
            snapshot: Some(claim.name),
            standing: if claim.is_behind {
                Standing::Behind
            } else {
                Standing::Latest
            },
            rows,
            files,
            bytes,
        })
    }

    async fn change(
        &self,
        connection: &Connection,
        context: &Context,
        outcome: &Outcome,
        delivered: Delivered,
    ) -> Result<Claim> {
        let schema = &self.schema;
        let snapshots = Snapshots::lock(connection, schema).await?;
        let claim = snapshots.claim(&context.crawl).await?;
        let special = scopes::decide(connection, schema, &claim, outcome).await?;

        // Copying takes longest and touches no table that others see, so it comes before everything that locks.
        let targets: Vec<_> = delivered
            .tables
            .iter()
            .map(|table| TargetTable::new(schema, Arc::clone(&table.spec), table.types.clone()))
            .collect();
        let mut merges = Vec::with_capacity(targets.len());
        for (number, (target, rows)) in targets.iter().zip(delivered.tables).enumerate() {
            let merge = Merge::stage(connection, target, number, rows).await?;
            // Keys that differ only in U+0000 are the same now, and the sink's own issues may repeat those of the crawl.
            if delivered.replaced > 0 {
                merge.drop_repeated().await?;
            }
            merges.push(merge);
        }

        let existing = Existing::read(connection, schema).await?;
        let mut changes = Changes::default();
        for (target, merge) in targets.iter().zip(merges) {
            target.prepare(connection, &existing).await?;
            changes += merge.apply(special).await?;
        }
        // An older crawl changes only scopes that no newer one has read. The next crawl records these changes.
        if self.history && !claim.is_behind {
            let at = scopes::instant(outcome.finished_at);
            for target in targets.iter().filter(|target| !target.spec.key.is_empty()) {
                target.prepare_history(connection, &existing).await?;
                history::update(connection, target, &at).await?;
            }
        }
        scopes::record(connection, schema, &claim).await?;
        snapshots
            .complete(&claim, outcome, changes, delivered.replaced)
            .await?;
        Ok(claim)
    }

    /// Finds out whether a transaction was committed whose commit was not answered.
    ///
    /// The lock is held until that transaction has ended in one way or the other. If the crawl was published before, its
    /// row says nothing about this transaction, so the error stands and the delivery is repeated.
    async fn resolve(&self, context: &Context, before: &Claim, error: Error) -> Result<()> {
        if before.is_published {
            return Err(error);
        }
        let Ok(connection) = self.connector.begin().await else {
            return Err(error);
        };
        let snapshots = Snapshots::lock(&connection, &self.schema).await?;
        let claim = snapshots.claim(&context.crawl).await?;
        let is_published = claim.is_published;
        connection.roll_back().await?;
        if is_published {
            tracing::warn!("the commit was not confirmed, but the database has it");
            return Ok(());
        }
        Err(error)
    }
}

/// Refuses a crawl with failed scopes, if the caller asked for that.
///
/// By itself, the sink has no reason to: the rows of failed scopes stay in the database.
pub(crate) fn check_partial(context: &Context, outcome: &Outcome) -> Result<()> {
    let summary = outcome.summary();
    let failed = summary.scopes.failed;
    if context.partial != Some(fortilake_sink::Partial::Refuse) || failed == 0 {
        return Ok(());
    }
    let word = if failed == 1 { "scope" } else { "scopes" };
    let text = format!("{failed} {word} failed, and publishing a partial crawl is not allowed");
    Err(Error::new(Kind::Refused, text))
}
