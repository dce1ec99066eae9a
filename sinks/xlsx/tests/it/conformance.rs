//! The conformance suite.

use std::fs;
use std::path::PathBuf;

use async_trait::async_trait;
use fortilake_sink::conformance::{self, Destination, Part, Report, View};
use fortilake_sink::{Context, DataType, Field, Options};
use fortilake_sink_xlsx as _;
use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::reader::{self, Cell, Rows};

struct Workbook(TempDir);

impl Workbook {
    fn path(&self) -> PathBuf {
        self.0.path().join("inventory.xlsx")
    }
}

fn value(column: &Field, cell: Option<&Cell>) -> Value {
    let text = match cell {
        None => None,
        Some(Cell::Text(text) | Cell::Number(text)) => Some(text.clone()),
        Some(Cell::Boolean(value)) => Some(value.to_string()),
        Some(Cell::Date(milliseconds)) => {
            assert!(matches!(column.data_type(), DataType::Timestamp(_, None)));
            let time = Timestamp::from_millisecond(*milliseconds).unwrap();
            Some(time.to_string().trim_end_matches('Z').to_owned())
        }
    };
    conformance::value(column, text.as_deref())
}

fn rows(context: &Context, table: &str, rows: &Rows) -> Vec<Value> {
    let table = context
        .tables
        .iter()
        .find(|spec| spec.name == table)
        .unwrap();
    let mut rows = rows.iter();
    let header = rows.next().unwrap().iter().map(|cell| match cell {
        Some(Cell::Text(name)) => table.schema.field_with_name(name).unwrap(),
        other => panic!("the name of a column is {other:?}"),
    });
    let header: Vec<_> = header.collect();
    let row = |cells: &Vec<Option<Cell>>| {
        let cells = header.iter().enumerate().map(|(index, column)| {
            let cell = cells.get(index).and_then(Option::as_ref);
            (column.name().clone(), value(column, cell))
        });
        Value::Object(cells.collect())
    };
    rows.map(row).collect()
}

#[async_trait(?Send)]
impl Destination for Workbook {
    fn options(&self) -> Options {
        Options::from_iter([("path", json!(self.path()))])
    }

    async fn read(&self, context: &Context) -> View {
        // Open it once: it may be replaced while it is read.
        let copy = tempfile::tempdir().unwrap();
        let path = copy.path().join("copy.xlsx");
        if fs::copy(self.path(), &path).is_err() {
            return View::default();
        }
        let properties = reader::part(&path, "docProps/custom.xml").unwrap();
        if !properties.contains(&format!("\"crawl\":\"{}\"", context.crawl.id)) {
            return View::default();
        }
        let parts = reader::sheets(&path)
            .into_iter()
            .map(|(table, sheet)| Part {
                id: None,
                rows: rows(context, &table, &sheet),
                table,
            });
        View {
            whole: true,
            parts: parts.collect(),
            summary: None,
        }
    }

    fn stores(&self, text: &str) -> String {
        let units: Vec<_> = text.encode_utf16().collect();
        if units.len() <= 32_767 {
            return text.to_owned();
        }
        let note = format!("… [cut: the text has {} characters]", text.chars().count());
        let kept = 32_767 - note.chars().count();
        let kept = String::from_utf16(&units[..kept]);
        let kept = kept.or_else(|_| String::from_utf16(&units[..32_766 - note.chars().count()]));
        kept.unwrap() + &note
    }

    async fn leftovers(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap().flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter(|name| name != "inventory.xlsx").collect()
    }

    fn memory(&self) -> Option<u64> {
        Some(48 << 20)
    }
}

// Two tests, so that they run at the same time.
#[tokio::test]
async fn passes_the_cases_of_crashes() {
    let report = run(|case| case.starts_with("crash_in_")).await;
    assert!(report.passed(), "{report}");
}

#[tokio::test]
async fn passes_the_other_cases() {
    let report = run(|case| !case.starts_with("crash_in_")).await;
    assert!(report.passed(), "{report}");
    // A file cannot be made unavailable, full or slow without being root. `src/sheet/tests.rs` has a full disk.
    let left_out: Vec<_> = report.left_out().map(|case| case.name).collect();
    assert_eq!(left_out, ["down", "full", "slow"], "{report}");
}

async fn run(select: impl Fn(&str) -> bool) -> Report {
    let fresh = async || Workbook(tempfile::tempdir().unwrap());
    conformance::run_cases("xlsx", select, fresh).await
}
