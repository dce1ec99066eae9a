//! Tests of collecting tables.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, StringArray};
use fortilake_sink::{
    Batch, Context, Crawl, DataType, Field, KeyIn, Kind, Origin, Phase, RecordBatch, Schema,
    ScopeId, Selection, TableSpec,
};

use super::Spool;
use crate::config::Format;

fn table(name: &str) -> Arc<TableSpec> {
    Arc::new(TableSpec {
        name: name.to_owned(),
        summary: String::new(),
        key: Vec::new(),
        key_in: KeyIn::Scope,
        schema: Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, true)])),
    })
}

fn spool(format: Format, folder: PathBuf) -> fortilake_sink::Result<Spool> {
    let crawl = Crawl {
        id: "c1".to_owned(),
        edition: "c1.1".to_owned(),
        name: "20260901T120000Z".to_owned(),
        phase: Phase::Reading,
        selection: Selection::default(),
        started_at: "2026-09-01T12:00:00Z".to_owned(),
        generator: "test".to_owned(),
    };
    Spool::open(&Context::new(crawl, vec![table("a")]), format, folder)
}

fn batch(values: ArrayRef) -> Batch {
    let field = Field::new("id", values.data_type().clone(), true);
    let schema = Arc::new(Schema::new(vec![field]));
    Batch {
        table: table("a"),
        scope: Arc::new(ScopeId::report()),
        piece: 0,
        origin: Origin::Read,
        records: RecordBatch::try_new(schema, vec![values]).unwrap(),
    }
}

fn numbers() -> ArrayRef {
    Arc::new(Int64Array::from(vec![1, 2]))
}

#[test]
fn a_batch_with_other_columns_is_refused() {
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["1", "2"]));
    let mut spool = spool(Format::Ndjson, std::env::temp_dir()).unwrap();
    let error = spool.write(&batch(texts)).unwrap_err();
    assert_eq!(error.kind(), Kind::Internal);
    let wanted = "a batch does not have the columns of table `a`";
    assert_eq!(error.to_string(), wanted);
}

#[test]
fn a_complete_table_is_read_from_its_beginning() {
    let mut spool = spool(Format::Ndjson, std::env::temp_dir()).unwrap();
    spool.write(&batch(numbers())).unwrap();
    let mut tables = spool.finish().unwrap();
    let mut text = String::new();
    tables[0].file.read_to_string(&mut text).unwrap();
    assert_eq!(text, "{\"id\":1}\n{\"id\":2}\n");
    assert_eq!((tables[0].rows, tables[0].bytes), (2, text.len() as u64));
}

#[test]
fn a_missing_folder_is_named() {
    let error = spool(Format::Arrow, "/nowhere/at all".into())
        .err()
        .unwrap();
    assert_eq!(error.kind(), Kind::Config);
    assert_eq!(
        error.to_string(),
        "cannot write table `a` to a temporary file in `/nowhere/at all`"
    );
}

#[test]
fn a_probe_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    Spool::probe(folder.path()).unwrap();
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    let error = Spool::probe("/nowhere/at all".as_ref()).unwrap_err();
    assert_eq!(error.kind(), Kind::Config);
}
