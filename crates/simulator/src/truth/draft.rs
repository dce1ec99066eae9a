//! Builds the rows of the expected tables.

use std::collections::BTreeMap;

use jiff::civil::DateTime;
use serde_json::{Map, Value, json};

use super::Row;
use crate::dates::offset_of;
use crate::scenario::{Dates, Quirks};

/// The tables while they are being filled.
#[derive(Debug)]
pub(crate) struct Tables<'a> {
    quirks: &'a Quirks,
    tables: BTreeMap<String, Vec<Row>>,
}

/// A row while it is being built.
#[derive(Debug)]
pub(crate) struct Draft {
    row: Row,
    extra: Map<String, Value>,
    dates: Dates,
}

impl<'a> Tables<'a> {
    pub(crate) fn new(quirks: &'a Quirks, names: &[&str]) -> Self {
        let mut tables = Self {
            quirks,
            tables: BTreeMap::new(),
        };
        for name in names {
            tables.add(name);
        }
        tables
    }

    /// Adds a table, which may stay empty.
    pub(crate) fn add(&mut self, name: &str) {
        self.tables.entry(name.to_owned()).or_default();
    }

    pub(crate) fn into_rows(self) -> BTreeMap<String, Vec<Row>> {
        self.tables
    }

    /// Starts a row, with the undescribed members if the tenant has them.
    pub(crate) fn draft(&self) -> Draft {
        let mut extra = Map::new();
        if self.quirks.unknown_fields {
            extra.insert("siteCode".to_owned(), "AX-0042".into());
            let extension = json!({ "phase": "GA", "steps": [1, null, "x"] });
            extra.insert("extension".to_owned(), extension);
        }
        Draft {
            row: Row::new(),
            extra,
            dates: self.quirks.dates,
        }
    }

    pub(crate) fn push(&mut self, table: &str, draft: Draft) {
        let extra = Some(draft.extra).filter(|extra| !extra.is_empty());
        let mut row = draft.row;
        row.insert(
            "_extra".to_owned(),
            extra.map_or(Value::Null, Value::Object),
        );
        self.insert(table, row);
    }

    pub(crate) fn issue(&mut self, table: &str, key: &Value, column: &str, value: Value) {
        let row = [
            ("table_name", table.into()),
            ("key", key.clone()),
            ("column_name", column.into()),
            ("value", value),
        ];
        let row = row.map(|(column, value)| (column.to_owned(), value)).into();
        self.insert("issues", row);
    }

    fn insert(&mut self, table: &str, row: Row) {
        self.tables.entry(table.to_owned()).or_default().push(row);
    }
}

impl Draft {
    pub(crate) fn with(mut self, column: &str, value: impl Into<Value>) -> Self {
        self.row.insert(column.to_owned(), value.into());
        self
    }

    pub(crate) fn text(self, column: &str, text: &str) -> Self {
        self.with(column, text.trim_end_matches(' '))
    }

    /// Adds a member that has no column.
    pub(crate) fn extra(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(field.to_owned(), value.into());
        self
    }

    /// Adds a timestamp, and the offset that follows it under the API's name.
    pub(crate) fn date(self, column: &str, field: &str, at: Option<&DateTime>) -> Self {
        let offset = at.and_then(|at| offset_of(self.dates, at));
        let draft = self.with(column, at.map(moment));
        match offset {
            Some(offset) => draft.extra(field, offset),
            None => draft,
        }
    }
}

fn moment(at: &DateTime) -> String {
    let seconds = at.strftime("%Y-%m-%dT%H:%M:%S");
    match at.subsec_nanosecond() / 1000 {
        0 => seconds.to_string(),
        microsecond => format!("{seconds}.{microsecond:06}"),
    }
}
