//! Rows that are being read, and the builders of their tables.

use std::fmt;

use crate::{
    Origin, Table,
    value::{ColumnBuilder, Scalar},
};

/// The rows of one table so far.
pub(super) struct TableBuilder {
    pub(super) table: &'static Table,
    /// The columns that are filled from the row's own object. The others are filled at the end of
    /// the page.
    pub(super) columns: Vec<Option<ColumnBuilder>>,
    pub(super) extra: Vec<Option<String>>,
    /// The values of the index columns, row by row.
    pub(super) positions: Vec<Vec<i64>>,
    pub(super) root: usize,
    pub(super) roots: Vec<u32>,
    /// The containing row of the latest rows, and the position after theirs.
    pub(super) resumed: (usize, i64),
}

impl TableBuilder {
    pub(super) fn new(table: &'static Table) -> Self {
        let columns = table
            .columns
            .iter()
            .map(|column| match column.origin {
                Origin::Field | Origin::FieldOrAsked(_) => Some(ColumnBuilder::new(column.kind)),
                _ => None,
            })
            .collect();
        let positions = table
            .columns
            .iter()
            .filter(|column| matches!(column.origin, Origin::Index | Origin::ParentIndex(_)))
            .map(|_| Vec::new())
            .collect();
        Self {
            table,
            columns,
            extra: Vec::new(),
            positions,
            root: 0,
            roots: Vec::new(),
            resumed: (0, 0),
        }
    }
}

/// The path of a member from its row's object: the prefix of enclosing objects, and the member's
/// name.
#[derive(Clone, Copy)]
pub(super) struct Path<'a>(pub(super) &'a str, pub(super) &'a str);

impl fmt::Display for Path<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.0, self.1)
    }
}

/// An open row.
pub(super) struct Row {
    pub(super) table: usize,
    pub(super) at: usize,
    pub(super) root: u32,
    /// The members without a column, as a JSON object without its closing brace.
    pub(super) extra: String,
}

impl Row {
    pub(super) fn keep(&mut self, name: &str, json: &str) {
        self.extra
            .push(if self.extra.is_empty() { '{' } else { ',' });
        self.extra
            .push_str(&serde_json::Value::from(name).to_string());
        self.extra.push(':');
        self.extra.push_str(json);
    }

    pub(super) fn keep_scalar(&mut self, name: &str, value: &Scalar<'_>) {
        self.keep(name, &value.to_json());
    }
}
