//! Rows are read back as they were written.

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;

/// The schema of a file without the ids of its fields, and its rows.
pub(crate) fn read(path: &Path) -> (Schema, Vec<RecordBatch>) {
    let builder = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(path).unwrap()).unwrap();
    let fields = builder.schema().fields().iter().map(|field| {
        let mut metadata = field.metadata().clone();
        assert!(metadata.remove("PARQUET:field_id").is_some(), "{field}");
        field.as_ref().clone().with_metadata(metadata)
    });
    let schema = Schema::new(fields.collect::<Vec<_>>());
    let batches = builder.build().unwrap();
    (schema, batches.map(|batch| batch.unwrap()).collect())
}

#[tokio::test]
async fn every_type_comes_back_with_its_nulls_its_zone_and_its_description() {
    let out = tempfile::tempdir().unwrap();
    let batch = every_type();
    publish(
        out.path(),
        "?layout=latest",
        &[batch.clone(), batch.clone()],
    )
    .await;

    let (schema, batches) = read(&out.path().join("products.parquet"));
    assert_eq!(&schema, batch.table.schema.as_ref());
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    assert_eq!(rows, 6);
    for half in [0, 3] {
        assert_eq!(batches[0].slice(half, 3).columns(), batch.records.columns());
    }
}

#[tokio::test]
async fn texts_of_any_length_come_back() {
    let out = tempfile::tempdir().unwrap();
    let batch = long(3, 70_000);
    publish(out.path(), "?layout=latest", std::slice::from_ref(&batch)).await;
    let (_, batches) = read(&out.path().join("long.parquet"));
    assert_eq!(batches[0].columns(), batch.records.columns());
}

#[tokio::test]
async fn a_wide_table_comes_back() {
    let out = tempfile::tempdir().unwrap();
    let fields = (0..500).map(|n| Field::new(format!("c{n}"), DataType::Int64, true));
    let columns = (0..500).map(|n| Arc::new(Int64Array::from(vec![n, n + 1])) as ArrayRef);
    let batch = batch(&table("wide", &[], fields.collect()), columns.collect());
    publish(out.path(), "?layout=latest", std::slice::from_ref(&batch)).await;
    let (_, batches) = read(&out.path().join("wide.parquet"));
    assert_eq!(batches[0].columns(), batch.records.columns());
}

#[tokio::test]
async fn a_table_without_rows_has_a_file_with_its_columns() {
    let out = tempfile::tempdir().unwrap();
    let batch = every_type();
    let sink = open(out.path(), "", context(vec![Arc::clone(&batch.table)]))
        .await
        .unwrap();
    deliver(sink, &[]).await.unwrap();
    let (schema, batches) = read(&published_files(out.path(), SNAPSHOT, "products")[0]);
    assert_eq!(&schema, batch.table.schema.as_ref());
    assert!(batches.is_empty());
}

#[tokio::test]
async fn the_same_batches_give_the_same_bytes() {
    let texts = [(); 2].map(async |()| {
        let out = tempfile::tempdir().unwrap();
        publish(
            out.path(),
            "?row_group_bytes=65536",
            &[every_type(), long(5000, 20)],
        )
        .await;
        ["products", "long"]
            .map(|table| fs::read(&published_files(out.path(), SNAPSHOT, table)[0]).unwrap())
    });
    let [one, two] = texts;
    assert_eq!(one.await, two.await);
}
