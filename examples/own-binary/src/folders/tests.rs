//! The suite that every sink passes.

use std::fs;

use async_trait::async_trait;
use fortilake_sink::conformance::{self, Destination, Part, View};
use fortilake_sink::{Context, Options};
use serde_json::{Value, json};

/// A folder as its readers see it.
struct Folder(tempfile::TempDir);

#[async_trait(?Send)]
impl Destination for Folder {
    fn options(&self) -> Options {
        Options::from_iter([("path", json!(self.0.path()))])
    }

    async fn read(&self, context: &Context) -> View {
        let folders = fs::read_dir(self.0.path()).unwrap();
        let mut folders = folders.map(|entry| entry.unwrap().path());
        // A folder whose name begins with a dot is not published.
        let found = folders.find_map(|folder| {
            if folder.file_name()?.to_str()?.starts_with('.') {
                return None;
            }
            let about = fs::read(folder.join("_crawl.json")).ok()?;
            let about: Value = serde_json::from_slice(&about).unwrap();
            let is_ours = about["crawl_id"] == context.crawl.id.as_str();
            is_ours.then_some((folder, about))
        });
        let Some((snapshot, about)) = found else {
            return View::default();
        };
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
            whole: true,
            parts: parts.collect(),
            summary: serde_json::from_value(about["outcome"].clone()).ok(),
        }
    }

    async fn leftovers(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().display().to_string());
        names.filter(|name| name.starts_with('.')).collect()
    }
}

#[tokio::test]
async fn passes_the_suite() {
    conformance::check("folders", async || Folder(tempfile::tempdir().unwrap())).await;
}
