//! The rows that register a snapshot.
//!
//! Each snapshot ends all files that were visible before and adds its own. The statistics of tables are kept apart from
//! that: they describe all versions.

use std::collections::{BTreeMap, BTreeSet};

use fortilake_sink::{Error, Kind, Result};
use fortilake_snapshot::parquet::FileStatistics;
use fortilake_snapshot::{File, Manifest, PublishedColumn, PublishedTable};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::footer::Snapshot;
use crate::statistics::{self, unsupported};
use crate::transaction::{Transaction, params};

mod files;

/// The catalog during a registration.
struct Registration<'a> {
    transaction: &'a dyn Transaction,
    prefix: &'a str,
    /// The new version.
    version: i64,
    next_table: i64,
    next_file: i64,
    /// What happened, in DuckLake's words.
    changes: Vec<String>,
    /// The tables that are new or have a new column.
    altered: Vec<i64>,
}

/// A column in the catalog.
#[derive(Clone, Debug)]
struct Known {
    id: i64,
    kind: String,
}

/// Registers a snapshot that is newer than all that are registered.
pub(crate) fn register(
    transaction: &dyn Transaction,
    snapshot: &Snapshot,
    prefix: &str,
) -> Result<()> {
    let sql = "SELECT snapshot_id, CAST(snapshot_time AS TEXT), schema_version, next_catalog_id, next_file_id
               FROM ducklake_snapshot ORDER BY snapshot_id DESC LIMIT 1";
    let last = transaction.query_one(sql, &[])?;
    let last_time: String = last.get(1)?;
    let mut schema_version: i64 = last.get(2)?;
    let mut registration = Registration {
        transaction,
        prefix,
        version: last.get::<i64>(0)? + 1,
        next_table: last.get(3)?,
        next_file: last.get(4)?,
        changes: Vec::new(),
        altered: Vec::new(),
    };
    for (table, files) in &snapshot.tables {
        registration.table(table, files)?;
    }
    registration.end_missing(&snapshot.manifest)?;
    let manifest = &snapshot.manifest;
    let version = registration.version;
    if !registration.altered.is_empty() {
        schema_version += 1;
        for table in &registration.altered {
            let sql = "INSERT INTO ducklake_schema_versions VALUES ($1, $2, $3)";
            transaction.execute(sql, params![version, schema_version, *table])?;
        }
    }
    let sql = format!(
        "INSERT INTO ducklake_snapshot VALUES ($1, {}, $3, $4, $5)",
        transaction.time("$2")
    );
    transaction.execute(
        &sql,
        params![
            version,
            &time(manifest, &last_time),
            schema_version,
            registration.next_table,
            registration.next_file
        ],
    )?;
    let extra = json!({"crawl_id": manifest.crawl.id, "complete": manifest.outcome.complete});
    transaction.execute(
        "INSERT INTO ducklake_snapshot_changes VALUES ($1, $2, 'fortilake', $3, $4)",
        params![
            version,
            &registration.changes.join(","),
            &manifest.snapshot,
            &extra.to_string()
        ],
    )?;
    let sql = "INSERT INTO fortilake_snapshots VALUES ($1, $2, $3)";
    transaction.execute(
        sql,
        params![&manifest.snapshot, version, &manifest.crawl.id],
    )?;
    Ok(())
}

/// The field ids in the files of a table, by column.
fn field_ids(files: &[(File, FileStatistics)]) -> BTreeMap<&str, u32> {
    let columns = files.iter().flat_map(|(_, found)| &found.columns);
    let ids = columns.filter_map(|column| Some((column.name.as_str(), column.field_id?)));
    ids.collect()
}

/// The error for a table that somebody else created in the catalog.
pub(crate) fn not_ours(table: &str) -> Error {
    let text = format!(
        "the DuckLake catalog has a table `{table}` that fortilake did not create; use another catalog"
    );
    Error::new(Kind::Config, text)
}

