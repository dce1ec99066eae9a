//! The conformance suite.

use std::fs;
use std::path::Path;

use async_trait::async_trait;
use fortilake_sink::conformance::{self, Destination, Fault, Report, View};
use fortilake_sink::{Context, Options, TableSpec};
use fortilake_snapshot::Layout;
use fortilake_snapshot::conformance::Folder;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Parses CSV. A line break between quotes is text, `""` is an empty text, and an empty cell is a null.
///
/// The other tests use the `csv` crate, which cannot distinguish an empty text from a null.
fn records(text: &str) -> Vec<Vec<Option<String>>> {
    let mut records = Vec::new();
    let mut record = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let cell;
        (cell, rest) = next_cell(rest);
        record.push(cell);
        if let Some(tail) = rest.strip_prefix("\r\n") {
            records.push(std::mem::take(&mut record));
            rest = tail;
        } else {
            rest = rest.strip_prefix(',').unwrap();
        }
    }
    records
}

fn next_cell(text: &str) -> (Option<String>, &str) {
    let Some(mut rest) = text.strip_prefix('"') else {
        let (cell, rest) = text.split_at(text.find([',', '\r']).unwrap());
        return (Some(cell.to_owned()).filter(|cell| !cell.is_empty()), rest);
    };
    let mut cell = String::new();
    loop {
        let (part, tail) = rest.split_once('"').unwrap();
        cell.push_str(part);
        match tail.strip_prefix('"') {
            Some(tail) => rest = tail,
            None => return (Some(cell), tail),
        }
        cell.push('"');
    }
}

fn rows(table: &TableSpec, path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    let mut records = records(&text).into_iter();
    let header: Vec<_> = records.next().unwrap().into_iter().flatten().collect();
    let row = |cells: Vec<Option<String>>| {
        assert_eq!(cells.len(), header.len());
        let cells = header.iter().zip(cells).map(|(name, cell)| {
            let column = table.schema.field_with_name(name).unwrap();
            (name.clone(), conformance::value(column, cell.as_deref()))
        });
        Value::Object(cells.collect())
    };
    records.map(row).collect()
}

struct Csv {
    layout: Layout,
    path: TempDir,
}

impl Csv {
    fn folder(&self) -> Folder {
        Folder::new(self.path.path(), self.layout)
    }
}

#[async_trait(?Send)]
impl Destination for Csv {
    fn options(&self) -> Options {
        Options::from_iter([
            ("path", json!(self.path.path())),
            ("layout", json!(self.layout.name())),
            // A prefix changes the text on purpose, so the suite runs without it.
            ("formula_prefix", json!(false)),
        ])
    }

    async fn read(&self, context: &Context) -> View {
        self.folder().view(context, rows).await
    }

    async fn fail(&self, fault: Fault) -> bool {
        self.folder().fail(fault)
    }

    async fn leftovers(&self) -> Vec<String> {
        self.folder().leftovers()
    }

    fn memory(&self) -> Option<u64> {
        // Both layouts encode in the same way, so measuring one of them is enough.
        (self.layout == Layout::Latest).then_some(48 << 20)
    }
}

// The layouts do not depend on the format, and the sink `parquet` runs the suite with both.
#[tokio::test]
#[ignore = "slow; `cargo xtask soak` runs it"]
async fn the_layout_snapshots_passes_the_suite() {
    let report = run(Layout::Snapshots, |_| true).await;
    assert!(report.passed(), "{report}");
}

// Two tests, so that they run at the same time.
#[tokio::test]
async fn the_layout_latest_passes_the_cases_of_crashes() {
    let report = run(Layout::Latest, |case| case.starts_with("crash_in_")).await;
    assert!(report.passed(), "{report}");
}

#[tokio::test]
async fn the_layout_latest_passes_the_other_cases() {
    let report = run(Layout::Latest, |case| !case.starts_with("crash_in_")).await;
    assert!(report.passed(), "{report}");
    // A folder cannot be made unavailable or slow, and without `/dev/full` it cannot be made full.
    let left_out: Vec<_> = report.left_out().map(|case| case.name).collect();
    if cfg!(target_os = "linux") {
        assert!(!left_out.contains(&"full"), "{report}");
    }
}

async fn run(layout: Layout, select: impl Fn(&str) -> bool) -> Report {
    let fresh = async || Csv {
        layout,
        path: tempfile::tempdir().unwrap(),
    };
    conformance::run_cases("csv", select, fresh).await
}
