//! The table `fortilake_snapshots`: one row per crawl, claimed when the sink opens and completed when it publishes.

pub(crate) mod scopes;

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
    schema: &'a str,
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
    /// Waits until no other transaction writes to the schema, and creates the sink's own tables if they are missing.
    pub(crate) async fn lock(connection: &'a Connection, schema: &'a str) -> Result<Self> {
        let lock = format!(
            "SELECT pg_advisory_xact_lock(hashtextextended({}, 0))",
            sql::literal(&format!("fortilake {schema}"))
        );
        connection
            .run(&format!("lock the schema `{schema}`"), &lock)
            .await?;
        let table = format!("{}.{}", sql::name(schema), sql::name(TABLE));
        let snapshots = Self {
            connection,
            schema,
            table,
        };
        snapshots.create().await?;
        Ok(snapshots)
    }

    async fn create(&self) -> Result<()> {
        let schema = self.schema;
        // `IF NOT EXISTS` would need the privilege to create, even if there is nothing to create.
        let found = format!(
            "SELECT (SELECT count(*) FROM pg_namespace WHERE nspname = {name}), \
             (SELECT count(*) FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace \
              WHERE nspname = {name} AND relname = '{TABLE}')",
            name = sql::literal(schema)
        );
        let rows = self
            .connection
            .query(&format!("look for the schema `{schema}`"), &found)
            .await?;
        let is_there = |index| rows.first().and_then(|row| row.get(index)) == Some("1");
        if !is_there(0) {
            let create = format!("CREATE SCHEMA {}", sql::name(schema));
            self.connection
                .run(&format!("create the schema `{schema}`"), &create)
                .await?;
        }
        if is_there(1) {
            return Ok(());
        }
        // Names are compared byte by byte, as the contract orders them, whatever the database's collation is.
        let create = format!(
            "CREATE TABLE {table} (\
               name text COLLATE \"C\" PRIMARY KEY, \
               crawl_id text NOT NULL UNIQUE, \
               started_at text NOT NULL, \
               generator text NOT NULL, \
               claimed_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(), \
               published_at timestamp with time zone, \
               finished_at timestamp with time zone, \
               complete boolean, \
               inserted bigint, \
               updated bigint, \
               deleted bigint, \
               replaced_nul bigint, \
               exhaustive text[] COLLATE \"C\", \
               summary jsonb); \
             COMMENT ON TABLE {table} IS {about}; \
             COMMENT ON COLUMN {table}.name IS 'The name of the snapshot. Names order snapshots.'; \
             COMMENT ON COLUMN {table}.published_at IS 'When the crawl was published; null if it was not.'; \
             COMMENT ON COLUMN {table}.finished_at IS 'When the newest answer of the crawl arrived.'; \
             COMMENT ON COLUMN {table}.complete IS 'Whether no part of the crawl failed.'; \
             COMMENT ON COLUMN {table}.replaced_nul IS 'In how many texts U+0000, which PostgreSQL cannot store, was replaced by U+FFFD.'; \
             COMMENT ON COLUMN {table}.exhaustive IS 'The beginnings of scopes of which the crawl listed all that exist.'",
            table = self.table,
            about = sql::literal(
                "One row per crawl of fortilake. The newest row with `published_at` is what the tables contain."
            ),
        );
        self.connection
            .run(&format!("create the table `{TABLE}`"), &create)
            .await?;
        scopes::create(self.connection, schema).await
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
