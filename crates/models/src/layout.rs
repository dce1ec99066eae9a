//! Where rows are in a response: the tree that the generator writes and the decoder follows.

use crate::Table;

/// The members beside or around the rows that a response of any system may have, and that no table
/// needs.
pub const ENVELOPE: [&str; 12] = [
    "build",
    "error",
    "message",
    "meta",
    "pageNumber",
    "size",
    "start",
    "status",
    "token",
    "totalPages",
    "totalResultsCount",
    "version",
];

/// Where the rows are in the responses of one endpoint.
#[derive(Debug)]
pub struct Layout {
    /// The tables that one response fills. [`Rows::table`] is a position in this list.
    pub tables: &'static [&'static Table],
    /// The shape of the whole response.
    pub shape: ResponseShape,
    /// How many values the decoder has to keep for [`Target::Enclosing`].
    pub enclosing: usize,
}

/// The shape of a whole response.
#[derive(Debug)]
pub enum ResponseShape {
    /// An object that contains the rows. Only these members matter.
    Object(&'static [Field]),
    /// The rows themselves: a list, or a single object.
    Rows(&'static Rows),
}

/// A list whose elements are rows.
///
/// The API also sends a single object in place of a list of one, and null in place of an empty
/// list.
#[derive(Debug)]
pub struct Rows {
    /// The table of these rows, as a position in [`Layout::tables`].
    pub table: usize,
    /// The members of a row's object.
    pub fields: &'static [Field],
    /// The column for an element that is a plain value instead of an object.
    pub scalar: Option<usize>,
}

/// A member of an object.
#[derive(Debug)]
pub struct Field {
    /// The name as the API spells it.
    pub name: &'static str,
    /// What to do with the value.
    pub target: Target,
}

/// What to do with a member's value.
#[derive(Debug)]
pub enum Target {
    /// Store it in this column of the row.
    Column(usize),
    /// Read it as a list of rows of another table.
    Rows(&'static Rows),
    /// Read it as an object whose members belong to the same row. Outside of rows, search it for
    /// rows.
    Object(&'static [Field]),
    /// Keep it for columns of the rows inside. Only outside of rows.
    Enclosing(usize),
    /// Drop it: it is a secret, or another table has it.
    Ignored,
}
