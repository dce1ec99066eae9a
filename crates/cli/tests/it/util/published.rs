//! Reads and checks published tables, as an independent reader would.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use fortilake_simulator::Truth;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The columns that differ between crawls of the same data.
const OWN: [&str; 3] = ["_source", "_crawl_id", "_observed_at"];

/// The content of a CSV file.
pub(crate) struct CsvTable {
    /// The ids of the crawls that its rows come from; more than one means that a reader saw a mixture.
    pub(crate) crawls: BTreeSet<String>,
    /// The rows, as text by column, without empty cells and without the columns in [`OWN`].
    pub(crate) rows: Vec<BTreeMap<String, Value>>,
}

/// The files in a folder with this extension, sorted.
pub(crate) fn list(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    paths.sort();
    paths
}

/// The file name without its extension, which is the table's name in layout `latest`.
pub(crate) fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_str().unwrap().to_owned()
}

/// Reads a CSV file. A file that ends in the middle of a line fails the test.
pub(crate) fn read_csv(path: &Path) -> CsvTable {
    let text = fs::read(path).unwrap();
    assert!(
        text.ends_with(b"\r\n"),
        "{} ends in the middle of a line",
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

/// A cell. `_extra` is parsed, because the order of its members does not matter.
fn value(column: &str, cell: &str) -> Value {
    if column == "_extra" {
        return serde_json::from_str(cell).unwrap();
    }
    cell.into()
}

/// Checks that all published tables have exactly the tenant's rows.
pub(crate) fn check_exact(folder: &Path, truth: &Truth) {
    let mut compared = 0;
    for (table, expected) in &truth.tables {
        let path = folder.join(format!("{table}.csv"));
        if !path.exists() {
            // The crawl did not include this table.
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

/// Reads a Parquet file to its end and returns the number of rows.
pub(crate) fn read_parquet(path: &Path) -> usize {
    let file = fs::File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let batches = reader.build().unwrap();
    batches.map(|batch| batch.unwrap().num_rows()).sum()
}

/// The manifest of the newest snapshot in either layout; `None` if nothing is published.
pub(crate) fn manifest(folder: &Path) -> Option<Value> {
    let own = folder.join("_fortilake");
    let read = |path: PathBuf| -> Option<Value> {
        let text = fs::read(path).ok()?;
        Some(serde_json::from_slice(&text).unwrap())
    };
    if let Some(latest) = read(own.join("latest.json")) {
        let manifest = read(folder.join(latest["manifest"].as_str().unwrap())).unwrap();
        assert_eq!(manifest["snapshot"], latest["snapshot"]);
        return Some(manifest);
    }
    let version = fs::read_link(own.join("current")).ok()?;
    let version = version.file_name().unwrap().to_str().unwrap().to_owned();
    let (name, _) = version.split_once('-').unwrap();
    let manifest = read(own.join(format!("versions/{name}.json")));
    Some(manifest.expect("a version that is current has a manifest"))
}

/// The entries of a manifest for files.
pub(crate) fn files(manifest: &Value) -> impl Iterator<Item = &Value> {
    let tables = manifest["tables"].as_array().unwrap().iter();
    tables.flat_map(|table| table["files"].as_array().unwrap())
}

/// Compares the files of all snapshots with the digests in their manifests.
pub(crate) fn check_digests(folder: &Path) {
    assert!(manifest(folder).is_some());
    let manifests = ["snapshots", "versions"].map(|kind| folder.join("_fortilake").join(kind));
    for path in manifests.iter().flat_map(|folder| list(folder, "json")) {
        let manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        for file in files(&manifest) {
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

/// The staging folders, of publications in progress or of processes that died.
pub(crate) fn staged(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("_fortilake/staging"));
    let entries = entries.into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Whether a publication is in progress or was interrupted, which is when rows have been written.
///
/// Small files exist as soon as a sink is open: headers of tables and claims. So only larger files count.
pub(crate) fn is_begun(folder: &Path) -> bool {
    const ROWS: u64 = 4096;
    let staged = staged(folder);
    let mut files = staged.iter().flat_map(|folder| list(folder, "part"));
    files.any(|file| file.metadata().is_ok_and(|file| file.len() > ROWS))
}
