//! Brings the delivered rows of one table into the database.
//!
//! `MERGE` would be one statement, but it deletes rows that the delivery lacks only since PostgreSQL 17, and it is not
//! safe against other writers. `TRUNCATE` would show readers an empty table, and new tables would lose views and grants.

use std::fmt::Write as _;

use fortilake_postgres as sql;
use fortilake_sink::{KeyIn, Result};

use crate::connection::{self, Connection};
use crate::snapshots::Changes;
use crate::snapshots::scopes::{DECISIONS, Special};
use crate::spool::SpooledTable;
use crate::tables::TargetTable;
use crate::types::{META, SCOPE};

/// One table, and the temporary table with the delivered rows.
pub(crate) struct Merge<'a> {
    connection: &'a Connection,
    target: &'a TargetTable,
    staged: String,
}

impl<'a> Merge<'a> {
    /// Copies the rows into a temporary table. Other transactions notice nothing.
    pub(crate) async fn stage(
        connection: &'a Connection,
        target: &'a TargetTable,
        number: usize,
        rows: SpooledTable,
    ) -> Result<Self> {
        let name = &target.spec.name;
        let staged = format!("pg_temp.fortilake_staged_{number}");
        let columns = target.spec.schema.fields().iter().zip(&target.types);
        let columns = columns
            .map(|(field, data_type)| format!("{} {}", sql::name(field.name()), data_type.sql()));
        let mut columns: Vec<_> = columns.collect();
        columns.push(format!("{} text", sql::name(SCOPE)));
        let create = format!(
            "CREATE TEMPORARY TABLE fortilake_staged_{number} ({}) ON COMMIT DROP",
            columns.join(", ")
        );
        let action = format!("create a temporary table for `{name}`");
        connection.run(&action, &create).await?;
        if let Some(file) = rows.file {
            let action = format!("copy the rows of `{name}`");
            let rows = connection::reader(file);
            connection.copy(&action, &staged, rows).await?;
            // Without statistics, the server assumes a small table and may compare every row with every other one.
            connection
                .run(&action, &format!("ANALYZE {staged}"))
                .await?;
        }
        Ok(Self {
            connection,
            target,
            staged,
        })
    }

    /// Leaves only the first of several staged rows with the same key.
    ///
    /// The contract rules such rows out, but replacing characters can make keys equal.
    pub(crate) async fn drop_repeated(&self) -> Result<()> {
        if self.target.spec.key.is_empty() {
            return Ok(());
        }
        let (staged, same) = (&self.staged, self.same_key("first", "later"));
        let action = format!("drop repeated rows of `{}`", self.target.spec.name);
        let delete = format!(
            "DELETE FROM {staged} AS later USING {staged} AS first \
             WHERE later.ctid > first.ctid AND {same}"
        );
        self.connection.run(&action, &delete).await
    }

    /// Deletes, inserts and updates, so that the table is what the crawl says.
    pub(crate) async fn apply(&self, special: Special) -> Result<Changes> {
        if special.newer {
            self.drop_outdated().await?;
        }
        let mut changes = Changes {
            deleted: self.delete().await?,
            ..Changes::default()
        };
        if self.target.spec.key.is_empty() {
            changes.inserted = self.insert_all().await?;
        } else {
            (changes.inserted, changes.updated) = self.upsert().await?;
            if special.gone && self.target.spec.key_in == KeyIn::Table {
                self.reassign().await?;
            }
        }
        let drop = format!("DROP TABLE {}", self.staged);
        self.connection.run("drop a temporary table", &drop).await?;
        Ok(changes)
    }

    /// Drops staged rows of scopes that a newer crawl has replaced, and rows that now belong to such a scope.
    async fn drop_outdated(&self) -> Result<()> {
        let (staged, table) = (&self.staged, &self.target.table);
        let mut delete = format!(
            "DELETE FROM {staged} AS staged USING {DECISIONS} AS decisions \
             WHERE staged.{SCOPE} = decisions.scope AND decisions.is_newer"
        );
        if !self.target.spec.key.is_empty() {
            let same = self.same_key("staged", "kept");
            // Writing to memory does not fail.
            let _ = write!(
                delete,
                "; DELETE FROM {staged} AS staged USING {table} AS kept, {DECISIONS} AS decisions \
                 WHERE {same} AND kept.{SCOPE} = decisions.scope AND decisions.is_newer"
            );
        }
        let action = format!("drop outdated rows of `{}`", self.target.spec.name);
        self.connection.run(&action, &delete).await
    }

    /// Deletes the rows that were not delivered, as far as the outcome allows it.
    async fn delete(&self) -> Result<u64> {
        let spec = &self.target.spec;
        let mut delete = format!(
            "DELETE FROM {} AS kept USING {DECISIONS} AS decisions \
             WHERE kept.{SCOPE} = decisions.scope AND decisions.may_delete",
            self.target.table
        );
        // Another scope that failed may still have the row.
        if spec.key_in == KeyIn::Table {
            delete.push_str(" AND decisions.is_settled");
        }
        if !spec.key.is_empty() {
            let _ = write!(
                delete,
                " AND NOT EXISTS (SELECT FROM {} AS staged WHERE {})",
                self.staged,
                self.same_key("staged", "kept")
            );
        }
        let action = format!("delete rows of `{}`", spec.name);
        self.connection.change(&action, &delete).await
    }

