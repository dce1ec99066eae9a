//! The conformance suite.

use async_trait::async_trait;
use fortilake_sink::conformance::{self, Destination, Fault, Part, View};
use fortilake_sink::{Context, Options};
use fortilake_snapshot::Layout;
use fortilake_snapshot::conformance::Folder;
use serde_json::json;

use crate::lake::{Lake, in_each_database};
use crate::reader;

// Two tests, so that they run at the same time.
in_each_database!(passes_the_cases_of_crashes, passes_the_other_cases);

impl Lake {
    fn folder(&self) -> Folder {
        Folder::new(self.data(), Layout::Snapshots)
    }
}

#[async_trait(?Send)]
impl Destination for Lake {
    fn options(&self) -> Options {
        Options::from_iter([
            ("catalog", json!(self.catalog())),
            ("data", json!(self.data())),
            // A row group is in memory until it is closed, so use small ones.
            ("row_group_bytes", json!(1 << 20)),
        ])
    }

    async fn read(&self, context: &Context) -> View {
        let newest = reader::newest(self).await;
        let Some(version) = newest.filter(|version| version.crawl == context.crawl.id) else {
            return View::default();
        };
        // A table that this crawl lacks stays in the catalog, without rows.
        let is_there = |table: &String| context.tables.iter().any(|spec| spec.name == *table);
        let files = version.files.into_iter();
        let files = files.filter(|(table, files)| is_there(table) || !files.is_empty());
        let parts = files.map(|(table, files)| Part {
            table,
            id: None,
            rows: files.iter().flat_map(|path| reader::rows(path)).collect(),
        });
        View {
            whole: true,
            parts: parts.collect(),
            summary: None,
        }
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

async fn passes_the_cases_of_crashes(lake: &Lake) {
    check(lake, |case| case.starts_with("crash_in_")).await;
}

async fn passes_the_other_cases(lake: &Lake) {
    check(lake, |case| !case.starts_with("crash_in_")).await;
}

async fn check(lake: &Lake, select: impl Fn(&str) -> bool) {
    let report = conformance::run_cases("ducklake", select, async || lake.fresh().await).await;
    assert!(report.passed(), "{report}");
}
