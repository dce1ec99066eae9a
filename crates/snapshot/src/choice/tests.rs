//! Choosing tables and columns, and what is refused.

use arrow_array::{Int64Array, StringArray};
use fortilake_sink::{Crawl, DataType, Field, KeyIn, Phase, Schema, Selection};

use super::*;

fn table(name: &str, columns: &[&str]) -> Arc<TableSpec> {
    let field = |name: &&str| Field::new(*name, DataType::Utf8, true);
    Arc::new(TableSpec {
        name: name.to_owned(),
        summary: String::new(),
        key: vec![columns[0].to_owned()],
        key_in: KeyIn::Scope,
        schema: Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>())),
    })
}

fn context() -> Context {
    let crawl = Crawl {
        id: "c".to_owned(),
        edition: "c.1".to_owned(),
        name: "20260901T120000Z".to_owned(),
        phase: Phase::Reading,
        selection: Selection::default(),
        started_at: "2026-09-01T12:00:00Z".to_owned(),
        generator: "test".to_owned(),
    };
    let tables = vec![
        table("products", &["serial_number", "model", "_source", "_extra"]),
        table("accounts", &["account_id", "company", "_source"]),
    ];
    Context::new(crawl, tables)
}

/// The chosen tables with their columns and keys, or the error.
fn chosen(tables: &str, columns: Columns, meta: Meta) -> Result<Vec<String>> {
    let choice = Choice {
        tables: Names::Line(tables.to_owned()),
        columns,
        meta,
    };
    let mut context = context();
    choice.narrow(&mut context)?;
    let shown = context.tables.iter().map(|table| {
        let columns: Vec<_> = columns_of(table).collect();
        format!(
            "{}: {} ({})",
            table.name,
            columns.join(" "),
            table.key.join(" ")
        )
    });
    Ok(shown.collect())
}

fn all(names: &str) -> Columns {
    Columns::All(Names::Line(names.to_owned()))
}

#[test]
fn tables_and_columns_are_chosen() {
    let whole = chosen("", Columns::default(), Meta::Keep).unwrap();
    assert_eq!(
        whole,
        [
            "products: serial_number model _source _extra (serial_number)",
            "accounts: account_id company _source (account_id)"
        ]
    );
    let without = chosen("accounts", Columns::default(), Meta::LeaveOut).unwrap();
    assert_eq!(without, ["accounts: account_id company (account_id)"]);
    // The columns have the order of the option, and rows without a key column have no key.
    let some = chosen("products", all("_source, model"), Meta::LeaveOut).unwrap();
    assert_eq!(some, ["products: _source model ()"]);
    let by_table = BTreeMap::from([("products".to_owned(), Names::Line("model".to_owned()))]);
    let some = chosen("", Columns::ByTable(by_table), Meta::LeaveOut).unwrap();
    assert_eq!(
        some,
        [
            "products: model ()",
            "accounts: account_id company (account_id)"
        ]
    );
}

#[test]
fn what_is_not_there_is_refused() {
    let refused = |tables: &str, columns: Columns| {
        let error = chosen(tables, columns, Meta::Keep).unwrap_err();
        assert_eq!(error.kind(), Kind::Config);
        error.to_string()
    };
    let text = refused("product", Columns::default());
    assert!(
        text.contains("unknown table `product`") && text.ends_with("did you mean `products`?"),
        "{text}"
    );
    let text = refused("", all("modell"));
    assert!(
        text.contains("unknown column `modell`") && text.ends_with("did you mean `model`?"),
        "{text}"
    );
    let text = refused("", all("model"));
    assert!(
        text.contains("table `accounts` has none of the columns"),
        "{text}"
    );
    let by_table = |table: &str, column: &str| {
        let names = Names::Line(column.to_owned());
        Columns::ByTable(BTreeMap::from([(table.to_owned(), names)]))
    };
    let text = refused("accounts", by_table("products", "model"));
    assert!(text.contains("unknown table `products`"), "{text}");
    let text = refused("", by_table("accounts", "model"));
    assert!(text.contains("columns of table `accounts`"), "{text}");
}

#[test]
fn batches_are_reduced_to_the_chosen_columns() {
    let table = table("products", &["serial_number", "model"]);
    let records = fortilake_sink::RecordBatch::try_new(
        Arc::clone(&table.schema),
        vec![
            Arc::new(StringArray::from(vec!["F1"])),
            Arc::new(StringArray::from(vec!["FortiGate"])),
        ],
    )
    .unwrap();
    let choice = Choice {
        columns: all("model,serial_number"),
        ..Choice::default()
    };
    let part = choice.part(&table).unwrap();
    let projected = records.project(&part.columns).unwrap();
    assert_eq!(projected.schema_ref().fields(), part.table.schema.fields());
    assert_eq!(part.table.key, ["serial_number"]);
    assert_ne!(
        projected.column(0).as_ref(),
        &Int64Array::from(vec![1]) as &dyn arrow_array::Array
    );
    assert_eq!(
        projected.column(0).as_ref(),
        &StringArray::from(vec!["FortiGate"]) as &dyn arrow_array::Array
    );
}
