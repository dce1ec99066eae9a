//! Footers of files that the encoder wrote.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use fortilake_sink::{Crawl, KeyIn, Phase, Schema, Selection, TableSpec};

use super::*;
use crate::parquet::{PageCompression, Parquet};
use crate::place::Put;
use crate::{Encoder as _, Format as _, LocalPlace, Output};

const PATH: &str = "things/snapshot=20260901T120000Z/part-0123456789ab.parquet";

/// Encodes batches, each as a row group of its own, and reads the statistics of the file.
async fn statistics(batches: Vec<Vec<(&str, ArrayRef)>>) -> FileStatistics {
    let batches: Vec<_> = batches
        .into_iter()
        .map(|columns| {
            RecordBatch::try_from_iter_with_nullable(
                columns
                    .into_iter()
                    .map(|(name, values)| (name, values, true)),
            )
            .unwrap()
        })
        .collect();
    let spec = TableSpec {
        name: "things".to_owned(),
        summary: String::new(),
        schema: Arc::new(Schema::clone(&batches[0].schema())),
        key: Vec::new(),
        key_in: KeyIn::Scope,
    };
    let crawl = Crawl {
        id: "c1".to_owned(),
        edition: "c1.5eed".to_owned(),
        name: "20260901T120000Z".to_owned(),
        phase: Phase::Reading,
        selection: Selection::default(),
        started_at: "2026-09-01T12:00:00Z".to_owned(),
        generator: "fortilake 0.1.0".to_owned(),
    };
    let format = Parquet {
        row_group_bytes: 1,
        compression: PageCompression::Zstd,
    };
    let output = Output::new(PATH.into());
    let mut encoder = format
        .encoder(&crawl, &crawl.name, &spec, output.clone())
        .unwrap();
    for batch in &batches {
        encoder.write(batch).unwrap();
    }
    encoder.finish().unwrap();
    let root = tempfile::tempdir().unwrap();
    let place = LocalPlace::new(root.path());
    let put = place.put_new(PATH, output.take(0).concat()).await.unwrap();
    assert_eq!(put, Put::Done);
    FileStatistics::read(&place, PATH).await.unwrap()
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn column<'a>(found: &'a FileStatistics, name: &str) -> &'a ColumnStatistics {
    let mut columns = found.columns.iter();
    columns.find(|column| column.name == name).unwrap()
}

fn bounds(found: &FileStatistics, name: &str) -> Option<(Bound, Bound)> {
    let bounds = column(found, name).bounds.clone()?;
    Some((bounds.min, bounds.max))
}

#[tokio::test]
async fn row_groups_are_merged() {
    let group = |number: i64| -> Vec<(&str, ArrayRef)> {
        let time = TimestampMicrosecondArray::from(vec![number - 1, number]);
        vec![
            (
                "whole",
                Arc::new(Int64Array::from(vec![Some(number), None])),
            ),
            ("share", Arc::new(Float64Array::from(vec![0.5, f64::NAN]))),
            (
                "is_active",
                Arc::new(BooleanArray::from(vec![number > 1; 2])),
            ),
            ("seen_at", Arc::new(time)),
            ("nothing", texts(&[None, None])),
            ("rare", texts(&[(number == 2).then_some("é"), None])),
        ]
    };
    let found = statistics(vec![group(1), group(2), group(-7)]).await;
    assert_eq!(found.rows, 6);
    let integers = |min, max| Some((Bound::Integer(min), Bound::Integer(max)));
    assert_eq!(bounds(&found, "whole"), integers(-7, 2));
    assert_eq!(bounds(&found, "seen_at"), integers(-8, 2));
    let booleans = Some((Bound::Boolean(false), Bound::Boolean(true)));
    assert_eq!(bounds(&found, "is_active"), booleans);
    let doubles = Some((Bound::Double(0.5), Bound::Double(0.5)));
    assert_eq!(bounds(&found, "share"), doubles);
    assert_eq!(bounds(&found, "nothing"), None);
    let text = Bound::Text("é".to_owned());
    assert_eq!(bounds(&found, "rare"), Some((text.clone(), text)));
    let nulls = |name| column(&found, name).nulls;
    assert_eq!(
        ["whole", "nothing", "rare"].map(nulls),
        [Some(3), Some(6), Some(5)]
    );
    assert!(found.columns.iter().all(|column| column.bytes > 0));
}

#[tokio::test]
async fn bounds_of_long_text_are_not_exact_and_long_footers_are_read_whole() {
    let long = "x".repeat(200);
    let names: Vec<_> = (0..400).map(|number| format!("column_{number}")).collect();
    let columns = names.iter().map(|name| (&**name, texts(&[Some(&long)])));
    let found = statistics(vec![columns.collect()]).await;
    assert!(found.footer_bytes > TAIL);
    assert_eq!(found.columns.len(), 400);
    for column in &found.columns {
        let bounds = column.bounds.as_ref().unwrap();
        assert!(!bounds.are_exact);
        assert!(bounds.min <= Bound::Text(long.clone()));
        assert!(bounds.max >= Bound::Text(long.clone()));
    }
}

#[tokio::test]
async fn a_missing_file_and_a_file_without_a_footer_are_errors() {
    let root = tempfile::tempdir().unwrap();
    let place = LocalPlace::new(root.path());
    let error = FileStatistics::read(&place, PATH).await.unwrap_err();
    assert!(error.to_string().contains("is missing"), "{error}");
    for content in [&b"PAR1"[..], b"\xff\xff\xff\xffPAR1", b"\x01\0\0\0\0PAR1"] {
        place.put_new(PATH, content.to_vec()).await.unwrap();
        let error = FileStatistics::read(&place, PATH).await.unwrap_err();
        assert!(error.to_string().contains("Parquet footer"), "{error}");
        place.delete(PATH).await.unwrap();
    }
}
