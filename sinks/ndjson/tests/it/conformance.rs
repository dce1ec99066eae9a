//! The conformance suite for files. Standard output is tested in `src/pipe/tests.rs`.

use std::fs;
use std::path::Path;

use async_trait::async_trait;
use fortilake_sink::conformance::{self, Destination, Fault, View};
use fortilake_sink::{Context, Options, TableSpec};
use fortilake_snapshot::Layout;
use fortilake_snapshot::conformance::Folder;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The number of bytes that the process may grow by, for encoded batches and buffers.
const MEMORY: u64 = 40 << 20;

struct Files(TempDir);

impl Files {
    fn folder(&self) -> Folder {
        Folder::new(self.0.path(), Layout::Snapshots)
    }
}

fn rows(_table: &TableSpec, path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    let rows = text.lines().map(|line| serde_json::from_str(line).unwrap());
    rows.collect()
}

#[async_trait(?Send)]
impl Destination for Files {
    fn options(&self) -> Options {
        Options::from_iter([
            ("path", json!(self.0.path())),
            ("layout", json!("snapshots")),
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
        Some(MEMORY)
    }
}

// Two tests, so that they run at the same time.
#[tokio::test]
async fn passes_the_cases_of_crashes() {
    check(|case| case.starts_with("crash_in_")).await;
}

#[tokio::test]
async fn passes_the_other_cases() {
    check(|case| !case.starts_with("crash_in_")).await;
}

async fn check(select: impl Fn(&str) -> bool) {
    let fresh = async || Files(tempfile::tempdir().unwrap());
    let report = conformance::run_cases("ndjson", select, fresh).await;
    assert!(report.passed(), "{report}");
}
