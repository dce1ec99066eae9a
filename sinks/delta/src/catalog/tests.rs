//! Commits beside other writers and after faults.

use std::path::Path;

use arrow_array::{Int64Array, RecordBatch};
use fortilake_sink::{
    Batch, Context, Crawl, DataType, Field, KeyIn, Origin, Outcome, Phase, Schema, ScopeId,
    ScopeOutcome, ScopeResult, Selection, TableSpec,
};
use fortilake_snapshot::faults::{Fault, Faulty};
use fortilake_snapshot::parquet::ParquetOptions;
use fortilake_snapshot::{Layout, LocalPlace, Reader, Which};
use tempfile::TempDir;

use super::*;

fn spec(name: &str, columns: &[&str]) -> Arc<TableSpec> {
    let fields = columns.iter();
    let fields: Vec<_> = fields
        .map(|column| Field::new(*column, DataType::Int64, false))
        .collect();
    Arc::new(TableSpec {
        name: name.to_owned(),
        summary: format!("One of the {name}."),
        schema: Arc::new(Schema::new(fields)),
        key: vec!["id".to_owned()],
        key_in: KeyIn::Scope,
    })
}

/// Publishes a snapshot with one row for each table, without registering it.
async fn publish(root: &Path, day: u32, tables: &[Arc<TableSpec>]) -> Manifest {
    let name = format!("202609{day:02}T120000Z");
    let crawl = Crawl {
        id: format!("c{day}"),
        edition: format!("c{day}.5eed"),
        name: name.clone(),
        phase: Phase::Reading,
        selection: Selection::default(),
        started_at: format!("2026-09-{day:02}T12:00:00Z"),
        generator: "fortilake 0.1.0".to_owned(),
    };
    let options: ParquetOptions = serde_json::from_str("{}").unwrap();
    let target = options.target(root, Layout::Snapshots, None);
    let context = Context::new(crawl, tables.to_vec());
    let mut sink = options.open(target, context).await.unwrap();
    let scope = Arc::new(ScopeId {
        source: "acme".to_owned(),
        endpoint: "products/list".to_owned(),
        subject: "account=1".to_owned(),
    });
    for table in tables {
        let column = || Arc::new(Int64Array::from(vec![i64::from(day)])) as _;
        let columns = table.schema.fields().iter().map(|_| column()).collect();
        let batch = Batch {
            table: Arc::clone(table),
            scope: Arc::clone(&scope),
            piece: 0,
            origin: Origin::Read,
            records: RecordBatch::try_new(Arc::clone(&table.schema), columns).unwrap(),
        };
        sink.write(&batch).await.unwrap();
    }
    let rows: BTreeMap<_, _> = tables.iter().map(|table| (table.name.clone(), 1)).collect();
    let outcome = Outcome {
        complete: true,
        scopes: vec![ScopeOutcome {
            scope,
            result: ScopeResult::Complete,
            rows: rows.clone(),
            observed_at: 0,
        }],
        tables: rows,
        finished_at: 1_788_264_000_000_000,
        ..Outcome::default()
    };
    sink.finish(&outcome).await.unwrap();
    let reader = Reader::local(root);
    let manifest = reader.resolve(Layout::Snapshots, &Which::Named(name)).await;
    manifest.unwrap().unwrap()
}

/// Three snapshots: the second brings `pears` and a column, the third lacks `apples`.
async fn snapshots(root: &Path) -> Vec<Manifest> {
    let apples = spec("apples", &["id"]);
    let more = spec("apples", &["id", "size"]);
    let (pears, plums) = (spec("pears", &["id"]), spec("plums", &["id"]));
    vec![
        publish(root, 1, &[apples, Arc::clone(&plums)]).await,
        publish(root, 2, &[more, Arc::clone(&pears), Arc::clone(&plums)]).await,
        publish(root, 3, &[pears, plums]).await,
    ]
}

