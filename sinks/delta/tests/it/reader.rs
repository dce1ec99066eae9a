//! A reader of Delta tables: what a version of a table lists, and the rows of its files.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;

use fortilake_sink::conformance;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

/// The files that a version of a table lists, relative to the table.
pub(crate) fn files(table: &Path, version: u64) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    for version in 0..=version {
        let commit = table.join(format!("_delta_log/{version:020}.json"));
        for line in fs::read_to_string(commit).unwrap().lines() {
            let action: Value = serde_json::from_str(line).unwrap();
            if let Some(path) = action["remove"]["path"].as_str() {
                files.remove(path);
            }
            if let Some(path) = action["add"]["path"].as_str() {
                files.insert(path.to_owned());
            }
        }
    }
    files
}

/// The rows of a version of a table.
pub(crate) fn rows(table: &Path, version: u64) -> Vec<Value> {
    let mut rows = Vec::new();
    for path in files(table, version) {
        let file = File::open(table.join(path)).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        for batch in reader.build().unwrap() {
            rows.extend(conformance::rows(&batch.unwrap()).unwrap());
        }
    }
    rows
}
