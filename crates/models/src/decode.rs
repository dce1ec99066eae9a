//! The columnar decoder: reads a response directly into Arrow builders.
//!
//! A single pass walks the text along the [`Layout`] that the generator wrote. Each member stays a
//! slice of the text until it is stored in its column.
//!
//! Rows are deliberately not deserialized into typed structs. One value of an unexpected type would
//! fail the whole page, where it should cost only that value, and every row would be allocated
//! twice, once as a struct and once in the builders. The price is this module: its rules are
//! interpreted at run time, so mistakes in a layout are found by tests instead of the compiler.
//!
//! Some values are not known while a row is read: a key that follows the lists that inherit it, the
//! request's arguments, columns that are the same on every row of a page. They are filled in after
//! all pages.

mod direct;
mod finish;
mod row;
mod walk;

#[cfg(test)]
mod tests;

use arrow_array::{RecordBatch, builder::ArrayBuilder as _};
use serde::de::DeserializeSeed;

use self::{
    row::{Path, Row, TableBuilder, WalkPosition},
    walk::{List, Walk},
};
use crate::{
    Error, Layout, Table, is_secret,
    json::Malformed,
    layout::{ENVELOPE, Field, ResponseShape, Rows, Target},
    repair::{UNREADABLE, storable_json},
    value::{Pushed, Scalar},
};

/// The values that a page's rows need but that its text doesn't contain.
#[derive(Debug, Clone, Copy, Default)]
pub struct PageContext<'a> {
    /// The name of the source, for the column `_source`.
    pub source: &'a str,
    /// The id of the crawl.
    pub crawl_id: &'a str,
    /// When the page arrived, in microseconds since 1970-01-01 UTC.
    pub observed_at: i64,
    /// The integers among the request's arguments, by name, and other integers that the crawl
    /// knows.
    pub asked: &'a [(&'a str, i64)],
    /// The texts for columns that come from another endpoint's response, by column name.
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

/// The rows of one page, or of several that were decoded together.
#[derive(Debug)]
pub struct Decoded {
    /// One entry for each table of the layout, in the same order, including empty tables.
    pub tables: Vec<DecodedTable>,
    /// The values that did not fit their columns.
    pub issues: Vec<Issue>,
    /// How many members had no column and were put into `_extra`.
    pub unknown_fields: u64,
}

/// The rows of one table.
#[derive(Debug)]
pub struct DecodedTable {
    /// The table that the rows belong to.
    pub table: &'static Table,
    /// Its rows in the order of the pages.
    pub records: RecordBatch,
    /// For each page, the number of rows up to its end.
    pub page_ends: Vec<usize>,
    /// The table of the outermost rows that contain these rows, as a position in
    /// [`Decoded::tables`]. An outermost table refers to itself.
    pub root: usize,
    /// For each row, the position of its outermost row in that table. If you drop an outermost row,
    /// drop all rows that refer to it.
    pub roots: Vec<u32>,
}

/// A value that did not fit its column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// The name of the table.
    pub table: &'static str,
    /// The row's key, as a JSON object.
    pub key: String,
    /// The column, or the JSON member if it has no column.
    pub column: &'static str,
    /// The value as it was received.
    pub value: String,
    /// Why the value did not fit.
    pub reason: &'static str,
    /// The table of the row's outermost row, as in [`DecodedTable::root`].
    pub root_table: usize,
    /// The position of that outermost row, or [`u32::MAX`] if the value is in place of a row.
    pub root: u32,
}

/// A page to decode.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// The JSON text.
    pub text: &'a str,
    /// What its rows need but the text doesn't contain.
    pub context: PageContext<'a>,
}

/// Decodes one page.
///
/// A value that doesn't fit its column becomes null and an [`Issue`]. A member without a column
/// goes to `_extra`.
///
/// # Errors
///
/// Fails if the text is not JSON, or if it has no place where rows could be found.
pub fn decode(
    layout: &'static Layout,
    page: &str,
    context: &PageContext<'_>,
) -> Result<Decoded, Error> {
    let (text, context) = (page, *context);
    decode_pages(layout, &[Page { text, context }]).map_err(|(_, error)| error)
}

