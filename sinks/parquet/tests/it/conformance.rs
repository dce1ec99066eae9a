//! The conformance suite.

use std::path::Path;

use async_trait::async_trait;
use fortilake_sink::conformance::{self, Destination, Fault, View};
use fortilake_sink::{Context, Options, TableSpec};
use fortilake_snapshot::Layout;
use fortilake_snapshot::conformance::Folder;
use serde_json::{Value, json};
use tempfile::TempDir;

fn rows(_table: &TableSpec, path: &Path) -> Vec<Value> {
    let (_, batches) = crate::content::read(path);
    let rows = batches
        .iter()
        .flat_map(|batch| conformance::rows(batch).unwrap());
    rows.collect()
}

struct Parquet {
    layout: Layout,
    path: TempDir,
}

impl Parquet {
    fn folder(&self) -> Folder {
        Folder::new(self.path.path(), self.layout)
    }
}

#[async_trait(?Send)]
impl Destination for Parquet {
    fn options(&self) -> Options {
        Options::from_iter([
            ("path", json!(self.path.path())),
            ("layout", json!(self.layout.name())),
            // A row group is in memory until it is closed, so use small ones.
            ("row_group_bytes", json!(1 << 20)),
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
        (self.layout == Layout::Snapshots).then_some(48 << 20)
    }
}

#[tokio::test]
async fn the_layout_snapshots_passes_the_suite() {
    check(Layout::Snapshots).await;
}

#[tokio::test]
async fn the_layout_latest_passes_the_suite() {
    check(Layout::Latest).await;
}

async fn check(layout: Layout) {
    let fresh = async || Parquet {
        layout,
        path: tempfile::tempdir().unwrap(),
    };
    conformance::check("parquet", fresh).await;
}
