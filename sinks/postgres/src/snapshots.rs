//! The table `fortilake_snapshots`: one row per crawl, claimed when the sink opens and completed when it publishes.

pub(crate) mod scopes;
mod tables;

use std::collections::BTreeSet;
use std::ops::AddAssign;

use fortilake_postgres as sql;
use fortilake_sink::{Crawl, Outcome, Result, Summary, choose_name};

use crate::connection::Connection;
use crate::encode::storable;

/// How many rows were changed in the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    pub(crate) inserted: u64,
    pub(crate) updated: u64,
    pub(crate) deleted: u64,
}

impl AddAssign for Changes {
    fn add_assign(&mut self, other: Self) {
        self.inserted += other.inserted;
        self.updated += other.updated;
        self.deleted += other.deleted;
    }
}

/// The table's name.
pub(crate) const TABLE: &str = "fortilake_snapshots";

/// The table of a schema, while the transaction holds the lock that makes the writers of the schema take turns.
pub(crate) struct Snapshots<'a> {
    connection: &'a Connection,
    /// The table's full name as SQL.
    table: String,
}

/// The row of a crawl.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// The snapshot's name.
    pub(crate) name: String,
    pub(crate) is_published: bool,
    /// Whether a newer snapshot is published.
    pub(crate) is_behind: bool,
}

impl<'a> Snapshots<'a> {
    /// Waits until no other transaction writes to the schema, and creates or upgrades the sink's own tables.
    pub(crate) async fn lock(connection: &'a Connection, schema: &str) -> Result<Self> {
        let lock = format!(
            "SELECT pg_advisory_xact_lock(hashtextextended({}, 0))",
            sql::literal(&format!("fortilake {schema}"))
        );
        connection
            .run(&format!("lock the schema `{schema}`"), &lock)
            .await?;
        let table = format!("{}.{}", sql::name(schema), sql::name(TABLE));
        tables::prepare(connection, schema).await?;
        Ok(Self { connection, table })
    }

    /// The name of the crawl's snapshot, which it keeps in every delivery.
    pub(crate) async fn claim(&self, crawl: &Crawl) -> Result<Claim> {
        let list = format!(
            "SELECT name, crawl_id, published_at IS NOT NULL FROM {}",
            self.table
        );
        let rows = self
            .connection
            .query(&format!("read the table `{TABLE}`"), &list)
            .await?;
        let cell = |row: &tokio_postgres::SimpleQueryRow, index| {
            row.get(index).unwrap_or_default().to_owned()
        };
        let id = storable(&crawl.id);
        let mine = rows.iter().find(|row| row.get(1) == Some(&id));
        let there: BTreeSet<_> = rows.iter().map(|row| cell(row, 0)).collect();
        let mine_name = mine.map(|row| cell(row, 0));
        let name = choose_name(crawl, mine_name.as_deref(), &there);
        let is_published = mine.is_some_and(|row| row.get(2) == Some("t"));
        let mut published = rows.iter().filter(|row| row.get(2) == Some("t"));
        let is_behind = published.any(|row| cell(row, 0) > name);
        if mine.is_none() {
            let insert = format!(
                "INSERT INTO {} (name, crawl_id, started_at, generator) VALUES ({}, {}, {}, {})",
                self.table,
                sql::literal(&name),
                sql::literal(&id),
                sql::literal(&crawl.started_at),
                sql::literal(&crawl.generator),
            );
            self.connection
                .run(&format!("claim a row in the table `{TABLE}`"), &insert)
                .await?;
        }
        Ok(Claim {
            name,
            is_published,
            is_behind,
        })
    }

    /// Completes the crawl's row. A row that is complete already describes the first publication and stays.
    pub(crate) async fn complete(
        &self,
        claim: &Claim,
        outcome: &Outcome,
        changes: Changes,
        replaced: u64,
    ) -> Result<()> {
        let summary = serde_json::to_string(&without_nul(outcome.summary())).map_err(|error| {
            let text = "cannot write the summary as JSON";
            fortilake_sink::Error::new(fortilake_sink::Kind::Internal, text).with_source(error)
        })?;
        let update = format!(
            "UPDATE {} SET published_at = clock_timestamp(), finished_at = {}, complete = {}, \
             inserted = {}, updated = {}, deleted = {}, replaced_nul = {replaced}, exhaustive = {}, \
             summary = {} WHERE name = {} AND published_at IS NULL",
            self.table,
            scopes::instant(outcome.finished_at),
            outcome.complete,
            changes.inserted,
            changes.updated,
            changes.deleted,
            scopes::exhaustive(outcome),
            sql::literal(&summary),
            sql::literal(&claim.name),
        );
        self.connection
            .run(&format!("complete the row in the table `{TABLE}`"), &update)
            .await
    }
}

/// The same summary with texts that PostgreSQL can store, also inside of JSON.
fn without_nul(mut summary: Summary) -> Summary {
    for failed in &mut summary.failed {
        failed.error = storable(&failed.error);
        failed.source = storable(&failed.source);
    }
    summary
}