    async fn insert_all(&self) -> Result<u64> {
        let columns = self.columns("");
        let insert = format!(
            "INSERT INTO {} ({columns}) SELECT {columns} FROM {}",
            self.target.table, self.staged
        );
        let action = format!("insert rows into `{}`", self.target.spec.name);
        self.connection.change(&action, &insert).await
    }

    /// Inserts new rows and updates changed ones.
    ///
    /// `ON CONFLICT` locks each row that it finds, which writes to the row, even if the row then stays as it is. So rows
    /// that are equal are left out before: a crawl without changes writes nothing.
    async fn upsert(&self) -> Result<(u64, u64)> {
        let spec = &self.target.spec;
        let table = &self.target.table;
        let key = sql::list("", spec.key.iter().map(String::as_str));
        let compared = self.compared();
        let differ = |ours: &str, theirs: &str| {
            let list = |prefix: &str| sql::list(prefix, compared.iter().copied());
            format!("ROW({}) IS DISTINCT FROM ROW({})", list(ours), list(theirs))
        };
        let (is_changed, on_conflict) = if compared.is_empty() {
            (String::new(), "DO NOTHING".to_owned())
        } else {
            let values = self
                .names()
                .filter(|name| !spec.key.iter().any(|key| key == name));
            let values = values.map(|name| format!("{0} = EXCLUDED.{0}", sql::name(name)));
            let values: Vec<_> = values.collect();
            let update = format!(
                "DO UPDATE SET {} WHERE {}",
                values.join(", "),
                differ("kept.", "EXCLUDED.")
            );
            (format!(" OR {}", differ("kept.", "staged.")), update)
        };
        // `xmax` is 0 in a row that was inserted, and the locking transaction in one that was updated.
        let upsert = format!(
            "WITH changed AS (\
               INSERT INTO {table} AS kept ({columns}) \
               SELECT {staged_columns} FROM {staged} AS staged LEFT JOIN {table} AS kept ON {same} \
               WHERE kept.{SCOPE} IS NULL{is_changed} \
               ON CONFLICT ({key}) {on_conflict} RETURNING kept.xmax = 0 AS is_new) \
             SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM changed",
            columns = self.columns(""),
            staged_columns = self.columns("staged."),
            staged = self.staged,
            same = self.same_key("staged", "kept"),
        );
        let action = format!("insert and update rows of `{}`", spec.name);
        let rows = self.connection.query(&action, &upsert).await?;
        let count = |index| {
            let cell = rows.first().and_then(|row| row.get(index));
            cell.and_then(|cell| cell.parse().ok()).unwrap_or_default()
        };
        Ok((count(0), count(1)))
    }

    /// Moves rows of scopes that no longer exist to the scopes that deliver them now.
    ///
    /// Otherwise these rows would be deleted as soon as the scope that delivers them fails.
    async fn reassign(&self) -> Result<()> {
        let update = format!(
            "UPDATE {} AS kept SET {SCOPE} = staged.{SCOPE} \
             FROM {} AS staged, {DECISIONS} AS decisions \
             WHERE kept.{SCOPE} = decisions.scope AND decisions.is_gone AND {}",
            self.target.table,
            self.staged,
            self.same_key("staged", "kept")
        );
        let action = format!("update the scopes of rows of `{}`", self.target.spec.name);
        self.connection.run(&action, &update).await
    }

    /// All columns of the table that the sink writes.
    fn names(&self) -> impl Iterator<Item = &str> {
        let fields = self.target.spec.schema.fields().iter();
        fields.map(|field| field.name().as_str()).chain([SCOPE])
    }

    fn columns(&self, prefix: &str) -> String {
        sql::list(prefix, self.names())
    }

    /// The columns in which a changed row differs: all except the key and what differs in every crawl.
    ///
    /// A row that several scopes list may come with another one each time, so its scope is no change. The scope of any
    /// other row must be right, because deletes depend on it.
    fn compared(&self) -> Vec<&str> {
        let spec = &self.target.spec;
        let is_compared = |name: &&str| {
            let is_key = spec.key.iter().any(|key| key == name);
            let is_ignored = *name == SCOPE && spec.key_in == KeyIn::Table;
            !is_key && !is_ignored && !META.contains(name)
        };
        self.names().filter(is_compared).collect()
    }

    fn same_key(&self, one: &str, other: &str) -> String {
        same_key(self.target, one, other)
    }
}

/// The condition that two rows have the same key, null being equal to null.
///
/// `IS NOT DISTINCT FROM` would say this, but the server can join by it only by comparing every row with every other one.
pub(crate) fn same_key(target: &TargetTable, one: &str, other: &str) -> String {
    let fields = target.spec.schema.fields().iter().zip(&target.types);
    let columns = fields.filter(|(field, _)| target.spec.key.contains(field.name()));
    let conditions = columns.map(|(field, data_type)| {
        let name = sql::name(field.name());
        if !field.is_nullable() {
            return format!("{one}.{name} = {other}.{name}");
        }
        let nothing = data_type.constant();
        format!(
            "coalesce({one}.{name}, {nothing}) = coalesce({other}.{name}, {nothing}) \
             AND ({one}.{name} IS NULL) = ({other}.{name} IS NULL)"
        )
    });
    let conditions: Vec<_> = conditions.collect();
    conditions.join(" AND ")
}
