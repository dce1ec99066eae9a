//! Tests of the sink from a user's point of view: the conformance suite, and the published file.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail the test, and clippy only knows the tests themselves"
)]

use std::fs;

use async_trait::async_trait;
use fortilake_sink::conformance::{self, Destination, Part, View};
use fortilake_sink::{Context, Crawl, Options, Outcome, Phase, Selection, Spec};
use serde_json::{Value, json};
use tempfile::TempDir;
use {{crate}} as _;

/// The folder that the sink publishes into, as a reader sees it.
struct Folder(TempDir);

#[async_trait(?Send)]
impl Destination for Folder {
    fn options(&self) -> Options {
        Options::from_iter([("path", json!(self.0.path()))])
    }

    async fn read(&self, context: &Context) -> View {
        let end = format!("_{}.jsonl", context.crawl.id);
        let file = self.names().into_iter().find(|name| name.ends_with(&end));
        let Some(file) = file else {
            return View::default();
        };
        let text = fs::read_to_string(self.0.path().join(file)).unwrap();
        let mut lines = text.split_terminator('\n').map(|line| serde_json::from_str(line).unwrap());
        let head: Value = lines.next().unwrap();
        let named = head["tables"].as_array().unwrap().iter();
        let mut parts: Vec<_> = named.map(|table| part(table, Vec::new())).collect();
        let lines: Vec<Value> = lines.collect();
        let outcome = lines.last().map(|line| line["outcome"].clone()).filter(Value::is_object);
        let rows = lines.iter().filter(|line| line["row"].is_object());
        parts.extend(rows.map(|line| part(&line["table"], vec![line["row"].clone()])));
        View {
            whole: outcome.is_some(),
            parts,
            summary: outcome.map(|outcome| serde_json::from_value(outcome).unwrap()),
        }
    }

    async fn leftovers(&self) -> Vec<String> {
        let names = self.names().into_iter();
        names.filter(|name| name.starts_with('.')).collect()
    }

    fn memory(&self) -> Option<u64> {
        Some(48 << 20)
    }
}

impl Folder {
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().display().to_string()).collect()
    }
}

fn part(table: &Value, rows: Vec<Value>) -> Part {
    Part {
        table: table.as_str().unwrap().to_owned(),
        id: None,
        rows,
    }
}

#[tokio::test]
async fn passes_the_suite() {
    conformance::check("{{name}}", async || Folder(tempfile::tempdir().unwrap())).await;
}

#[tokio::test]
async fn a_crawl_without_tables_is_two_lines() {
    let folder = tempfile::tempdir().unwrap();
    let crawl = Crawl {
        id: "c1".to_owned(),
        edition: "c1.5eed".to_owned(),
        name: "20260901T120000Z".to_owned(),
        phase: Phase::Reading,
        selection: Selection::default(),
        started_at: "2026-09-01T12:00:00Z".to_owned(),
        generator: "fortilake 0.1.0".to_owned(),
    };
    let options = Options::from_iter([("path", json!(folder.path()))]);
    let spec = Spec {
        sink: "{{name}}".to_owned(),
        options: options.0.clone(),
    };
    let context = Context::new(crawl, Vec::new());
    let sink = spec.open(context, options).await.unwrap();
    let receipt = sink.finish(&Outcome::default()).await.unwrap();
    let text = fs::read_to_string(receipt.location).unwrap();
    assert_eq!(
        text.lines().next().unwrap(),
        r#"{"crawl_id":"c1","tables":[]}"#
    );
    assert_eq!(text.lines().count(), 2);
    assert_eq!(receipt.bytes, text.len() as u64);
}
