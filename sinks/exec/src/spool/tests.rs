//! Tests of collecting tables.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, StringArray};
use fortilake_sink::{
    Batch, Context, Crawl, DataType, Field, Kind, Outcome, RecordBatch, Schema, TableSpec,
    TableTotal,
};

use super::Spool;
use crate::config::Format;

fn table(name: &str) -> Arc<TableSpec> {
    Arc::new(TableSpec {
        name: name.to_owned(),
        summary: String::new(),
        key: Vec::new(),
        schema: Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, true)])),
    })
}

fn spool(format: Format, folder: PathBuf) -> fortilake_sink::Result<Spool> {
    let crawl = Crawl {
        id: "c1".to_owned(),
        snapshot: "20260901T120000Z".to_owned(),
        started_at: "2026-09-01T12:00:00Z".to_owned(),
        generator: "test".to_owned(),
    };
    Spool::open(&Context::new(crawl, vec![table("a")]), format, folder)
}

fn batch(name: &str, column: &str, values: ArrayRef) -> Batch {
    let field = Field::new(column, values.data_type().clone(), true);
    let schema = Arc::new(Schema::new(vec![field]));
    Batch {
        table: table(name),
        sequence: 0,
        records: RecordBatch::try_new(schema, vec![values]).unwrap(),
    }
}

fn numbers() -> ArrayRef {
    Arc::new(Int64Array::from(vec![1, 2]))
}

#[test]
fn a_batch_of_another_table_or_shape_is_refused() {
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["1", "2"]));
    for (batch, wanted) in [
        (
            batch("b", "id", numbers()),
            "table `b` was not announced when the sink was opened",
        ),
        (
            batch("a", "no", numbers()),
            "a batch does not have the columns of table `a`",
        ),
        (
            batch("a", "id", texts),
            "a batch does not have the columns of table `a`",
        ),
    ] {
        let mut spool = spool(Format::Ndjson, std::env::temp_dir()).unwrap();
        let error = spool.write(&batch).unwrap_err();
        assert_eq!(error.kind(), Kind::Internal);
        assert_eq!(error.to_string(), wanted);
    }
}

#[test]
fn a_short_table_is_not_whole() {
    let outcome = |rows| Outcome {
        tables: vec![TableTotal {
            table: "a".to_owned(),
            rows,
        }],
        ..Outcome::default()
    };
    let filled = || {
        let mut spool = spool(Format::Ndjson, std::env::temp_dir()).unwrap();
        spool.write(&batch("a", "id", numbers())).unwrap();
        spool
    };
    let error = filled().finish(&outcome(3)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "table `a` has 2 rows, and the crawl counted 3"
    );

    let mut tables = filled().finish(&outcome(2)).unwrap();
    let mut text = String::new();
    tables[0].file.read_to_string(&mut text).unwrap();
    assert_eq!(text, "{\"id\":1}\n{\"id\":2}\n");
    assert_eq!((tables[0].rows, tables[0].bytes), (2, text.len() as u64));
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let error = spool(Format::Arrow, "/nowhere/at all".into())
        .err()
        .unwrap();
    assert_eq!(error.kind(), Kind::Config);
    assert_eq!(
        error.to_string(),
        "cannot write table `a` to a temporary file in `/nowhere/at all`"
    );
}
