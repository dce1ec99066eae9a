//! What a workbook has and when it is replaced, beside what the conformance suite tests.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use fortilake_sink::{
    Batch, Context, Crawl, DataType, Field, KeyIn, Kind, Origin, Outcome, Phase, Receipt, Result,
    Schema, ScopeId, ScopeOutcome, ScopeResult, Selection, Spec, TableSpec,
};
use fortilake_sink_xlsx as _;

use crate::reader::{self, Cell};

fn crawl(minute: u32) -> Crawl {
    Crawl {
        id: format!("crawl-{minute}"),
        edition: format!("crawl-{minute}.5eed"),
        name: format!("20260901T12{minute:02}00Z"),
        phase: Phase::Reading,
        selection: Selection::default(),
        started_at: format!("2026-09-01T12:{minute:02}:00Z"),
        generator: "fortilake 0.1.0".to_owned(),
    }
}

fn table(name: &str, columns: &[&str]) -> Arc<TableSpec> {
    let fields = columns.iter().map(|column| {
        let kind = if *column == "id" {
            DataType::Int64
        } else {
            DataType::Utf8
        };
        Field::new(*column, kind, true)
    });
    Arc::new(TableSpec {
        name: name.to_owned(),
        summary: String::new(),
        schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
        key: vec!["id".to_owned()],
        key_in: KeyIn::Scope,
    })
}

fn scope(account: u32) -> Arc<ScopeId> {
    Arc::new(ScopeId {
        source: "acme".to_owned(),
        endpoint: "products/list".to_owned(),
        subject: format!("account={account}"),
    })
}

/// Publishes one row of `things` with this text; the scopes in `failed` failed.
async fn publish(
    path: &Path,
    options: &str,
    crawl: Crawl,
    text: &str,
    failed: &[u32],
) -> Result<Receipt> {
    let things = table("things", &["id", "name"]);
    let issues = table(
        "issues",
        &["table_name", "key", "column_name", "value", "reason"],
    );
    let outcome = |account, result| ScopeOutcome {
        scope: scope(account),
        rows: match &result {
            ScopeResult::Complete => BTreeMap::from([("things".to_owned(), 1)]),
            _ => BTreeMap::new(),
        },
        result,
        observed_at: 0,
    };
    let error = "HTTP 500".to_owned();
    let failures = failed.iter().map(|account| {
        outcome(
            *account,
            ScopeResult::Failed {
                error: error.clone(),
            },
        )
    });
    let outcome = Outcome {
        complete: failed.is_empty(),
        scopes: [outcome(1, ScopeResult::Complete)]
            .into_iter()
            .chain(failures)
            .collect(),
        selection: crawl.selection.clone(),
        tables: BTreeMap::from([("things".to_owned(), 1), ("issues".to_owned(), 0)]),
        ..Outcome::default()
    };
    let context = Context::new(crawl, vec![Arc::clone(&things), issues]);
    let spec = Spec::parse(&format!("xlsx:{}{options}", path.display()))?;
    let options = fortilake_sink::Options(spec.options.clone());
    let mut sink = spec.open(context, options).await?;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![7])),
        Arc::new(StringArray::from(vec![text])),
    ];
    let batch = Batch {
        records: RecordBatch::try_new(Arc::clone(&things.schema), columns).unwrap(),
        table: things,
        scope: scope(1),
        piece: 0,
        origin: Origin::Read,
    };
    sink.write(&batch).await?;
    sink.finish(&outcome).await
}

/// The text of the innermost error.
fn refused(published: Result<Receipt>) -> String {
    let error = published.unwrap_err();
    assert_eq!(error.kind(), Kind::Refused, "{error}");
    match std::error::Error::source(&error) {
        Some(source) => source.to_string(),
        None => error.to_string(),
    }
}

#[tokio::test]
async fn a_text_that_is_cut_has_a_row_in_issues() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.xlsx");
    publish(&path, "", crawl(1), &"y".repeat(40_000), &[])
        .await
        .unwrap();
    let sheets = reader::sheets(&path);
    let text = |cell: &Option<Cell>| match cell {
        Some(Cell::Text(text)) => text.clone(),
        other => panic!("{other:?}"),
    };
    let issue: Vec<_> = sheets["issues"][1].iter().map(text).collect();
    assert_eq!(issue[..3], ["things", r#"{"id":7}"#, "name"]);
    assert_eq!(issue[3], text(&sheets["things"][1][1]));
    assert!(issue[3].ends_with("y… [cut: the text has 40000 characters]"));
    assert_eq!(
        issue[4],
        "cut to 32,767 characters, the most that a cell of a workbook can hold"
    );
}

#[tokio::test]
async fn a_crawl_that_lost_a_scope_replaces_nothing_unless_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.xlsx");
    publish(&path, "", crawl(1), "one", &[2]).await.unwrap();
    // Scope 2 failed before, so its rows are not there to be lost.
    publish(&path, "", crawl(2), "two", &[2]).await.unwrap();
    let error = refused(publish(&path, "", crawl(3), "three", &[2, 3]).await);
    assert!(
        error.contains("these scopes failed: `acme/products.list/account=3`;"),
        "{error}"
    );
    assert_eq!(
        reader::sheets(&path)["things"][1][1],
        Some(Cell::Text("two".to_owned()))
    );
    publish(&path, "?partial=publish", crawl(3), "three", &[2, 3])
        .await
        .unwrap();
    assert_eq!(
        reader::sheets(&path)["things"][1][1],
        Some(Cell::Text("three".to_owned()))
    );
    let about = reader::part(&path, "docProps/core.xml").unwrap();
    assert!(
        about.contains("It is not complete: 2 scopes failed."),
        "{about}"
    );
}

#[tokio::test]
async fn a_selection_does_not_replace_a_workbook_with_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.xlsx");
    publish(&path, "", crawl(1), "all", &[]).await.unwrap();
    let mut selected = crawl(2);
    selected.selection.accounts = Some([1].into());
    let error = refused(publish(&path, "", selected.clone(), "some", &[]).await);
    assert!(
        error.ends_with("publish the selection to another file"),
        "{error}"
    );
    let other = folder.path().join("other.xlsx");
    publish(&other, "", selected, "some", &[]).await.unwrap();
}

#[tokio::test]
async fn tables_and_columns_can_be_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.xlsx");
    publish(&path, "?tables=things&columns=name", crawl(1), "one", &[])
        .await
        .unwrap();
    let text = |text: &str| vec![Some(Cell::Text(text.to_owned()))];
    let sheets = reader::sheets(&path);
    assert_eq!(sheets.keys().collect::<Vec<_>>(), ["things"]);
    assert_eq!(sheets["things"], [text("name"), text("one")]);
}

#[tokio::test]
async fn the_same_crawl_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["a.xlsx", "b.xlsx"].map(|name| folder.path().join(name));
    for path in &paths {
        publish(path, "", crawl(1), "one", &[]).await.unwrap();
    }
    let [a, b] = paths.map(|path| std::fs::read(path).unwrap());
    assert!(a == b);
}
