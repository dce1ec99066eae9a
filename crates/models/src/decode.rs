//! The columnar decoder: an answer's text goes straight into Arrow builders.
//!
//! One pass of `serde_json` walks the text along the [`Layout`] that the generator wrote.
//! A row is never a struct and never a `serde_json::Value`: each member is a slice of the text
//! until it lands in its column.
//! What cannot be known while the row is read (a key that follows the lists that inherit it,
//! the request's arguments, the columns that are the same on every row) is filled in when the
//! page is done.

mod finish;
mod list;
mod row;
mod walk;

#[cfg(test)]
mod tests;

use arrow_array::RecordBatch;
use serde::de::DeserializeSeed;

use self::{
    list::List,
    row::{Path, Row, TableBuilder},
    walk::{Place, Walk},
};
use crate::{
    Error, Layout, Origin, Table,
    layout::{Answer, Field, Rows, Target},
    value::{Pushed, Scalar},
};

/// What a page's rows need and its text does not say.
#[derive(Debug, Clone, Copy, Default)]
pub struct PageContext<'a> {
    /// The name of the source.
    pub source: &'a str,
    /// The crawl.
    pub crawl_id: &'a str,
    /// When the page arrived, in microseconds of Unix time.
    pub observed_at: i64,
    /// The numbers in the request's arguments, by name, and those that the crawl knows besides.
    pub asked: &'a [(&'a str, i64)],
    /// The texts for columns that another endpoint's answer fills, by the columns' names.
    pub given: &'a [(&'a str, &'a str)],
}

impl PageContext<'_> {
    fn argument(&self, name: &str) -> Option<i64> {
        let mut asked = self.asked.iter();
        asked
            .find(|(asked, _)| *asked == name)
            .map(|(_, number)| *number)
    }

    fn given(&self, column: &str) -> Option<&str> {
        let mut given = self.given.iter();
        given
            .find(|(given, _)| *given == column)
            .map(|(_, text)| *text)
    }
}

/// The rows of one page.
#[derive(Debug)]
pub struct Decoded {
    /// One entry per table of the layout, in its order, empty tables included.
    pub tables: Vec<DecodedTable>,
    /// The values that did not fit.
    pub issues: Vec<Issue>,
    /// How many members had no column and went to `_extra`.
    pub unknown_fields: u64,
}

/// The rows of one table.
#[derive(Debug)]
pub struct DecodedTable {
    /// The table.
    pub table: &'static Table,
    /// Its rows in the order of the page.
    pub records: RecordBatch,
    /// The table that holds the outermost rows around these, as a position in
    /// [`Decoded::tables`]; an outermost table names itself.
    pub root: usize,
    /// For each row, the position of its outermost row in that table.
    /// Whoever drops an outermost row drops the rows that name it.
    pub roots: Vec<u32>,
}

/// A value that did not fit its column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// The table.
    pub table: &'static str,
    /// The row's key, as a JSON object.
    pub key: String,
    /// The column, or the member where there is no column.
    pub column: &'static str,
    /// The value as it came.
    pub value: String,
    /// Why it did not fit.
    pub reason: &'static str,
    /// The table of the row's outermost row, as in [`DecodedTable::root`].
    pub root_table: usize,
    /// The position of that row.
    pub root: u32,
}

/// Decodes one page.
///
/// Values that do not fit become null and an [`Issue`]; members without a column go to `_extra`.
///
/// # Errors
///
/// If the text is not JSON, or not shaped so that its rows can be found at all.
pub fn decode(
    layout: &'static Layout,
    page: &str,
    context: &PageContext<'_>,
) -> Result<Decoded, Error> {
    let mut engine = Engine::new(layout, context);
    let mut json = serde_json::Deserializer::from_str(page);
    let walked = match layout.answer {
        Answer::Object(fields) => Walk {
            engine: &mut engine,
            fields,
            place: Place::Outside,
        }
        .deserialize(&mut json),
        Answer::Rows(rows) => List {
            engine: &mut engine,
            rows,
            name: "answer",
            around: None,
        }
        .deserialize(&mut json),
    };
    walked.and_then(|()| json.end()).map_err(Error::json)?;
    engine.finish()
}

/// The state of one page's decoding.
struct Engine<'a> {
    layout: &'static Layout,
    context: &'a PageContext<'a>,
    tables: Vec<TableBuilder>,
    /// The values kept for [`Origin::Enclosing`], as JSON.
    enclosing: Vec<Option<String>>,
    /// The positions in the lists that are open, outermost first.
    positions: Vec<i64>,
    issues: Vec<PendingIssue>,
    unknown_fields: u64,
}

/// An issue whose row has no key yet.
struct PendingIssue {
    table: usize,
    row: usize,
    column: &'static str,
    value: String,
    reason: &'static str,
}