/// One line for each version of a table: the snapshot, the number of columns, and the files that are visible.
fn told(root: &Path, table: &str) -> Vec<String> {
    let mut active = BTreeSet::new();
    let mut columns = 0;
    let mut lines = Vec::new();
    for version in 0.. {
        let Ok(text) = std::fs::read_to_string(root.join(path(table, version))) else {
            return lines;
        };
        let mut snapshot = "none".to_owned();
        for line in text.lines() {
            let action: Value = serde_json::from_str(line).unwrap();
            if let Some(path) = action["add"]["path"].as_str() {
                assert!(active.insert(path.to_owned()), "`{path}` is added twice");
            }
            if let Some(path) = action["remove"]["path"].as_str() {
                assert!(active.remove(path), "`{path}` is removed, but not there");
            }
            if let Some(name) = action["commitInfo"]["fortilakeSnapshot"].as_str() {
                name[6..8].clone_into(&mut snapshot);
            }
            if let Some(schema) = action["metaData"]["schemaString"].as_str() {
                let schema: Value = serde_json::from_str(schema).unwrap();
                columns = schema["fields"].as_array().unwrap().len();
            }
        }
        let days = active.iter().map(|path| {
            path.split_once("snapshot=202609")
                .map_or(path.as_str(), |(_, rest)| &rest[..2])
        });
        let days: Vec<_> = days.collect();
        lines.push(format!("{snapshot}: {columns} columns, {}", days.join(" ")));
    }
    lines
}

fn check(root: &Path) {
    let apples = ["01: 1 columns, 01", "02: 2 columns, 02", "03: 2 columns, "];
    assert_eq!(told(root, "apples"), apples);
    let pears = [
        "none: 1 columns, ",
        "02: 1 columns, 02",
        "03: 1 columns, 03",
    ];
    assert_eq!(told(root, "pears"), pears);
    let plums = [
        "01: 1 columns, 01",
        "02: 1 columns, 02",
        "03: 1 columns, 03",
    ];
    assert_eq!(told(root, "plums"), plums);
}

fn remove_logs(root: &Path) {
    for table in ["apples", "pears", "plums"] {
        let _ = std::fs::remove_dir_all(root.join(table).join("_delta_log"));
    }
}

async fn published() -> (TempDir, LocalPlace, Vec<Manifest>) {
    let root = tempfile::tempdir().unwrap();
    let snapshots = snapshots(root.path()).await;
    let place = LocalPlace::new(root.path());
    (root, place, snapshots)
}

#[tokio::test]
async fn a_version_of_every_table_is_one_snapshot() {
    let (root, place, snapshots) = published().await;
    let members = Delta.register(&place, &snapshots).await.unwrap();
    check(root.path());
    let versions = json!({"tables": {"pears": 2, "plums": 2}});
    assert_eq!(Value::from(members.clone()), versions);
    // Again, and one by one: an older snapshot does not replace a newer one.
    assert_eq!(Delta.register(&place, &snapshots).await.unwrap(), members);
    for snapshot in &snapshots {
        let only = std::slice::from_ref(snapshot);
        Delta.register(&place, only).await.unwrap();
    }
    check(root.path());
}

#[tokio::test]
async fn a_fault_at_any_call_is_healed_by_the_next_run() {
    let (root, place, snapshots) = published().await;
    for fault in [Fault::Death, Fault::LostAnswer, Fault::FalseTaken] {
        for at in 0.. {
            remove_logs(root.path());
            let faulty = Faulty::new(Arc::new(place.clone()), fault, at);
            let registered = Delta.register(&faulty, &snapshots).await;
            if faulty.calls() <= at {
                assert!(at > 30, "only {at} calls");
                break;
            }
            if let Err(error) = &registered {
                assert!(error.is_transient(), "{fault:?} at {at}: {error:?}");
                Delta.register(&place, &snapshots).await.unwrap();
            }
            check(root.path());
        }
    }
}

