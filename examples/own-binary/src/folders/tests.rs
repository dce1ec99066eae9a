//! The suite that every sink passes.

use std::fs;

use fortilake_sink::conformance::{self, Destination, Part, View};
use fortilake_sink::{Context, Options};
use serde_json::json;

/// A folder as its readers see it.
struct Folder(tempfile::TempDir);

impl Destination for Folder {
    fn options(&self) -> Options {
        Options::from_iter([("path", json!(self.0.path()))])
    }

    fn read(&self, context: &Context) -> View {
        let snapshot = self.0.path().join(&context.crawl.snapshot);
        let parts = context.tables.iter().filter_map(|table| {
            let text = fs::read(snapshot.join(format!("{}.jsonl", table.name))).ok()?;
            let rows = serde_json::Deserializer::from_slice(&text).into_iter();
            Some(Part {
                table: table.name.clone(),
                id: None,
                rows: rows.map(|row| row.unwrap()).collect(),
            })
        });
        View {
            whole: snapshot.exists(),
            parts: parts.collect(),
        }
    }
}

#[tokio::test]
async fn passes_the_suite() {
    conformance::check("folders", || Folder(tempfile::tempdir().unwrap())).await;
}
