//! The structure of the files: row groups, statistics, compression and metadata.

use std::collections::BTreeMap;

use parquet::basic::Compression;
use parquet::file::metadata::{
    PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData,
};

use super::*;

fn metadata(path: &Path) -> ParquetMetaData {
    let file = fs::File::open(path).unwrap();
    let reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Required);
    reader.parse_and_finish(&file).unwrap()
}

#[tokio::test]
async fn row_groups_are_bounded_in_bytes() {
    let out = tempfile::tempdir().unwrap();
    // About 12 MB of text that hardly compresses, in one batch.
    publish(
        out.path(),
        "?layout=latest&row_group_bytes=1048576",
        &[long(40_000, 100)],
    )
    .await;
    let metadata = metadata(&out.path().join("long.parquet"));
    let sizes: Vec<_> = metadata
        .row_groups()
        .iter()
        .map(RowGroupMetaData::total_byte_size)
        .collect();
    assert!(sizes.len() > 5, "{sizes:?}");
    assert!(sizes.iter().all(|size| *size < 2 << 20), "{sizes:?}");
    let rows: i64 = metadata
        .row_groups()
        .iter()
        .map(RowGroupMetaData::num_rows)
        .sum();
    assert_eq!(rows, 40_000);
}

#[tokio::test]
async fn columns_are_compressed_indexed_and_have_dictionaries_where_values_repeat() {
    let out = tempfile::tempdir().unwrap();
    publish(out.path(), "?layout=latest", &[every_type()]).await;
    let metadata = metadata(&out.path().join("products.parquet"));
    assert!(metadata.column_index().is_some() && metadata.offset_index().is_some());
    let dictionaries: BTreeMap<_, _> = metadata.row_groups()[0]
        .columns()
        .iter()
        .map(|column| {
            assert!(matches!(column.compression(), Compression::ZSTD(_)));
            assert!(column.statistics().is_some());
            let name = column.column_path().string();
            (name, column.dictionary_page_offset().is_some())
        })
        .collect();
    assert!(dictionaries["account_id"]);
    assert!(!dictionaries["serial_number"]);
    assert!(dictionaries["_observed_at"]);
}

#[tokio::test]
async fn a_file_says_where_it_comes_from() {
    let out = tempfile::tempdir().unwrap();
    publish(out.path(), "?layout=latest", &[every_type()]).await;
    let metadata = metadata(&out.path().join("products.parquet"));
    let entries = metadata.file_metadata().key_value_metadata().unwrap();
    let ours = entries
        .iter()
        .filter(|entry| entry.key.starts_with("fortilake."));
    let ours: Vec<_> = ours
        .map(|entry| {
            (
                entry.key.as_str(),
                entry.value.as_deref().unwrap_or_default(),
            )
        })
        .collect();
    assert_eq!(
        ours,
        [
            ("fortilake.crawl_id", "c1"),
            ("fortilake.snapshot", SNAPSHOT),
            ("fortilake.table", "products"),
            ("fortilake.schema_version", "1"),
            ("fortilake.generator", "fortilake 0.1.0"),
        ]
    );
    assert!(entries.iter().any(|entry| entry.key == "ARROW:schema"));
}

#[tokio::test]
async fn receipt_and_manifest_agree_with_the_files() {
    let out = tempfile::tempdir().unwrap();
    let receipt = publish(out.path(), "", &[every_type(), long(10, 10)]).await;
    assert_eq!((receipt.rows, receipt.files), (13, 2));

    let path = out
        .path()
        .join(format!("_fortilake/snapshots/{SNAPSHOT}.json"));
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let mut bytes = 0;
    for table in manifest["tables"].as_array().unwrap() {
        let file = &table["files"][0];
        let length = fs::metadata(out.path().join(file["path"].as_str().unwrap()))
            .unwrap()
            .len();
        assert_eq!(file["bytes"], length);
        assert_eq!(file["format"], "parquet");
        bytes += length;
    }
    assert_eq!(receipt.bytes, bytes);
    let kinds = manifest["tables"][0]["columns"].as_array().unwrap();
    let kinds: Vec<_> = kinds
        .iter()
        .map(|column| column["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "int64",
            "string",
            "double",
            "bool",
            "timestamp[us]",
            "timestamp[us, tz=UTC]",
            "int32",
            "uint64"
        ]
    );
}

#[tokio::test]
async fn pages_are_compressed_as_the_user_says() {
    for (option, compression) in [
        ("snappy", Compression::SNAPPY),
        ("none", Compression::UNCOMPRESSED),
    ] {
        let out = tempfile::tempdir().unwrap();
        let query = format!("?layout=latest&compression={option}&tables=products");
        publish(out.path(), &query, &[every_type()]).await;
        let metadata = metadata(&out.path().join("products.parquet"));
        for column in metadata.row_groups()[0].columns() {
            assert_eq!(column.compression(), compression);
        }
    }
}