#[tokio::test]
async fn processes_that_register_at_the_same_time_write_each_version_once() {
    let (root, place, snapshots) = published().await;
    for after in 0..30 {
        remove_logs(root.path());
        let slow = Faulty::stopping(Arc::new(place.clone()), after);
        let of_slow = snapshots.clone();
        let registering = {
            let slow = slow.clone();
            tokio::spawn(async move { Delta.register(&slow, &of_slow).await })
        };
        slow.control.stopped.notified().await;
        Delta.register(&place, &snapshots).await.unwrap();
        slow.go_on();
        registering.await.unwrap().unwrap();
        check(root.path());
    }
}

fn write_commit(root: &Path, table: &str, version: u64, actions: &[Value]) {
    let lines: Vec<_> = actions.iter().map(Value::to_string).collect();
    std::fs::write(root.join(path(table, version)), lines.join("\n")).unwrap();
}

#[tokio::test]
async fn what_other_programs_committed_is_replaced() {
    let (root, place, snapshots) = published().await;
    Delta.register(&place, &snapshots[..1]).await.unwrap();
    // What `OPTIMIZE` does, and then a `DELETE` that marks rows of the new file.
    let log = Log::read(&place, "plums").await.unwrap();
    let old = log.active[0]["path"].clone();
    let optimized = [
        json!({"remove": {"path": old, "dataChange": false}}),
        json!({"add": {"path": "part-1.parquet", "size": 7, "dataChange": false}}),
    ];
    write_commit(root.path(), "plums", 1, &optimized);
    let vector = json!({"storageType": "u", "pathOrInlineDv": "ab", "offset": 1});
    let deleted = [
        json!({"remove": {"path": "part-1.parquet"}}),
        json!({"add": {"path": "part-1.parquet", "size": 7, "deletionVector": vector}}),
    ];
    write_commit(root.path(), "plums", 2, &deleted);
    Delta.register(&place, &snapshots).await.unwrap();
    let commit = std::fs::read_to_string(root.path().join(path("plums", 3))).unwrap();
    let removed = commit
        .lines()
        .filter(|line| line.starts_with(r#"{"remove""#));
    let removed: Vec<Value> = removed
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(removed.len(), 1, "{commit}");
    assert_eq!(removed[0]["remove"]["path"], "part-1.parquet");
    assert_eq!(removed[0]["remove"]["deletionVector"], vector);
    assert_eq!(Log::read(&place, "plums").await.unwrap().length, 5);
    // A table that comes later begins where the longest log is.
    assert_eq!(Log::read(&place, "pears").await.unwrap().length, 5);
}

#[tokio::test]
async fn tables_that_cannot_be_continued_are_refused() {
    let (root, place, snapshots) = published().await;
    Delta.register(&place, &snapshots[..2]).await.unwrap();
    let protocol = json!({"protocol": {"minReaderVersion": 3, "minWriterVersion": 7,
        "readerFeatures": ["columnMapping"], "writerFeatures": ["columnMapping", "timestampNtz"]}});
    write_commit(root.path(), "plums", 2, &[protocol]);
    let error = Delta
        .check(&place, &[spec("plums", &["id"])])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Config);
    assert!(error.to_string().contains("`columnMapping`"), "{error}");

    std::fs::remove_file(root.path().join(path("apples", 0))).unwrap();
    Log::read(&place, "apples").await.unwrap();
    std::fs::write(root.path().join(path("apples", 1)), "{").unwrap();
    let error = Delta.register(&place, &snapshots).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Rejected);
    assert!(error.to_string().contains("is damaged"), "{error}");

    let field = Field::new("count", DataType::UInt64, false);
    let counts = TableSpec {
        schema: Arc::new(Schema::new(vec![field])),
        ..TableSpec::clone(&spec("counts", &[]))
    };
    let error = Delta.check(&place, &[Arc::new(counts)]).await.unwrap_err();
    let text = "column `count` of table `counts` has the type `uint64`, which Delta cannot store";
    assert_eq!(error.to_string(), text);
}