impl<'a> Engine<'a> {
    fn new(layout: &'static Layout, context: &'a PageContext<'a>) -> Self {
        let mut tables: Vec<_> = layout
            .tables
            .iter()
            .map(|table| TableBuilder::new(table))
            .collect();
        for_each_root(&layout.answer, &mut |root, table| tables[table].root = root);
        Self {
            layout,
            context,
            tables,
            enclosing: vec![None; layout.enclosing],
            positions: Vec::new(),
            issues: Vec::new(),
            unknown_fields: 0,
        }
    }

    /// Puts a member's value into its column, and what the column cannot hold where it belongs.
    fn fill(&mut self, row: &mut Row, name: Path<'_>, column: usize, value: &Scalar<'_>) {
        let table = &mut self.tables[row.table];
        let Some(builder) = &mut table.columns[column] else {
            return;
        };
        if builder.len() > row.at {
            // The same column under a second spelling: the first one stands.
            if !matches!(value, Scalar::Null) {
                row.keep_scalar(&name.to_string(), value);
                self.unknown_fields += 1;
            }
            return;
        }
        match builder.push(value) {
            Pushed::Nothing | Pushed::Stored => {}
            Pushed::StoredWithoutOffset(offset) => {
                row.keep_scalar(&name.to_string(), &Scalar::Text(offset));
            }
            Pushed::Misfit(reason) => {
                let column = table.table.columns[column].name;
                self.misfit(row, column, value.as_written(), reason);
            }
        }
    }

    fn misfit(&mut self, row: &Row, column: &'static str, value: &str, reason: &'static str) {
        self.issues.push(PendingIssue {
            table: row.table,
            row: row.at,
            column,
            value: value.to_owned(),
            reason,
        });
    }

    /// Opens a list of rows.
    ///
    /// A row may hold such a list under two names; then the second goes on counting, so that no
    /// two rows share a position.
    fn open_list(&mut self, table: usize, around: Option<&Row>) {
        let (row, next) = self.tables[table].resumed;
        let first = around.map_or(0, |around| if around.at == row { next } else { 0 });
        self.positions.push(first);
    }

    fn next_position(&mut self) {
        if let Some(position) = self.positions.last_mut() {
            *position += 1;
        }
    }

    fn close_list(&mut self, table: usize, around: Option<&Row>) {
        let next = self.positions.pop().unwrap_or_default();
        if let Some(around) = around {
            self.tables[table].resumed = (around.at, next);
        }
    }

    /// Opens a row; rows of nested lists may open and close before it does.
    fn open_row(&mut self, table: usize, root: Option<u32>) -> Row {
        let builder = &mut self.tables[table];
        let row = builder.extra.len();
        builder.extra.push(None);
        let positions = &self.positions;
        let index_columns = builder
            .table
            .columns
            .iter()
            .filter_map(|column| match column.origin {
                Origin::Index => Some(0),
                Origin::ParentIndex(levels) => Some(levels),
                _ => None,
            });
        for (values, levels) in builder.positions.iter_mut().zip(index_columns) {
            let position = positions
                .len()
                .checked_sub(1 + levels)
                .map_or(0, |at| positions[at]);
            values.push(position);
        }
        let root = root.unwrap_or_else(|| u32::try_from(row).unwrap_or(u32::MAX));
        builder.roots.push(root);
        Row {
            table,
            at: row,
            root,
            extra: String::new(),
        }
    }

    fn close_row(&mut self, mut row: Row) {
        let builder = &mut self.tables[row.table];
        for (column, builder) in builder.table.columns.iter().zip(&mut builder.columns) {
            let Some(builder) = builder.as_mut().filter(|builder| builder.len() == row.at) else {
                continue;
            };
            let asked = match column.origin {
                Origin::FieldOrAsked(name) => self.context.argument(name),
                _ => None,
            };
            match asked.map(|number| number.to_string()) {
                Some(number) => {
                    builder.push(&Scalar::Literal(&number));
                }
                None => builder.push_null(),
            }
        }
        if !row.extra.is_empty() {
            row.extra.push('}');
            builder.extra[row.at] = Some(row.extra);
        }
    }
}

/// Calls back with (table of the outermost rows, table of the rows in them) for all tables.
fn for_each_root(answer: &Answer, each: &mut dyn FnMut(usize, usize)) {
    fn outermost(rows: &Rows, each: &mut dyn FnMut(usize, usize)) {
        each(rows.table, rows.table);
        inside(rows.table, rows.fields, each);
    }
    fn inside(root: usize, fields: &[Field], each: &mut dyn FnMut(usize, usize)) {
        for field in fields {
            match field.target {
                Target::Rows(rows) => {
                    each(root, rows.table);
                    inside(root, rows.fields, each);
                }
                Target::Object(fields) => inside(root, fields, each),
                _ => {}
            }
        }
    }
    fn outside(fields: &[Field], each: &mut dyn FnMut(usize, usize)) {
        for field in fields {
            match field.target {
                Target::Rows(rows) => outermost(rows, each),
                Target::Object(fields) => outside(fields, each),
                _ => {}
            }
        }
    }
    match answer {
        Answer::Object(fields) => outside(fields, each),
        Answer::Rows(rows) => outermost(rows, each),
    }
}
