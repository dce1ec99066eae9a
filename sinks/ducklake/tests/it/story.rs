//! Several crawls: versions, columns that come and go, pruning, and catalogs that are refused.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use fortilake_sink::{
    Batch, Context, Crawl, DataType, Field, KeyIn, Kind, Options, Origin, Outcome, Phase, Result,
    Schema, ScopeId, ScopeOutcome, ScopeResult, Selection, Spec, TableSpec,
};
use fortilake_snapshot::parquet::field_id;
use serde_json::json;

use crate::lake::{Lake, in_each_database};
use crate::reader;

in_each_database!(
    a_version_of_all_tables_is_one_snapshot,
    a_catalog_with_other_column_ids_maps_columns_by_name,
    statistics_of_the_table_cover_all_versions,
    a_pruned_version_is_forgotten_before_its_files_go,
    the_files_are_never_scheduled_for_deletion,
    catalogs_that_cannot_be_used_are_refused_before_anything_is_written,
);

/// Publishes a snapshot of `things` with these values in the column `size`. The second day has a table `parts`.
pub(crate) async fn publish(
    lake: &Lake,
    keep: Option<u32>,
    day: u32,
    sizes: Option<&[i64]>,
) -> Result<()> {
    let options = keep.map(|last| ("keep".to_owned(), json!({ "last": last })));
    publish_with(lake, options.into_iter().collect(), day, sizes).await
}

/// As [`publish`], with these options beside or in the place of those of the lake.
pub(crate) async fn publish_with(
    lake: &Lake,
    more: Options,
    day: u32,
    sizes: Option<&[i64]>,
) -> Result<()> {
    let ids = Int64Array::from_iter_values((0..2).map(|row| i64::from(day) * 10 + row));
    let names = StringArray::from(vec![Some("x"), (day > 1).then_some("y")]);
    let mut columns: Vec<(&str, ArrayRef)> = vec![("id", Arc::new(ids)), ("name", Arc::new(names))];
    if let Some(sizes) = sizes {
        columns.insert(1, ("size", Arc::new(Int64Array::from(sizes.to_vec()))));
    }
    let fields = columns
        .iter()
        .map(|(name, values)| Field::new(*name, values.data_type().clone(), *name != "id"));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let table = |name: &str, schema| {
        Arc::new(TableSpec {
            name: name.to_owned(),
            summary: format!("One of the {name}."),
            schema,
            key: vec!["id".to_owned()],
            key_in: KeyIn::Scope,
        })
    };
    let things = table("things", Arc::clone(&schema));
    let mut tables = vec![Arc::clone(&things)];
    if day == 2 {
        let id = Field::new("id", DataType::Int64, false);
        tables.push(table("parts", Arc::new(Schema::new(vec![id]))));
    }
    let crawl = Crawl {
        id: format!("c{day}"),
        edition: format!("c{day}.5eed"),
        name: format!("202609{day:02}T120000Z"),
        phase: Phase::Ended,
        selection: Selection::default(),
        started_at: format!("2026-09-{day:02}T12:00:00Z"),
        generator: "fortilake 0.1.0".to_owned(),
    };
    let spec = format!("ducklake:{}?data={}", lake.catalog(), lake.data().display());
    let spec = Spec::parse(&spec)?;
    let mut options = Options(spec.options.clone());
    options.0.extend(more.0);
    let mut sink = spec.open(Context::new(crawl, tables), options).await?;
    let scope = Arc::new(ScopeId {
        source: "acme".to_owned(),
        endpoint: "products/list".to_owned(),
        subject: "account=1".to_owned(),
    });
    let columns = columns.into_iter().map(|(_, values)| values).collect();
    let batch = Batch {
        table: things,
        scope: Arc::clone(&scope),
        piece: 0,
        origin: Origin::Read,
        records: RecordBatch::try_new(schema, columns).unwrap(),
    };
    sink.write(&batch).await?;
    let rows = BTreeMap::from([("things".to_owned(), 2)]);
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
    sink.finish(&outcome).await.map(drop)
}

async fn folders(lake: &Lake, version: i64) -> BTreeMap<String, Vec<String>> {
    let mut files = reader::files(lake, version).await;
    for path in files.values_mut().flatten() {
        assert!(Path::new(path).exists(), "`{path}` does not exist");
        *path = path.split_once("snapshot=202609").unwrap().1[..2].to_owned();
    }
    files
}

