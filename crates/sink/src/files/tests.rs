//! Publishing as its readers see it, with a format of one line per row.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{Array, Int64Array, RecordBatch, StringArray};
use serde_json::{Map, Value, json};

use super::*;
use crate::{
    Batch, Context, Crawl, DataType, Error, Field, Kind, Outcome, Receipt, Result, Schema, Scopes,
    Sink, TableSpec, TableTotal,
};

mod publishing;
mod recovery;
mod refusal;

const FIRST: &str = "20260901T120000Z";
const SECOND: &str = "20260902T120000Z";

/// Writes the first column, a line for each row; fails at the row `fail`.
struct Lines(&'static str);

struct LinesEncoder(Output);

impl Format for Lines {
    type Encoder = LinesEncoder;

    fn name(&self) -> &'static str {
        self.0
    }

    fn extension(&self) -> &'static str {
        self.0
    }

    fn notes(&self) -> Map<String, Value> {
        Map::from_iter([("ends_with".to_owned(), json!("newline"))])
    }

    fn encoder(&self, _: &Crawl, _: &TableSpec, output: Output) -> Result<LinesEncoder> {
        Ok(LinesEncoder(output))
    }
}

impl Encoder for LinesEncoder {
    fn write(&mut self, records: &RecordBatch) -> Result<()> {
        use std::io::Write;

        let names = records.column(0).as_any().downcast_ref::<StringArray>();
        for name in names.into_iter().flatten().flatten() {
            let path = self.0.path().to_owned();
            let written = match name {
                "fail" => Err(std::io::ErrorKind::StorageFull.into()),
                name => writeln!(self.0, "{name}"),
            };
            written.map_err(|error| Error::io("write", &path, error))?;
        }
        Ok(())
    }

    fn finish(self) -> Result<Output> {
        Ok(self.0)
    }
}

fn spec(name: &str) -> Arc<TableSpec> {
    let described = Map::from_iter([("description".to_owned(), json!("The name."))]);
    let described = described
        .into_iter()
        .map(|(key, value)| (key, value.as_str().unwrap_or_default().to_owned()));
    let fields = vec![
        Field::new("name", DataType::Utf8, false).with_metadata(described.collect()),
        Field::new("size", DataType::Int64, true),
    ];
    Arc::new(TableSpec {
        name: name.to_owned(),
        summary: format!("One of the {name}."),
        key: vec!["name".to_owned()],
        schema: Arc::new(Schema::new(fields)),
    })
}

fn context(snapshot: &str, crawl: &str) -> Context {
    let crawl = Crawl {
        id: crawl.to_owned(),
        snapshot: snapshot.to_owned(),
        started_at: "2026-09-01T12:00:00Z".to_owned(),
        generator: "fortilake 0.1.0".to_owned(),
    };
    Context::new(crawl, vec![spec("apples"), spec("pears")])
}

fn batch(table: &str, names: &[&str]) -> Batch {
    let table = spec(table);
    let sizes = (0..).take(names.len()).collect::<Vec<i64>>();
    let records = RecordBatch::try_new(
        Arc::clone(&table.schema),
        vec![
            Arc::new(StringArray::from(names.to_vec())),
            Arc::new(Int64Array::from(sizes)),
        ],
    );
    Batch {
        table,
        sequence: 0,
        records: records.unwrap(),
    }
}

fn outcome() -> Outcome {
    Outcome {
        complete: true,
        scopes: Scopes {
            complete: 3,
            failed: 0,
        },
        failed: Vec::new(),
        tables: Vec::new(),
        finished_at: "2026-09-01T12:10:00Z".to_owned(),
    }
}

async fn open_lines(
    path: &Path,
    format: &'static str,
    layout: Layout,
    context: Context,
) -> Result<Box<dyn Sink>> {
    let target = Target {
        path: path.to_owned(),
        layout,
    };
    open(Lines(format), target, context).await
}

/// Publishes two apples and no pear.
async fn publish(path: &Path, format: &'static str, layout: Layout, context: Context) -> Receipt {
    let mut sink = open_lines(path, format, layout, context).await.unwrap();
    sink.write(&batch("apples", &["boskoop", "elstar"]))
        .await
        .unwrap();
    sink.finish(&outcome()).await.unwrap()
}

/// All files below a folder with their content, without the lock.
fn tree(path: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap().path();
            if entry.is_dir() {
                folders.push(entry);
                continue;
            }
            let name = entry.strip_prefix(path).unwrap().display().to_string();
            if name != "_fortilake/lock" {
                files.insert(name, fs::read_to_string(entry).unwrap());
            }
        }
    }
    files
}

/// The names of the files that readers of tables see.
fn visible(path: &Path) -> Vec<String> {
    let names = tree(path).into_keys();
    names
        .filter(|name| !name.starts_with("_fortilake/"))
        .collect()
}

fn staged(path: &Path) -> usize {
    fs::read_dir(path.join("_fortilake/staging"))
        .unwrap()
        .count()
}

fn manifest(path: &Path, snapshot: &str) -> Manifest {
    let path = path.join(format!("_fortilake/snapshots/{snapshot}.json"));
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn latest(path: &Path) -> Latest {
    serde_json::from_slice(&fs::read(path.join("_fortilake/latest.json")).unwrap()).unwrap()
}
