//! Tests of the commit protocol from a reader's point of view. The test format writes one line per row.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::{Int64Array, RecordBatch, StringArray};
use fortilake_sink::{
    Batch, Context, Crawl, DataType, Error, Field, KeyIn, Kind, MemoryStore, Origin, Outcome,
    Partial, Phase, Receipt, Result, Schema, ScopeId, ScopeOutcome, ScopeResult, Selection, Sink,
    Standing, Store, TableSpec,
};
use serde_json::{Map, Value, json};

use self::memory::MemoryPlace;
use crate::*;

mod catalogs;
mod deaths;
mod guards;
mod memory;
mod old;
mod old_plans;
mod pruning;
mod publishing;
mod races;
mod readers;
mod refusals;
mod uploads;

const FIRST: &str = "20260901T120000Z";
const SECOND: &str = "20260902T120000Z";
const THIRD: &str = "20260903T120000Z";

/// Writes the first column, one line per row. Fails at a row with the text `fail`.
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

    fn encoder(
        &self,
        _: &Crawl,
        _: &str,
        table: &TableSpec,
        output: Output,
    ) -> Result<LinesEncoder> {
        if table.name == "strange" {
            return Err(Error::new(
                Kind::Internal,
                "table `strange` cannot be written",
            ));
        }
        Ok(LinesEncoder(output))
    }
}

impl Encoder for LinesEncoder {
    fn write(&mut self, records: &RecordBatch) -> Result<()> {
        for name in records.column(0).as_string::<i32>().iter().flatten() {
            let path = self.0.path().to_owned();
            let written = match name {
                "fail" => Err(std::io::ErrorKind::StorageFull.into()),
                name => writeln!(self.0, "{name}"),
            };
            written.map_err(|error| Error::io("write", &path, error))?;
        }
        Ok(())
    }

    fn finish(self) -> Result<()> {
        Ok(())
    }
}

fn spec(name: &str) -> Arc<TableSpec> {
    let about = [("description".to_owned(), "The name.".to_owned())];
    let fields = vec![
        Field::new("name", DataType::Utf8, false).with_metadata(about.into()),
        Field::new("size", DataType::Int64, true),
    ];
    Arc::new(TableSpec {
        name: name.to_owned(),
        summary: format!("One of the {name}."),
        schema: Arc::new(Schema::new(fields)),
        key: vec!["name".to_owned()],
        key_in: KeyIn::Scope,
    })
}

fn scope(subject: &str) -> Arc<ScopeId> {
    Arc::new(ScopeId {
        source: "acme".to_owned(),
        endpoint: "products/list".to_owned(),
        subject: subject.to_owned(),
    })
}

/// A crawl of the tables `apples` and `pears`, in which each row contains the crawl's id.
#[derive(Clone)]
struct Load {
    crawl: Crawl,
    tables: Vec<Arc<TableSpec>>,
    failed: Vec<&'static str>,
    store: Arc<dyn Store>,
    partial: Option<Partial>,
}

fn load(id: &str, name: &str) -> Load {
    let crawl = Crawl {
        id: id.to_owned(),
        edition: format!("{id}.5eed"),
        name: name.to_owned(),
        phase: Phase::Reading,
        selection: Selection::default(),
        started_at: "2026-09-01T12:00:00Z".to_owned(),
        generator: "fortilake 0.1.0".to_owned(),
    };
    Load {
        crawl,
        tables: vec![spec("apples"), spec("pears")],
        failed: Vec::new(),
        store: Arc::new(MemoryStore::default()),
        partial: None,
    }
}

impl Load {
    fn replayed(mut self) -> Self {
        self.crawl.phase = Phase::Ended;
        self
    }

