//! Rows that are being read, and the builders of their tables.

use std::fmt;

use arrow_array::{ArrayRef, builder::StringBuilder};

use super::PageContext;
use crate::{
    Origin, Table,
    value::{ColumnBuilder, Pushed, Scalar},
};

/// The current place in the response.
pub(super) enum WalkPosition<'r> {
    /// Outside of all rows.
    Outside,
    /// Inside this row. `prefix` is the path from the row's object: empty, or ending in a dot.
    Inside { row: &'r mut Row, prefix: &'r str },
}

/// The rows of one table so far.
pub(super) struct TableBuilder {
    pub(super) table: &'static Table,
    /// The columns that are filled from the row's own object. The others are filled after all
    /// pages.
    pub(super) columns: Vec<Option<FieldBuilder>>,
    /// The column `_extra`. Like the other columns, it may be shorter than the table.
    pub(super) extra: StringBuilder,
    /// The index columns: how many levels above the row's own list each one counts, and its values.
    pub(super) positions: Vec<(usize, Vec<i64>)>,
    pub(super) root: usize,
    /// The outermost row of each row. Its length is the number of rows.
    pub(super) roots: Vec<u32>,
    /// For each page that was read, the number of rows up to its end.
    pub(super) page_ends: Vec<usize>,
    /// The containing row of the latest rows, and the position after theirs.
    pub(super) resumed: (usize, i64),
}

impl TableBuilder {
    pub(super) fn new(table: &'static Table) -> Self {
        let columns = table.columns.iter();
        let fields = columns.clone().map(|column| {
            let argument = match column.origin {
                Origin::Field => None,
                Origin::FieldOrAsked(name) => Some(name),
                _ => return None,
            };
            Some(FieldBuilder {
                values: ColumnBuilder::new(column.kind),
                argument,
                asked: None,
            })
        });
        let positions = columns.filter_map(|column| match column.origin {
            Origin::Index => Some((0, Vec::new())),
            Origin::ParentIndex(levels) => Some((levels, Vec::new())),
            _ => None,
        });
        Self {
            table,
            columns: fields.collect(),
            extra: StringBuilder::with_capacity(0, 0),
            positions: positions.collect(),
            root: 0,
            roots: Vec::new(),
            page_ends: Vec::new(),
            resumed: (0, 0),
        }
    }

    pub(super) fn open_page(&mut self, context: &PageContext<'_>) {
        for field in self.columns.iter_mut().flatten() {
            let asked = field.argument.and_then(|name| context.argument(name));
            field.asked = asked.map(|number| number.to_string());
        }
    }

    pub(super) fn close_page(&mut self) {
        let rows = self.roots.len();
        self.page_ends.push(rows);
        let fields = self.columns.iter_mut().flatten();
        // The next page can have another argument.
        for field in fields.filter(|field| field.argument.is_some()) {
            field.fill_up(rows);
        }
    }
}

/// The values of a column that is filled from the row's own object.
pub(super) struct FieldBuilder {
    values: ColumnBuilder,
    /// The name of the request's argument for rows without a value.
    argument: Option<&'static str>,
    /// Its value for the current page.
    asked: Option<String>,
}

impl FieldBuilder {
    /// Fills the rows before `row` that got no value. False if `row` already has one.
    #[inline]
    pub(super) fn fill_up(&mut self, row: usize) -> bool {
        let missing = match row.checked_sub(self.values.len()) {
            Some(0) => return true,
            Some(missing) => missing,
            None => return false,
        };
        if let Some(asked) = &self.asked {
            for _ in 0..missing {
                if self.values.push(&Scalar::Literal(asked)) != Pushed::Stored {
                    self.values.push_nulls(1);
                }
            }
        } else {
            self.values.push_nulls(missing);
        }
        true
    }

    pub(super) fn push<'v>(&mut self, value: &Scalar<'v>) -> Pushed<'v> {
        // No id is 0. Some services write it for a value that is not set.
        if self.asked.is_some() && value.as_written() == "0" {
            return Pushed::Nothing;
        }
        self.values.push(value)
    }

    pub(super) fn finish(&mut self, rows: usize) -> ArrayRef {
        self.fill_up(rows);
        self.values.finish()
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
