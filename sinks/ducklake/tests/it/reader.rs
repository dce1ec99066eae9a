//! A reader of DuckLake catalogs: what a version lists, and the rows of its files.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use fortilake_sink::conformance;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

/// A version of the catalog: the crawl of its snapshot, and the files of each table.
#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) crawl: String,
    pub(crate) files: BTreeMap<String, Vec<String>>,
}

/// The newest version; `None` if there is no catalog, or nothing is registered in it.
pub(crate) fn newest(catalog: &Path) -> Option<Version> {
    let mut connection =
        Connection::open_with_flags(catalog, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
    connection
        .busy_timeout(std::time::Duration::from_secs(30))
        .unwrap();
    // One transaction, so that all is of one version.
    let transaction = connection.transaction().unwrap();
    let sql = "SELECT crawl_id, snapshot_id FROM fortilake_snapshots ORDER BY name DESC LIMIT 1";
    let found = transaction.query_row(sql, [], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?)));
    let (crawl, version) = found.ok()?;
    Some(Version {
        crawl,
        files: files(&transaction, version),
    })
}

/// The files of each table in a version.
pub(crate) fn files(connection: &Connection, version: i64) -> BTreeMap<String, Vec<String>> {
    let sql = "SELECT table_name, f.path FROM ducklake_table t LEFT JOIN ducklake_data_file f
               ON f.table_id = t.table_id AND f.begin_snapshot <= ?1
               AND (f.end_snapshot IS NULL OR f.end_snapshot > ?1)
               WHERE t.begin_snapshot <= ?1 AND (t.end_snapshot IS NULL OR t.end_snapshot > ?1)";
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([version], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?))
    });
    let mut files = BTreeMap::<_, Vec<_>>::new();
    for row in rows.unwrap() {
        let (table, path) = row.unwrap();
        files.entry(table).or_default().extend(path);
    }
    files
}

/// The rows of a file.
pub(crate) fn rows(path: &str) -> Vec<Value> {
    let file = File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let batches = reader.build().unwrap();
    let rows = batches.flat_map(|batch| conformance::rows(&batch.unwrap()).unwrap());
    rows.collect()
}
