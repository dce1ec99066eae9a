//! The rows of a file: the file itself, its statistics, and the mapping of its columns.

use std::collections::BTreeMap;

use fortilake_sink::Result;
use fortilake_snapshot::File;
use fortilake_snapshot::parquet::{ColumnStatistics, FileStatistics};

use super::{Known, Registration};
use crate::statistics::{FileColumn, TableColumn};
use crate::transaction::params;

impl Registration<'_> {
    /// Widens the statistics of a table by those of a file, before the file itself is added.
    pub(super) fn widen(
        &self,
        table: i64,
        is_new_table: bool,
        columns: &BTreeMap<String, Known>,
        found: &FileStatistics,
    ) -> Result<()> {
        let before = self.statistics(table)?;
        for column in &found.columns {
            let Some(known) = columns.get(&column.name) else {
                continue;
            };
            let file = FileColumn::new(column, found.rows, &known.kind);
            // Whether a column contains NaN is not in the footer, so it stays unknown.
            let (sql, all) = if let Some((before, had_values)) = before.get(&known.id) {
                let mut all = before.clone();
                all.widen(&file, &known.kind, *had_values);
                if all == *before {
                    continue;
                }
                let sql = "UPDATE ducklake_table_column_stats SET contains_null = $3, min_value = $4, max_value = $5
                           WHERE table_id = $1 AND column_id = $2";
                (sql, all)
            } else {
                let sql = "INSERT INTO ducklake_table_column_stats
                           (table_id, column_id, contains_null, min_value, max_value) VALUES ($1, $2, $3, $4, $5)";
                (sql, TableColumn::first(&file, is_new_table))
            };
            let (min, max) = all.bounds.unzip();
            let (min, max) = (min.as_deref(), max.as_deref());
            let params = params![table, known.id, all.contains_null, min, max];
            self.transaction.execute(sql, params)?;
        }
        Ok(())
    }

    /// The statistics of a table's columns, and whether a file that is or was in the table had a value in each.
    ///
    /// One statement reads them all: the tables of DuckLake have no indexes, so each statement reads all files.
    fn statistics(&self, table: i64) -> Result<BTreeMap<i64, (TableColumn, bool)>> {
        // The files of a version that was pruned are not listed any more. What they had is lost, so assume a value.
        let sql = "SELECT c.column_id, c.contains_null, c.min_value, c.max_value,
                   t.record_count > coalesce(f.nulls, 0)
                   FROM ducklake_table_column_stats c JOIN ducklake_table_stats t ON t.table_id = c.table_id
                   LEFT JOIN (SELECT column_id, sum(null_count) AS nulls FROM ducklake_file_column_stats
                   WHERE table_id = $1 GROUP BY column_id) f ON f.column_id = c.column_id WHERE c.table_id = $1";
        let rows = self.transaction.query(sql, params![table])?;
        let rows = rows.iter().map(|row| {
            let bounds: (Option<String>, Option<String>) = (row.get(2)?, row.get(3)?);
            let column = TableColumn {
                contains_null: row.get(1)?,
                bounds: bounds.0.zip(bounds.1),
            };
            Ok((row.get(0)?, (column, row.get(4)?)))
        });
        rows.collect()
    }

    /// Adds a file with rows to the new version.
    pub(super) fn add(
        &mut self,
        table: i64,
        columns: &BTreeMap<String, Known>,
        file: &File,
        found: &FileStatistics,
    ) -> Result<()> {
        let mapping = self.mapping(table, columns, found)?;
        let id = self.next_file;
        self.next_file += 1;
        self.transaction.execute(
            "INSERT INTO ducklake_data_file
             SELECT $1, $2, $3, NULL, NULL, $4, false, 'parquet', $5, $6, $7, next_row_id, NULL, NULL, $8, NULL
             FROM ducklake_table_stats WHERE table_id = $2",
            params![
                id,
                table,
                self.version,
                &format!("{}{}", self.prefix, file.path),
                signed(found.rows),
                signed(file.bytes),
                signed(found.footer_bytes),
                mapping
            ],
        )?;
        self.add_statistics(id, table, columns, found)?;
        // Rows ever added, not rows now: if this number were that of the visible rows, readers would take the bounds
        // of the table for the smallest and largest visible value.
        let sql = "UPDATE ducklake_table_stats SET record_count = record_count + $2,
                   next_row_id = next_row_id + $2, file_size_bytes = file_size_bytes + $3 WHERE table_id = $1";
        self.transaction
            .execute(sql, params![table, signed(found.rows), signed(file.bytes)])?;
        Ok(())
    }

    /// Adds the statistics of a file's columns, in one statement.
    fn add_statistics(
        &self,
        file: i64,
        table: i64,
        columns: &BTreeMap<String, Known>,
        found: &FileStatistics,
    ) -> Result<()> {
        let known = found.columns.iter().filter_map(|column| {
            let known = columns.get(&column.name)?;
            Some((known.id, FileColumn::new(column, found.rows, &known.kind)))
        });
        let known: Vec<_> = known.collect();
        let mut params = params![file, table].to_vec();
        let mut rows = Vec::new();
        for (id, column) in &known {
            let next = params.len() + 1;
            let numbers: Vec<_> = (next..next + 6)
                .map(|number| format!("${number}"))
                .collect();
            rows.push(format!("($1, $2, {}, NULL, NULL)", numbers.join(", ")));
            let bounds = column.bounds.as_ref();
            params.extend(params![
                *id,
                signed(column.bytes),
                column.values.map(signed),
                column.nulls.map(signed),
                bounds.map(|(min, _)| min.as_str()),
                bounds.map(|(_, max)| max.as_str()),
            ]);
        }
        if rows.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "INSERT INTO ducklake_file_column_stats VALUES {}",
            rows.join(", ")
        );
        self.transaction.execute(&sql, &params).map(drop)
    }

    /// The mapping from the names of a file's columns to the columns of the table; `None` if the field ids in the file
    /// are the ids of the columns. Files with the same columns share a mapping.
    ///
    /// Files that an earlier version published have no field ids, and a catalog that an earlier version created has other
    /// ids for the columns.
    fn mapping(
        &mut self,
        table: i64,
        columns: &BTreeMap<String, Known>,
        found: &FileStatistics,
    ) -> Result<Option<i64>> {
        let has_id = |column: &ColumnStatistics| {
            let known = columns.get(&column.name).map(|known| known.id);
            known == column.field_id.map(i64::from)
        };
        if found.columns.iter().all(has_id) {
            return Ok(None);
        }
        let names = found.columns.iter().map(|column| &column.name);
        let wanted: BTreeMap<_, _> = names
            .filter_map(|name| Some((name.clone(), columns.get(name)?.id)))
            .collect();
        let sql = "SELECT mapping_id FROM ducklake_column_mapping WHERE table_id = $1";
        for row in self.transaction.query(sql, params![table])? {
            let id: i64 = row.get(0)?;
            let sql = "SELECT source_name, target_field_id FROM ducklake_name_mapping WHERE mapping_id = $1";
            let there = self.transaction.query(sql, params![id])?;
            let there = there.iter().map(|row| Ok((row.get(0)?, row.get(1)?)));
            if there.collect::<Result<BTreeMap<_, _>>>()? == wanted {
                return Ok(Some(id));
            }
        }
        // Mappings and files share a counter.
        let id = self.next_file;
        self.next_file += 1;
        let sql = "INSERT INTO ducklake_column_mapping VALUES ($1, $2, 'map_by_name')";
        self.transaction.execute(sql, params![id, table])?;
        for (position, (name, column)) in (0_i64..).zip(&wanted) {
            let sql = "INSERT INTO ducklake_name_mapping VALUES ($1, $2, $3, $4, NULL, false)";
            self.transaction
                .execute(sql, params![id, position, name, *column])?;
        }
        Ok(Some(id))
    }
}

/// A size or count as databases store it.
fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