    fn failing(mut self, subjects: &[&'static str]) -> Self {
        self.failed = subjects.to_vec();
        self
    }

    fn of_accounts(mut self, accounts: &[i64]) -> Self {
        self.crawl.selection.accounts = Some(accounts.iter().copied().collect());
        self
    }

    fn with_tables(mut self, names: &[&str]) -> Self {
        self.tables = names.iter().map(|name| spec(name)).collect();
        self
    }

    fn context(&self) -> Context {
        Context::new(self.crawl.clone(), self.tables.clone())
            .with_store(Arc::clone(&self.store))
            .with_partial(self.partial)
    }

    /// Three rows for the first table and one row for each other table.
    fn batches(&self) -> Vec<Batch> {
        let counts = [3].into_iter().chain(std::iter::repeat(1));
        let tables = self.tables.iter().zip(counts);
        let batches = tables.map(|(table, count)| {
            let names = StringArray::from(vec![self.crawl.id.clone(); count]);
            let sizes = Int64Array::from(vec![7; count]);
            let records = RecordBatch::try_new(
                Arc::clone(&table.schema),
                vec![Arc::new(names), Arc::new(sizes)],
            );
            Batch {
                table: Arc::clone(table),
                scope: scope("account=1"),
                piece: 0,
                origin: Origin::Read,
                records: records.unwrap(),
            }
        });
        batches.collect()
    }

    fn outcome(&self) -> Outcome {
        let batches = self.batches();
        let rows = batches.iter();
        let rows: BTreeMap<_, _> = rows
            .map(|batch| (batch.table.name.clone(), batch.records.num_rows() as u64))
            .collect();
        let mut scopes = vec![ScopeOutcome {
            scope: scope("account=1"),
            result: ScopeResult::Complete,
            rows: rows.clone(),
            observed_at: 0,
        }];
        scopes.extend(self.failed.iter().map(|subject| ScopeOutcome {
            scope: scope(subject),
            result: ScopeResult::Failed {
                error: "HTTP 500".to_owned(),
            },
            rows: BTreeMap::new(),
            observed_at: 0,
        }));
        Outcome {
            complete: self.failed.is_empty(),
            scopes,
            selection: self.crawl.selection.clone(),
            tables: rows,
            finished_at: 1_788_264_000_000_000,
            ..Outcome::default()
        }
    }
}

fn target(layout: Layout) -> FileTarget {
    FileTarget {
        path: "out".into(),
        bucket: BucketOptions::default(),
        layout,
        keep: None,
        partial: None,
        catalog: None,
    }
}

async fn open_in(place: Arc<dyn Place>, target: FileTarget, load: &Load) -> Result<Box<dyn Sink>> {
    open::open(place, target, Box::new(Lines("txt")), load.context()).await
}

async fn deliver(place: Arc<dyn Place>, target: FileTarget, load: &Load) -> Result<Receipt> {
    let mut sink = open_in(place, target, load).await?;
    for batch in load.batches() {
        if let Err(error) = sink.write(&batch).await {
            sink.abort().await?;
            return Err(error);
        }
    }
    sink.finish(&load.outcome()).await
}

fn local(root: &Path) -> Arc<dyn Place> {
    Arc::new(LocalPlace::new(root))
}

async fn publish(place: &Arc<dyn Place>, layout: Layout, load: &Load) -> Receipt {
    deliver(Arc::clone(place), target(layout), load)
        .await
        .unwrap()
}

/// The id of the crawl that readers of `layout` see; `None` without a pointer. Panics if the files mix crawls.
async fn seen(place: &dyn Place, layout: Layout) -> Option<String> {
    let latest = pointer::read(place, layout).await.unwrap()?;
    let manifest = names::read_manifest(place, layout, &latest.snapshot)
        .await
        .unwrap();
    let manifest = manifest.expect("the pointer names a manifest");
    check_files(place, layout, &manifest).await;
    Some(manifest.crawl.id)
}

/// Asserts that all files of a snapshot exist and contain only rows of its crawl.
async fn check_files(place: &dyn Place, layout: Layout, manifest: &Manifest) {
    assert!(manifest.files(layout).count() > 0);
    for file in manifest.files(layout) {
        let found = place.digest(&file.path).await.unwrap();
        let found = found.unwrap_or_else(|| panic!("`{}` is missing", file.path));
        assert_eq!((found.bytes, &found.sha256), (file.bytes, &file.sha256));
        let content = place.get(&file.path).await.unwrap().unwrap().content;
        let text = String::from_utf8(content).unwrap();
        assert!(text.lines().all(|line| line == manifest.crawl.id), "{text}");
        assert_eq!(text.lines().count() as u64, file.rows);
    }
}

/// Asserts that a place contains only claims, pointers, locks, manifests, and the files that these list.
async fn check_clean(place: &dyn Place, layout: Layout) {
    let mut named = Vec::new();
    for name in names::published(place, layout).await.unwrap() {
        let manifest = names::read_manifest(place, layout, &name)
            .await
            .unwrap()
            .unwrap();
        check_files(place, layout, &manifest).await;
        named.extend(manifest.files(layout).map(|file| file.path.clone()));
        named.push(layout.manifest(&name));
    }
    let ours = |path: &str| {
        path.starts_with("_fortilake/claims/")
            || path.starts_with("_fortilake/catalogs/")
            || path.ends_with("lock")
            || [
                "_fortilake/latest.json",
                "_fortilake/current",
                "_fortilake/current.json",
            ]
            .contains(&path)
            || (layout == Layout::Latest && !path.contains('/'))
    };
    for path in tree(place).await {
        assert!(ours(&path) || named.contains(&path), "`{path}` is left");
    }
}

/// The paths of all files in a place.
async fn tree(place: &dyn Place) -> Vec<String> {
    let mut files = place.list("_fortilake").await.unwrap();
    for table in ["apples", "pears", "plums"] {
        files.extend(place.list(table).await.unwrap());
        files.extend(place.list(&format!("{table}.txt")).await.unwrap());
    }
    files
}

async fn newest(place: &dyn Place, layout: Layout) -> String {
    let latest = pointer::read(place, layout).await.unwrap();
    latest.expect("there is a pointer").snapshot
}
