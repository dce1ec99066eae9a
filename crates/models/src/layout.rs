//! How rows lie in an answer: the tree that the generator writes and the decoder walks.

use crate::Table;

/// How the rows of one endpoint's answers lie in them.
#[derive(Debug)]
pub struct Layout {
    /// The tables that one answer feeds; [`Rows::table`] points into this list.
    pub tables: &'static [&'static Table],
    /// What the answer as a whole is.
    pub answer: Answer,
    /// How many values the decoder has to remember for [`Target::Enclosing`].
    pub enclosing: usize,
}

/// What an answer as a whole is.
#[derive(Debug)]
pub enum Answer {
    /// An object around the rows; these of its members matter.
    Object(&'static [Field]),
    /// The rows themselves: a bare list, or one bare object.
    Rows(&'static Rows),
}

/// A list whose elements are rows.
///
/// One object in place of a list is a list of one, and null is an empty list: the API does both.
#[derive(Debug)]
pub struct Rows {
    /// The table, as a position in [`Layout::tables`].
    pub table: usize,
    /// The members of a row's object.
    pub fields: &'static [Field],
    /// The column that takes an element which is a bare value instead of an object.
    pub scalar: Option<usize>,
}

/// One member of an object.
#[derive(Debug)]
pub struct Field {
    /// The API's spelling.
    pub name: &'static str,
    /// What becomes of its value.
    pub target: Target,
}

/// What becomes of a member's value.
#[derive(Debug)]
pub enum Target {
    /// It fills this column of the row.
    Column(usize),
    /// It is a list of rows of another table.
    Rows(&'static Rows),
    /// It is an object whose members belong to the same row or, outside rows, are looked into.
    Object(&'static [Field]),
    /// It is kept for columns of the rows further in; outside rows alone.
    Enclosing(usize),
    /// It is dropped: a secret, or something that another table has.
    Ignored,
}
