//! Tests of the rows for `issues`.

use arrow_array::Int64Array;
use arrow_schema::{Field, Schema};

use super::*;
use crate::{KeyIn, Origin, Phase, ScopeId, Selection};

fn table(name: &str, fields: Vec<Field>) -> TableSpec {
    TableSpec {
        name: name.to_owned(),
        summary: String::new(),
        schema: Arc::new(Schema::new(fields)),
        key: vec!["id".to_owned(), "serial".to_owned(), "missing".to_owned()],
        key_in: KeyIn::Scope,
    }
}

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

fn issues_of(fields: Vec<Field>) -> Option<RecordBatch> {
    let things = table(
        "things",
        vec![
            Field::new("id", DataType::Int64, true),
            text("serial"),
            text("name"),
        ],
    );
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![Some(1), None])),
        Arc::new(StringArray::from(vec![Some("a"), Some("b\0")])),
        Arc::new(StringArray::from(vec![Some("x"), Some("\0y")])),
    ];
    let batch = Batch {
        records: RecordBatch::try_new(Arc::clone(&things.schema), columns).unwrap(),
        table: Arc::new(things),
        scope: Arc::new(ScopeId::report()),
        piece: 0,
        origin: Origin::Read,
    };
    let crawl = Crawl {
        id: "c1".to_owned(),
        edition: String::new(),
        name: String::new(),
        phase: Phase::Reading,
        selection: Selection::default(),
        started_at: String::new(),
        generator: String::new(),
    };
    let changed = Changed {
        cells: &[1, 2].map(|column| Cell { row: 1, column }),
        reason: "U+0000 was replaced",
        store: &|text| text.replace('\0', "\u{fffd}"),
    };
    issues(&table(ISSUES, fields), &crawl, &batch, &changed).unwrap()
}

#[test]
fn each_text_is_a_row_with_its_place_and_value() {
    let names = ["column_name", "key", "value", "reason", "_crawl_id", "note"];
    let rows = issues_of(names.map(text).to_vec()).unwrap();
    let cells = |row: usize| {
        let columns = rows.columns().iter();
        let cell = |column: &ArrayRef| {
            let texts = column.as_string::<i32>();
            texts.is_valid(row).then(|| texts.value(row).to_owned())
        };
        columns.map(cell).collect::<Vec<_>>()
    };
    let key = "{\"id\":null,\"serial\":\"b\u{fffd}\",\"missing\":null}";
    let wanted = |column: &str, value: &str| {
        let reason = "U+0000 was replaced";
        let cells = [column, key, value, reason, "c1"].map(|text| Some(text.to_owned()));
        cells.into_iter().chain([None]).collect::<Vec<_>>()
    };
    assert_eq!(cells(0), wanted("serial", "b\u{fffd}"));
    assert_eq!(cells(1), wanted("name", "\u{fffd}y"));
    assert_eq!(rows.num_rows(), 2);
}

#[test]
fn a_table_with_other_columns_gets_no_rows() {
    let required = Field::new("severity", DataType::Utf8, false);
    assert!(issues_of(vec![text("value"), required]).is_none());
    let number = Field::new("value", DataType::Int64, true);
    assert!(issues_of(vec![number]).is_none());
}
