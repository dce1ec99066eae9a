//! A reader of DuckLake catalogs: what a version lists, and the rows of its files.

use std::collections::BTreeMap;
use std::fs::File;

use fortilake_sink::conformance;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::lake::Lake;

/// A version of the catalog: the crawl of its snapshot, and the files of each table.
#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) crawl: String,
    pub(crate) files: BTreeMap<String, Vec<String>>,
}

/// The newest version; `None` if there is no catalog, or nothing is registered in it.
pub(crate) async fn newest(lake: &Lake) -> Option<Version> {
    let newest = "SELECT crawl_id, snapshot_id FROM fortilake_snapshots ORDER BY name DESC LIMIT 1";
    version(lake, newest).await
}

/// The files of each table in a version.
pub(crate) async fn files(lake: &Lake, number: i64) -> BTreeMap<String, Vec<String>> {
    let version = version(
        lake,
        &format!("SELECT '' AS crawl_id, {number} AS snapshot_id"),
    )
    .await;
    version.unwrap().files
}

/// The version that a query selects. One statement reads all of it, so all is of one version.
async fn version(lake: &Lake, select: &str) -> Option<Version> {
    let sql = format!(
        "SELECT crawl_id, table_name, f.path FROM ({select}) v
         LEFT JOIN ducklake_table t ON t.begin_snapshot <= v.snapshot_id
         AND (t.end_snapshot IS NULL OR t.end_snapshot > v.snapshot_id)
         LEFT JOIN ducklake_data_file f ON f.table_id = t.table_id AND f.begin_snapshot <= v.snapshot_id
         AND (f.end_snapshot IS NULL OR f.end_snapshot > v.snapshot_id)"
    );
    let rows = lake.rows(&sql, 3).await?;
    let crawl = rows.first()?[0].clone().unwrap();
    let mut files = BTreeMap::<_, Vec<_>>::new();
    for mut row in rows {
        let path = row.pop().flatten();
        // A version without tables has a row as well.
        if let Some(table) = row.pop().flatten() {
            files.entry(table).or_default().extend(path);
        }
    }
    Some(Version { crawl, files })
}

/// The rows of a file.
pub(crate) fn rows(path: &str) -> Vec<Value> {
    let file = File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let batches = reader.build().unwrap();
    let rows = batches.flat_map(|batch| conformance::rows(&batch.unwrap()).unwrap());
    rows.collect()
}
