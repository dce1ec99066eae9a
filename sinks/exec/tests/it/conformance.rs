//! The conformance suite for sinks, run with a program that stores each table as a file.

use std::fs::{self, File};

use arrow_ipc::reader::StreamReader;
use fortilake_sink::conformance::{self, Destination, Fault, Part, View};
use fortilake_sink::{Context, Options, TableSpec};
use serde_json::{Value, json};

use crate::Place;

/// Stores a table under the id of its crawl, replacing an earlier one.
///
/// If there is a file named `down`, the script fails; if there is one named `slow`, it waits a little.
const KEEP: &str = r#"
    if [ -e "$OUT/down" ]; then echo 'the destination is down' >&2; exit 75; fi
    if [ -e "$OUT/slow" ]; then sleep 0.05; fi
    mkdir -p "$OUT/$FORTILAKE_CRAWL_ID"
    cat > "$OUT/$FORTILAKE_CRAWL_ID/$FORTILAKE_TABLE.part"
    mv "$OUT/$FORTILAKE_CRAWL_ID/$FORTILAKE_TABLE.part" "$OUT/$FORTILAKE_CRAWL_ID/$FORTILAKE_TABLE"
"#;

/// How much the memory of the process may grow, in bytes: room for a batch or two and their encoding.
const MEMORY: u64 = 40 << 20;

struct Kept {
    place: Place,
    format: &'static str,
}

impl Kept {
    fn rows(&self, file: File) -> Vec<Value> {
        if self.format == "ndjson" {
            let lines = serde_json::Deserializer::from_reader(std::io::BufReader::new(file));
            return lines.into_iter().map(Result::unwrap).collect();
        }
        let reader = StreamReader::try_new_buffered(file, None).unwrap();
        reader
            .flat_map(|records| conformance::rows(&records.unwrap()).unwrap())
            .collect()
    }

    fn part(&self, context: &Context, table: &TableSpec) -> Option<Part> {
        let crawl = &context.crawl.id;
        let path = self.place.path().join(crawl).join(&table.name);
        Some(Part {
            table: table.name.clone(),
            id: Some(format!("{crawl}/{}", table.name)),
            rows: self.rows(File::open(path).ok()?),
        })
    }
}

#[async_trait::async_trait(?Send)]
impl Destination for Kept {
    fn options(&self) -> Options {
        Options::from_iter([
            ("command", json!(["sh", "-ec", KEEP])),
            ("format", json!(self.format)),
            ("env", json!({ "OUT": self.place.path() })),
        ])
    }

    async fn read(&self, context: &Context) -> View {
        let parts = context
            .tables
            .iter()
            .filter_map(|table| self.part(context, table));
        let parts: Vec<_> = parts.collect();
        View {
            whole: parts.len() == context.tables.len(),
            parts,
            summary: None,
        }
    }

    async fn fail(&self, fault: Fault) -> bool {
        let state = match fault {
            Fault::Down => "down",
            Fault::Slow => "slow",
            _ => return false,
        };
        fs::write(self.place.path().join(state), "").unwrap();
        true
    }

    async fn heal(&self) {
        for state in ["down", "slow"] {
            let _ = fs::remove_file(self.place.path().join(state));
        }
    }

    fn memory(&self) -> Option<u64> {
        // Both suites run in the same process, so only one of them can measure its memory.
        (self.format == "arrow").then_some(MEMORY)
    }
}

async fn passes_the_suite(format: &'static str) {
    let fresh = async || Kept {
        place: Place::new(),
        format,
    };
    conformance::check("exec", fresh).await;
}

#[tokio::test]
async fn passes_the_suite_with_arrow() {
    passes_the_suite("arrow").await;
}

#[tokio::test]
async fn passes_the_suite_with_ndjson() {
    passes_the_suite("ndjson").await;
}
