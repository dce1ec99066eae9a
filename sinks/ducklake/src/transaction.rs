//! A transaction of the catalog, whichever database it is in.
//!
//! Both databases get the same statements. A parameter is written `$1`, which is a number to PostgreSQL and a name to
//! SQLite. What the databases write differently is behind the methods of [`Transaction`]; two sets of statements would
//! be two chances to forget a row.

use fortilake_sink::{Error, Kind, Result};

/// An open transaction that no other registration can run beside.
pub(crate) trait Transaction {
    /// Runs a statement and returns how many rows it changed.
    fn execute(&self, sql: &str, params: &[Param<'_>]) -> Result<u64>;

    /// All rows of a query.
    fn query(&self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>>;

    /// Whether the database has a table.
    fn has_table(&self, name: &str) -> Result<bool>;

    /// Creates the tables of DuckLake, which must not exist.
    fn create_catalog(&self) -> Result<()>;

    /// Creates our own tables and the trigger, unless they exist.
    fn create_own(&self) -> Result<()>;

    /// An expression for a new UUID.
    fn new_uuid(&self) -> &'static str;

    /// An expression for the time in a parameter that is text, such as `$1`.
    fn time(&self, parameter: &str) -> String;

    /// The first row of a query, if there is one.
    fn query_opt(&self, sql: &str, params: &[Param<'_>]) -> Result<Option<Row>> {
        Ok(self.query(sql, params)?.into_iter().next())
    }

    /// The first row of a query that always has one.
    fn query_one(&self, sql: &str, params: &[Param<'_>]) -> Result<Row> {
        let row = self.query_opt(sql, params)?;
        row.ok_or_else(|| damaged("a row is missing"))
    }
}

/// The value of a parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Param<'a> {
    Integer(Option<i64>),
    Boolean(Option<bool>),
    Text(Option<&'a str>),
}

/// Parameters, in the order of their numbers.
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        &[$($crate::transaction::Param::from($value)),*]
    };
}
pub(crate) use params;

impl From<i64> for Param<'_> {
    fn from(value: i64) -> Self {
        Self::Integer(Some(value))
    }
}

impl From<Option<i64>> for Param<'_> {
    fn from(value: Option<i64>) -> Self {
        Self::Integer(value)
    }
}

impl From<bool> for Param<'_> {
    fn from(value: bool) -> Self {
        Self::Boolean(Some(value))
    }
}

impl From<Option<bool>> for Param<'_> {
    fn from(value: Option<bool>) -> Self {
        Self::Boolean(value)
    }
}

impl<'a> From<&'a str> for Param<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Some(value))
    }
}

impl<'a> From<&'a String> for Param<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(Some(value))
    }
}

impl<'a> From<Option<&'a str>> for Param<'a> {
    fn from(value: Option<&'a str>) -> Self {
        Self::Text(value)
    }
}

/// A row of a query.
#[derive(Debug)]
pub(crate) struct Row(Vec<Cell>);

/// A value in a row.
#[derive(Debug)]
pub(crate) enum Cell {
    Null,
    /// Also a boolean, which is 0 or 1.
    Integer(i64),
    Text(String),
}

impl Row {
    pub(crate) fn new(cells: Vec<Cell>) -> Self {
        Self(cells)
    }

    /// The value in a column, counted from 0.
    pub(crate) fn get<T: FromCell>(&self, index: usize) -> Result<T> {
        let value = self.0.get(index).and_then(T::from_cell);
        value.ok_or_else(|| damaged(OTHER_TYPE))
    }
}

/// A type that [`Row::get`] returns.
pub(crate) trait FromCell: Sized {
    /// The value; `None` if it is of another type.
    fn from_cell(cell: &Cell) -> Option<Self>;
}

impl FromCell for i64 {
    fn from_cell(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Integer(value) => Some(*value),
            _ => None,
        }
    }
}

impl FromCell for bool {
    fn from_cell(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Integer(value) => Some(*value != 0),
            _ => None,
        }
    }
}

impl FromCell for String {
    fn from_cell(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Text(value) => Some(value.clone()),
            _ => None,
        }
    }
}

impl<T: FromCell> FromCell for Option<T> {
    fn from_cell(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Null => Some(None),
            cell => T::from_cell(cell).map(Some),
        }
    }
}

/// What is wrong with a value that is not of the type of its column.
pub(crate) const OTHER_TYPE: &str = "a value has another type than DuckLake writes";

/// The error for a catalog that neither DuckLake nor this sink can have written.
pub(crate) fn damaged(what: &str) -> Error {
    let text = format!("the DuckLake catalog is damaged: {what}; use another catalog");
    Error::new(Kind::Rejected, text)
}