/// The time of the version: when the crawl finished, but later than the version before, because readers look up
/// versions by time.
fn time(manifest: &Manifest, last: &str) -> String {
    let finished: Option<Timestamp> = manifest.outcome.finished_at.parse().ok();
    let last: Option<Timestamp> = last.parse().ok();
    let step = SignedDuration::from_micros(1);
    let after = last.and_then(|last| last.checked_add(step).ok());
    let time = finished.max(after).unwrap_or(Timestamp::UNIX_EPOCH);
    statistics::time(time).unwrap_or_default() + "+00"
}

impl Registration<'_> {
    fn table(&mut self, table: &PublishedTable, files: &[(File, FileStatistics)]) -> Result<()> {
        let (id, is_new) = match self.find(table)? {
            Some(id) => (id, false),
            None => (self.create(table)?, true),
        };
        let columns = self.columns(id, is_new, table, &field_ids(files))?;
        if self.end(id)? {
            self.changes.push(format!("deleted_from_table:{id}"));
        }
        for (file, found) in files {
            self.widen(id, is_new, &columns, found)?;
            if found.rows > 0 {
                self.add(id, &columns, file, found)?;
            }
        }
        // A column that the snapshot lacks is null from now on.
        let there: BTreeSet<_> = table.columns.iter().map(|column| &column.name).collect();
        for (_, column) in columns.iter().filter(|(name, _)| !there.contains(name)) {
            let sql = "UPDATE ducklake_table_column_stats SET contains_null = true
                       WHERE table_id = $1 AND column_id = $2";
            self.transaction.execute(sql, params![id, column.id])?;
        }
        if files.iter().any(|(_, found)| found.rows > 0) {
            self.changes.push(format!("inserted_into_table:{id}"));
        }
        Ok(())
    }

    /// The id of our table with this name.
    fn find(&self, table: &PublishedTable) -> Result<Option<i64>> {
        let sql = "SELECT t.table_id, o.table_id IS NOT NULL FROM ducklake_table t
                   LEFT JOIN fortilake_tables o USING (table_id)
                   WHERE t.table_name = $1 AND t.end_snapshot IS NULL AND t.schema_id = 0";
        let Some(row) = self.transaction.query_opt(sql, params![&table.name])? else {
            return Ok(None);
        };
        if row.get(1)? {
            return row.get(0).map(Some);
        }
        Err(not_ours(&table.name))
    }

    fn create(&mut self, table: &PublishedTable) -> Result<i64> {
        let id = self.next_table;
        self.next_table += 1;
        let insert = |sql: &str| self.transaction.execute(sql, params![id]);
        insert("INSERT INTO fortilake_tables VALUES ($1)")?;
        insert("INSERT INTO ducklake_table_stats VALUES ($1, 0, 0, 0)")?;
        let sql = format!(
            "INSERT INTO ducklake_table VALUES ($1, {}, $2, NULL, 0, $3, $3 || '/', true)",
            self.transaction.new_uuid()
        );
        self.transaction
            .execute(&sql, params![id, self.version, &table.name])?;
        let sql = "INSERT INTO ducklake_tag VALUES ($1, $2, NULL, 'comment', $3)";
        self.transaction
            .execute(sql, params![id, self.version, &table.summary])?;
        self.changes
            .push(format!("created_table:\"main\".\"{}\"", table.name));
        Ok(id)
    }

    /// The columns of a table by name, after adding those that are new.
    fn columns(
        &mut self,
        id: i64,
        is_new: bool,
        table: &PublishedTable,
        field_ids: &BTreeMap<&str, u32>,
    ) -> Result<BTreeMap<String, Known>> {
        let sql = "SELECT column_name, column_id, column_type FROM ducklake_column
                   WHERE table_id = $1 AND end_snapshot IS NULL";
        let mut known = BTreeMap::new();
        for row in self.transaction.query(sql, params![id])? {
            let column = Known {
                id: row.get(1)?,
                kind: row.get(2)?,
            };
            known.insert(row.get(0)?, column);
        }
        let mut is_altered = is_new;
        for column in &table.columns {
            let Some(kind) = statistics::type_name(&column.kind) else {
                return Err(unsupported(&table.name, column));
            };
            match known.get(&column.name) {
                Some(there) if there.kind == kind => {}
                Some(there) => {
                    let text = format!(
                        "column `{}` of table `{}` has the type `{}` in the DuckLake catalog, but `{kind}` in this crawl; use \
                         another catalog",
                        column.name, table.name, there.kind
                    );
                    return Err(Error::new(Kind::Rejected, text));
                }
                None => {
                    let field_id = field_ids.get(column.name.as_str()).copied();
                    let added = self.add_column(id, is_new, column, kind, field_id)?;
                    known.insert(column.name.clone(), added);
                    is_altered = true;
                }
            }
        }
        if is_altered {
            self.altered.push(id);
            if !is_new {
                self.changes.push(format!("altered_table:{id}"));
            }
        }
        Ok(known)
    }

    fn add_column(
        &self,
        table: i64,
        is_new_table: bool,
        column: &PublishedColumn,
        kind: &str,
        field_id: Option<u32>,
    ) -> Result<Known> {
        // The id is the field id in the files, by which readers find the column. But no id is used twice, not even that
        // of a column that a user has dropped.
        let sql = "SELECT coalesce(max(column_id), 0) + 1, coalesce(max(column_order), 0) + 1,
                   count(CASE WHEN column_id = $2 THEN 1 END) > 0 FROM ducklake_column WHERE table_id = $1";
        let field_id = field_id.map(i64::from);
        let row = self.transaction.query_one(sql, params![table, field_id])?;
        let (next, order, is_taken): (i64, i64, bool) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let id = field_id.filter(|_| !is_taken).unwrap_or(next);
        // A column that comes later is null in older versions.
        let nulls_allowed = column.nullable || !is_new_table;
        self.transaction.execute(
            "INSERT INTO ducklake_column
             VALUES ($1, $2, NULL, $3, $4, $5, $6, NULL, 'NULL', $7, NULL, 'literal', 'duckdb')",
            params![
                id,
                self.version,
                table,
                order,
                &column.name,
                kind,
                nulls_allowed
            ],
        )?;
        if let Some(description) = &column.description {
            let sql = "INSERT INTO ducklake_column_tag VALUES ($1, $2, $3, NULL, 'comment', $4)";
            self.transaction
                .execute(sql, params![table, id, self.version, description])?;
        }
        Ok(Known {
            id,
            kind: kind.to_owned(),
        })
    }

    /// Ends everything that is visible in a table, whoever wrote it. Returns whether there was anything.
    fn end(&self, table: i64) -> Result<bool> {
        let mut count = 0;
        for name in ["ducklake_data_file", "ducklake_delete_file"] {
            let sql = format!(
                "UPDATE {name} SET end_snapshot = $1 WHERE table_id = $2 AND end_snapshot IS NULL"
            );
            count += self
                .transaction
                .execute(&sql, params![self.version, table])?;
        }
        // Rows that a user wrote may be in the catalog itself.
        let sql = "SELECT table_name FROM ducklake_inlined_data_tables WHERE table_id = $1";
        for row in self.transaction.query(sql, params![table])? {
            let name = row.get::<String>(0)?.replace('"', "\"\"");
            let sql = format!("UPDATE \"{name}\" SET end_snapshot = $1 WHERE end_snapshot IS NULL");
            count += self.transaction.execute(&sql, params![self.version])?;
        }
        Ok(count > 0)
    }

    /// Ends our tables that the snapshot does not have: they are empty from now on.
    fn end_missing(&mut self, manifest: &Manifest) -> Result<()> {
        let there: BTreeSet<_> = manifest.tables.iter().map(|table| &*table.name).collect();
        let sql =
            "SELECT table_id, table_name FROM ducklake_table JOIN fortilake_tables USING (table_id)
                   WHERE end_snapshot IS NULL";
        for row in self.transaction.query(sql, &[])? {
            let (id, name): (i64, String) = (row.get(0)?, row.get(1)?);
            if !there.contains(name.as_str()) && self.end(id)? {
                self.changes.push(format!("deleted_from_table:{id}"));
            }
        }
        Ok(())
    }
}