fn told(pairs: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
    let days = |days: &&[&str]| days.iter().map(|&day| day.to_owned()).collect();
    let pairs = pairs.iter();
    pairs
        .map(|(table, files)| ((*table).to_owned(), days(files)))
        .collect()
}

async fn a_version_of_all_tables_is_one_snapshot(lake: &Lake) {
    publish(lake, None, 1, None).await.unwrap();
    publish(lake, None, 2, Some(&[5, 10])).await.unwrap();
    publish(lake, None, 4, None).await.unwrap();
    // An older crawl, and a newer one again, change nothing.
    publish(lake, None, 3, None).await.unwrap();
    publish(lake, None, 4, None).await.unwrap();
    let names = lake
        .query("SELECT snapshot_id || ' ' || name FROM fortilake_snapshots ORDER BY 1")
        .await;
    assert_eq!(
        names,
        [
            "1 20260901T120000Z",
            "2 20260902T120000Z",
            "3 20260904T120000Z"
        ]
    );
    assert_eq!(folders(lake, 1).await, told(&[("things", &["01"])]));
    assert_eq!(
        folders(lake, 2).await,
        told(&[("parts", &[]), ("things", &["02"])])
    );
    assert_eq!(
        folders(lake, 3).await,
        told(&[("parts", &[]), ("things", &["04"])])
    );
    let changes = lake
        .query("SELECT changes_made FROM ducklake_snapshot_changes ORDER BY snapshot_id")
        .await;
    insta::assert_snapshot!(changes.join("\n"), @r#"
    created_schema:"main"
    created_table:"main"."things",inserted_into_table:1
    altered_table:1,deleted_from_table:1,inserted_into_table:1,created_table:"main"."parts"
    deleted_from_table:1,inserted_into_table:1
    "#);
    // Two versions never have the same time, although the crawls finished at the same time.
    let times = lake
        .query("SELECT DISTINCT CAST(snapshot_time AS TEXT) FROM ducklake_snapshot")
        .await;
    assert_eq!(times.len(), 4);
    // The ids are those in the files.
    let columns = lake.query("SELECT column_id || ' ' || column_name || ' ' || column_type || ' ' || CAST(nulls_allowed AS INTEGER) || ' ' || begin_snapshot
         FROM ducklake_column WHERE table_id = 1 ORDER BY column_order").await;
    let expected = [
        ("id", "int64 0 1"),
        ("name", "varchar 1 1"),
        ("size", "int64 1 2"),
    ];
    let expected = expected.map(|(name, rest)| format!("{} {name} {rest}", field_id(name)));
    assert_eq!(columns, expected);
    assert_eq!(mappings(lake).await, ["", "", ""]);
}

/// The mapping of each file; empty if its field ids are the ids of the columns.
async fn mappings(lake: &Lake) -> Vec<String> {
    lake.query(
        "SELECT coalesce(CAST(mapping_id AS TEXT), '') FROM ducklake_data_file ORDER BY data_file_id",
    )
    .await
}

async fn a_catalog_with_other_column_ids_maps_columns_by_name(lake: &Lake) {
    publish(lake, None, 1, None).await.unwrap();
    // Earlier versions numbered the columns.
    for table in [
        "ducklake_column",
        "ducklake_file_column_stats",
        "ducklake_table_column_stats",
    ] {
        for (name, id) in [("id", 1), ("name", 2)] {
            let sql = format!(
                "UPDATE {table} SET column_id = {id} WHERE column_id = {}",
                field_id(name)
            );
            assert_eq!(lake.execute(&sql).await, 1);
        }
    }
    publish(lake, None, 2, Some(&[5, 10])).await.unwrap();
    publish(lake, None, 3, None).await.unwrap();
    publish(lake, None, 4, None).await.unwrap();
    // Files with the same columns share a mapping.
    let mappings = mappings(lake).await;
    assert_eq!(mappings[0], "");
    assert!(!mappings[1].is_empty() && !mappings[2].is_empty());
    assert_ne!(mappings[1], mappings[2]);
    assert_eq!(mappings[2], mappings[3]);
    let mapped = lake.query("SELECT source_name || ' ' || target_field_id FROM ducklake_name_mapping ORDER BY mapping_id, source_name").await;
    let size = format!("size {}", field_id("size"));
    assert_eq!(mapped, ["id 1", "name 2", &size, "id 1", "name 2"]);
}

async fn statistics_of_the_table_cover_all_versions(lake: &Lake) {
    publish(lake, None, 1, Some(&[7, 100])).await.unwrap();
    publish(lake, None, 2, Some(&[5, 20])).await.unwrap();
    let statistics = "SELECT CAST(contains_null AS INTEGER) || ' ' || min_value || ' ' || max_value
                      FROM ducklake_table_column_stats JOIN ducklake_column USING (table_id, column_id)
                      WHERE table_id = 1 ORDER BY column_order";
    // The first version has a null in `name`.
    let expected = ["0 10 21", "0 5 100", "1 x y"];
    assert_eq!(lake.query(statistics).await, expected);
    publish(lake, None, 3, None).await.unwrap();
    assert_eq!(
        lake.query(statistics).await,
        ["0 10 31", "1 5 100", "1 x y"]
    );
    let counts = lake.query("SELECT record_count || ' ' || next_row_id FROM ducklake_table_stats WHERE table_id = 1").await;
    assert_eq!(counts, ["6 6"]);
    let starts = lake
        .query("SELECT row_id_start || '' FROM ducklake_data_file ORDER BY data_file_id")
        .await;
    assert_eq!(starts, ["0", "2", "4"]);
}

async fn a_pruned_version_is_forgotten_before_its_files_go(lake: &Lake) {
    for day in 1..=3 {
        publish(lake, None, day, None).await.unwrap();
    }
    publish(lake, Some(2), 4, None).await.unwrap();
    let versions = lake
        .query("SELECT snapshot_id || '' FROM ducklake_snapshot ORDER BY snapshot_id")
        .await;
    assert_eq!(versions, ["0", "3", "4"]);
    for version in [3, 4] {
        let day = format!("0{version}");
        assert_eq!(folders(lake, version).await["things"], [day]);
    }
    let files = lake.query("SELECT path FROM ducklake_data_file").await;
    assert_eq!(files.len(), 2);
    let statistics = lake
        .query("SELECT DISTINCT data_file_id || '' FROM ducklake_file_column_stats")
        .await;
    assert_eq!(statistics.len(), 2);
}

async fn the_files_are_never_scheduled_for_deletion(lake: &Lake) {
    publish(lake, None, 1, None).await.unwrap();
    // What DuckLake does when versions expire.
    let sql = "INSERT INTO ducklake_files_scheduled_for_deletion SELECT data_file_id, path, false, CURRENT_TIMESTAMP
               FROM ducklake_data_file UNION ALL SELECT 77, '/elsewhere/x.parquet', false, CURRENT_TIMESTAMP";
    lake.execute(sql).await;
    let scheduled = lake
        .query("SELECT path FROM ducklake_files_scheduled_for_deletion")
        .await;
    assert_eq!(scheduled, ["/elsewhere/x.parquet"]);
}

pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let errors = std::iter::successors(Some(error), |error| error.source());
    errors.fold(String::new(), |text, error| {
        text + &error.to_string() + "\n"
    })
}

async fn catalogs_that_cannot_be_used_are_refused_before_anything_is_written(lake: &Lake) {
    let cases = [
        (
            "UPDATE ducklake_metadata SET value = '2.0' WHERE key = 'version'",
            "has version `2.0`",
        ),
        (
            "UPDATE ducklake_metadata SET value = 'true' WHERE key = 'encrypted'",
            "is encrypted",
        ),
        (
            "UPDATE ducklake_metadata SET value = '/' WHERE key = 'data_path'",
            "at or above the place",
        ),
        (
            "DELETE FROM fortilake_tables",
            "a table `things` that fortilake did not create",
        ),
    ];
    for (sql, wanted) in cases {
        let lake = lake.fresh().await;
        publish(&lake, None, 1, None).await.unwrap();
        lake.execute(sql).await;
        let error = publish(&lake, None, 2, None).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Config);
        let text = with_causes(&error);
        assert!(text.contains(wanted), "{text}");
        let written = "things/snapshot=20260902T120000Z";
        assert!(!lake.data().join(written).exists());
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let lake = Lake::new();
    std::fs::write(lake.file(), "no database, and not empty either").unwrap();
    let error = publish(&lake, None, 1, None).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Config, "{error:?}");
}