/// Decodes several pages of one list, as if their rows were on one page.
///
/// Some services return no more than a few dozen rows per page. Building the columns of each page
/// costs more than reading it then, so the rows of several pages go into the same columns.
///
/// # Errors
///
/// Fails as [`decode`] does, with the position of the page that is at fault.
pub fn decode_pages(
    layout: &'static Layout,
    pages: &[Page<'_>],
) -> Result<Decoded, (usize, Error)> {
    let mut engine = Engine::new(layout);
    if read_directly(&mut engine, pages).is_err() {
        engine = Engine::new(layout);
        for (position, page) in pages.iter().enumerate() {
            engine.open_page(page);
            walk(&mut engine, page.text).map_err(|error| (position, error))?;
            engine.close_page();
        }
    }
    let last = pages.len().saturating_sub(1);
    engine.finish(pages).map_err(|error| (last, error))
}

fn read_directly(engine: &mut Engine, pages: &[Page<'_>]) -> Result<(), Malformed> {
    for page in pages {
        engine.open_page(page);
        direct::read(engine, page.text)?;
        engine.close_page();
    }
    Ok(())
}

/// Reads a page of any structure, or explains what is wrong with it.
fn walk(engine: &mut Engine, page: &str) -> Result<(), Error> {
    let mut json = serde_json::Deserializer::from_str(page);
    let walked = match engine.layout.shape {
        ResponseShape::Object(fields) => Walk {
            engine,
            fields,
            position: WalkPosition::Outside,
        }
        .deserialize(&mut json),
        ResponseShape::Rows(rows) => List {
            engine,
            rows,
            name: "answer",
            around: None,
        }
        .deserialize(&mut json),
    };
    walked.and_then(|()| json.end()).map_err(Error::json)
}

/// The reason of an issue for a value that is in its column nevertheless.
const DAMAGED: &str = "an unreadable character was replaced by U+FFFD";

/// The column for members that have no column of their own.
const EXTRA: &str = "_extra";

/// The state while pages are decoded.
struct Engine {
    layout: &'static Layout,
    tables: Vec<TableBuilder>,
    /// The values of the current page that are kept for [`Origin::Enclosing`], as JSON.
    enclosing: Vec<Option<String>>,
    /// The same of the pages before it.
    enclosing_before: Vec<Vec<Option<String>>>,
    /// The current positions in all open lists, outermost first.
    positions: Vec<i64>,
    issues: Vec<PendingIssue>,
    unknown_fields: u64,
    /// Whether the current page contains a character that could not be decoded.
    is_damaged: bool,
}

/// An issue whose row may not have its key yet.
struct PendingIssue {
    table: usize,
    /// The row, or `None` if the value is in place of a row.
    row: Option<usize>,
    column: &'static str,
    value: String,
    reason: &'static str,
}

impl Engine {
    fn new(layout: &'static Layout) -> Self {
        let tables = layout.tables.iter();
        let mut tables: Vec<_> = tables.map(|table| TableBuilder::new(table)).collect();
        for_each_root(&layout.shape, &mut |root, table| tables[table].root = root);
        Self {
            layout,
            tables,
            enclosing: Vec::new(),
            enclosing_before: Vec::new(),
            positions: Vec::new(),
            issues: Vec::new(),
            unknown_fields: 0,
            is_damaged: false,
        }
    }

    fn open_page(&mut self, page: &Page<'_>) {
        self.enclosing = vec![None; self.layout.enclosing];
        self.is_damaged = page.text.contains(UNREADABLE);
        for table in &mut self.tables {
            table.open_page(&page.context);
        }
    }

    fn close_page(&mut self) {
        self.enclosing_before
            .push(std::mem::take(&mut self.enclosing));
        for table in &mut self.tables {
            table.close_page();
        }
    }

    /// Stores a member's value in its column. A value that does not fit becomes an issue or goes to
    /// `_extra`.
    fn fill(&mut self, row: &mut Row, name: Path<'_>, column: usize, value: &Scalar<'_>) {
        let table = &mut self.tables[row.table];
        let Some(builder) = &mut table.columns[column] else {
            return;
        };
        if !builder.fill_up(row.at) {
            // The column was already filled under another spelling of its name; the first value
            // wins.
            if !matches!(value, Scalar::Null) {
                self.keep_unknown(row, &name.to_string(), &value.to_json());
            }
            return;
        }
        match builder.push(value) {
            // A blank or zero id means "none" and is no issue. The column gets its null with the
            // next value.
            Pushed::Nothing => {}
            Pushed::Stored => {
                // Searching the whole text once is faster than searching each value.
                if (self.is_damaged || value.is_owned()) && value.is_damaged() {
                    let column = table.table.columns[column].name;
                    self.misfit(row, column, value.as_written(), DAMAGED);
                }
            }
            Pushed::StoredWithoutOffset(offset) => {
                row.keep_scalar(&name.to_string(), &Scalar::Text(offset));
            }
            // Only this value is lost, not the row. Failing the page here would lose thousands of
            // good rows because of one bad cell.
            Pushed::Misfit(reason) => {
                let column = table.table.columns[column].name;
                self.misfit(row, column, value.as_written(), reason);
            }
        }
    }

    fn misfit(&mut self, row: &Row, column: &'static str, value: &str, reason: &'static str) {
        // The row has no key yet, because its key members may come later in the text. So the issue
        // refers to the row by position, and the key is looked up at the end of the page.
        self.issues.push(PendingIssue {
            table: row.table,
            row: Some(row.at),
            column,
            value: value.to_owned(),
            reason,
        });
    }

    /// Records an element of an outermost list that is not a row.
    fn no_row(&mut self, table: usize, member: &'static str, value: &str) {
        self.issues.push(PendingIssue {
            table,
            row: None,
            column: member,
            value: value.to_owned(),
            reason: "not an object",
        });
    }

    /// Keeps a member that has no column.
    fn keep_unknown(&mut self, row: &mut Row, name: &str, json: &str) {
        let json = storable_json(json);
        row.keep(name, &json);
        self.unknown_fields += 1;
        if json.contains(UNREADABLE) || name.contains(UNREADABLE) {
            self.misfit(row, EXTRA, &json, DAMAGED);
        }
    }

    /// Opens a list of rows.
    ///
    /// A row may contain the list under two names. Then the second list continues counting, so that
    /// no two rows have the same position.
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

    /// Opens a row. Rows of nested lists may be opened and closed while it is open.
    fn open_row(&mut self, table: usize, root: Option<u32>) -> Row {
        let builder = &mut self.tables[table];
        let row = builder.roots.len();
        for (levels, values) in &mut builder.positions {
            let position = self.positions.len().checked_sub(1 + *levels);
            values.push(position.map_or(0, |at| self.positions[at]));
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

    /// Closes a row. Columns that got no value stay shorter until they get a value of a later row,
    /// because most rows have no value in many of them.
    fn close_row(&mut self, mut row: Row) {
        if !row.extra.is_empty() {
            row.extra.push('}');
            let extra = &mut self.tables[row.table].extra;
            extra.append_nulls(row.at - extra.len());
            extra.append_value(row.extra);
        }
    }

    /// Keeps a member that has no column, unless it is null or secret.
    ///
    /// Outside of rows there is no `_extra` to keep it in, so it is only counted.
    fn unknown(&mut self, position: &mut WalkPosition<'_>, name: &str, json: &str) {
        if json == "null" || is_secret(name) {
            return;
        }
        match position {
            WalkPosition::Inside { row, prefix } => {
                let name = format!("{prefix}{name}");
                self.keep_unknown(row, &name, json);
            }
            WalkPosition::Outside => {
                self.unknown_fields += u64::from(!ENVELOPE.contains(&name));
            }
        }
    }
}

/// Calls `each` for every table, with the table of its outermost rows and the table itself.
fn for_each_root(shape: &ResponseShape, each: &mut dyn FnMut(usize, usize)) {
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
    match shape {
        ResponseShape::Object(fields) => outside(fields, each),
        ResponseShape::Rows(rows) => outermost(rows, each),
    }
}
