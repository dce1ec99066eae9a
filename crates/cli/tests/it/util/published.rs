//! What a reader finds where sinks publish.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use fortilake_simulator::Truth;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The columns in which one crawl differs from another.
const OWN: [&str; 3] = ["_source", "_crawl_id", "_observed_at"];

/// A table as a reader of CSV gets it.
pub(crate) struct CsvTable {
    /// The crawls that its rows are of.
    pub(crate) crawls: BTreeSet<String>,
    /// Its rows: text by column, without empty cells and what is a crawl's own.
    pub(crate) rows: Vec<BTreeMap<String, Value>>,
}

/// The files in a folder whose names end so.
pub(crate) fn list(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    paths.sort();
    paths
}

/// What of the path is the table's name in layout `latest`.
pub(crate) fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_str().unwrap().to_owned()
}

/// A whole CSV file; one that ends within a line fails the test.
pub(crate) fn read_csv(path: &Path) -> CsvTable {
    let text = fs::read(path).unwrap();
    assert!(
        text.ends_with(b"\r\n"),
        "{} ends within a line",
        path.display()
    );
    let mut reader = csv::Reader::from_reader(text.as_slice());
    let columns = reader.headers().unwrap().clone();
    let (mut crawls, mut rows) = (BTreeSet::new(), Vec::new());
    for record in reader.records() {
        let record = record.unwrap();
        let mut row = BTreeMap::new();
        for (column, cell) in columns.iter().zip(&record) {
            if column == "_crawl_id" {
                crawls.insert(cell.to_owned());
            }
            if !cell.is_empty() && !OWN.contains(&column) {
                row.insert(column.to_owned(), value(column, cell));
            }
        }
        rows.push(row);
    }
    CsvTable { crawls, rows }
}

/// A cell; in `_extra` the order of members means nothing.
fn value(column: &str, cell: &str) -> Value {
    if column == "_extra" {
        return serde_json::from_str(cell).unwrap();
    }
    cell.into()
}

/// Compares all published tables with what the tenant has.
pub(crate) fn check_exact(folder: &Path, truth: &Truth) {
    let mut compared = 0;
    for (table, expected) in &truth.tables {
        let path = folder.join(format!("{table}.csv"));
        if !path.exists() {
            // Nobody asked for it.
            continue;
        }
        let mut expected: Vec<_> = expected.iter().map(as_cells).collect();
        let mut published = read_csv(&path).rows;
        let sorted = |rows: &mut Vec<_>| rows.sort_by_cached_key(|row| format!("{row:?}"));
        sorted(&mut expected);
        sorted(&mut published);
        assert_eq!(published, expected, "{table}");
        compared += 1;
    }
    assert_eq!(compared, 8, "in {}", folder.display());
}

fn as_cells(row: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let cells = row.iter().filter_map(|(column, value)| {
        let cell = match value {
            Value::Null => return None,
            Value::String(text) if text.is_empty() => return None,
            Value::Bool(_) | Value::Number(_) => value.to_string().into(),
            other => other.clone(),
        };
        Some((column.clone(), cell))
    });
    cells.collect()
}

/// The Parquet files of all tables and snapshots.
pub(crate) fn parquet_files(folder: &Path) -> Vec<PathBuf> {
    let subfolders = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).into_iter().flatten();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| path.is_dir()).collect()
    };
    let tables = subfolders(folder).into_iter();
    let snapshots = tables.flat_map(|table| subfolders(&table));
    snapshots
        .flat_map(|snapshot| list(&snapshot, "parquet"))
        .collect()
}

/// The rows of a Parquet file that can be read to its end.
pub(crate) fn read_parquet(path: &Path) -> usize {
    let file = fs::File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let batches = reader.build().unwrap();
    batches.map(|batch| batch.unwrap().num_rows()).sum()
}

/// The manifest of the newest snapshot, once there is one.
pub(crate) fn manifest(folder: &Path) -> Option<Value> {
    let latest = fs::read(folder.join("_fortilake/latest.json")).ok()?;
    let latest: Value = serde_json::from_slice(&latest).unwrap();
    let manifest = fs::read(folder.join(latest["manifest"].as_str().unwrap())).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest["snapshot"], latest["snapshot"]);
    Some(manifest)
}

/// The files that a manifest names.
pub(crate) fn files(manifest: &Value) -> impl Iterator<Item = &Value> {
    let tables = manifest["tables"].as_array().unwrap().iter();
    tables.flat_map(|table| table["files"].as_array().unwrap())
}

/// Compares the files of all snapshots with the digests in their manifests.
pub(crate) fn check_digests(folder: &Path) {
    let newest = manifest(folder).unwrap();
    for path in list(&folder.join("_fortilake/snapshots"), "json") {
        let manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        for file in files(&manifest) {
            if file["layout"] == "latest" && manifest["snapshot"] != newest["snapshot"] {
                // Replaced by a newer one.
                continue;
            }
            let name = file["path"].as_str().unwrap();
            let found = Sha256::digest(fs::read(folder.join(name)).unwrap());
            assert_eq!(
                file["sha256"],
                format!("{found:x}"),
                "{name} of {}",
                path.display()
            );
        }
    }
}

/// The folders in which something is made, or was when a process died.
pub(crate) fn staged(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("_fortilake/staging"));
    let entries = entries.into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Whether a publication is under way, or was interrupted.
pub(crate) fn is_begun(folder: &Path) -> bool {
    let staged = staged(folder);
    let mut staged = staged.iter();
    staged.any(|folder| folder.join("publish.json").exists())
}
