//! The conformance suite. The reader takes the versions of all tables from the catalog's record, as the docs say.

use std::fs;

use async_trait::async_trait;
use fortilake_sink::conformance::{self, Destination, Fault, Part, View};
use fortilake_sink::{Context, DataType, Options};
use fortilake_snapshot::conformance::Folder;
use fortilake_snapshot::{Layout, Reader, Which};
use serde_json::{Value, json};
use tempfile::TempDir;

struct Delta {
    path: TempDir,
}

impl Delta {
    fn folder(&self) -> Folder {
        Folder::new(self.path.path(), Layout::Snapshots)
    }

    /// The record, if it names the snapshot of this crawl.
    async fn record(&self, context: &Context) -> Option<Value> {
        let record = fs::read(self.path.path().join("_fortilake/catalogs/delta.json")).ok()?;
        let record: Value = serde_json::from_slice(&record).unwrap();
        let name = Which::Named(record["snapshot"].as_str().unwrap().to_owned());
        let reader = Reader::local(self.path.path());
        let manifest = reader.resolve(Layout::Snapshots, &name).await.unwrap()?;
        (manifest.crawl.id == context.crawl.id).then_some(record)
    }
}

#[async_trait(?Send)]
impl Destination for Delta {
    fn options(&self) -> Options {
        Options::from_iter([
            ("path", json!(self.path.path())),
            // A row group is in memory until it is closed, so use small ones.
            ("row_group_bytes", json!(1 << 20)),
        ])
    }

    async fn read(&self, context: &Context) -> View {
        let Some(record) = self.record(context).await else {
            return View::default();
        };
        let part = |(table, version): (&String, &Value)| Part {
            table: table.clone(),
            id: None,
            rows: crate::reader::rows(&self.path.path().join(table), version.as_u64().unwrap()),
        };
        let versions = record["tables"].as_object().unwrap();
        View {
            whole: true,
            parts: versions.iter().map(part).collect(),
            summary: None,
        }
    }

    fn has_type(&self, data_type: &DataType) -> bool {
        *data_type != DataType::UInt64
    }

    async fn fail(&self, fault: Fault) -> bool {
        self.folder().fail(fault)
    }

    async fn leftovers(&self) -> Vec<String> {
        self.folder().leftovers()
    }

    fn memory(&self) -> Option<u64> {
        Some(48 << 20)
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
    let fresh = async || Delta {
        path: tempfile::tempdir().unwrap(),
    };
    let report = conformance::run_cases("delta", select, fresh).await;
    assert!(report.passed(), "{report}");
}
