//! The conformance suite.

use std::path::Path;

use fortilake_sink::conformance::{self, Destination, Fault, Folder, View};
use fortilake_sink::{Context, Options, TableSpec};
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
    layout: &'static str,
    path: TempDir,
}

impl Parquet {
    fn folder(&self) -> Folder {
        Folder::new(self.path.path())
    }
}

impl Destination for Parquet {
    fn options(&self) -> Options {
        Options::from_iter([
            ("path", json!(self.path.path())),
            ("layout", json!(self.layout)),
            // What a row group holds is in memory until it is closed.
            ("row_group_bytes", json!(1 << 20)),
        ])
    }

    fn read(&self, context: &Context) -> View {
        self.folder().view(context, rows)
    }

    fn fail(&self, fault: Fault) -> bool {
        self.folder().fail(fault)
    }

    fn leftovers(&self) -> Vec<String> {
        self.folder().leftovers()
    }

    fn memory(&self) -> Option<u64> {
        // One layout is enough to measure what both share.
        (self.layout == "snapshots").then_some(32 << 20)
    }
}

#[tokio::test]
async fn both_layouts_pass_the_suite() {
    for layout in ["latest", "snapshots"] {
        let fresh = || Parquet {
            layout,
            path: tempfile::tempdir().unwrap(),
        };
        conformance::check("parquet", fresh).await;
    }
}
