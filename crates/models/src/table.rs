//! Tables: names, columns and Arrow schemas.

use std::{collections::HashMap, sync::Arc};

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

/// One table of the catalogue.
#[derive(Debug)]
pub struct Table {
    /// The name that sinks use for files, topics and the like.
    pub name: &'static str,
    /// What a row is, in one line.
    pub summary: &'static str,
    /// The columns that tell one row from another.
    pub key: &'static [&'static str],
    /// The endpoint whose answers feed it; the reports of a crawl have none.
    pub endpoint: Option<&'static str>,
    /// The columns in order, the four meta columns last.
    pub columns: &'static [Column],
}

/// One column of a [`Table`].
#[derive(Debug)]
pub struct Column {
    /// The column's name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Where the decoder takes its value from.
    pub origin: Origin,
    /// The description's text.
    pub doc: &'static str,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text without trailing blanks.
    Text,
    /// A 64-bit integer.
    Int,
    /// A 64-bit integer in which zero means "none".
    Id,
    /// A 64-bit float.
    Float,
    /// True or false.
    Bool,
    /// The wall clock as the API wrote it, in microseconds, without zone.
    Timestamp,
    /// An instant in UTC, in microseconds.
    Instant,
    /// A JSON value as text.
    Json,
}

/// Where the decoder takes a column's value from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The row's own object.
    Field,
    /// The row's own object or, if it has no such field, the argument of this name in the request.
    FieldOrAsked(&'static str),
    /// The argument of this name in the request.
    Asked(&'static str),
    /// What the crawl knows from elsewhere, under the column's own name.
    Given,
    /// A column of the outermost row around this one.
    Root(usize),
    /// A field of an object that encloses the outermost row's list.
    Enclosing(usize),
    /// The position in the list, from zero.
    Index,
    /// The position of the row around this one, this many levels up.
    ParentIndex(usize),
    /// The name of the source, on every row.
    Source,
    /// The crawl, on every row.
    CrawlId,
    /// When the page arrived, on every row.
    ObservedAt,
    /// What had no column, on every row.
    Extra,
}

impl Kind {
    /// The Arrow type of a column of this kind.
    pub fn data_type(self) -> DataType {
        match self {
            Self::Text | Self::Json => DataType::Utf8,
            Self::Int | Self::Id => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Bool => DataType::Boolean,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        }
    }
}

impl Column {
    /// Whether a row may lack a value here.
    pub fn nullable(&self) -> bool {
        !matches!(
            self.origin,
            Origin::Source
                | Origin::CrawlId
                | Origin::ObservedAt
                | Origin::Index
                | Origin::ParentIndex(_)
        )
    }
}

impl Table {
    /// The Arrow schema, with each column's text as its field's `description`.
    pub fn schema(&self) -> SchemaRef {
        let fields: Vec<Field> = self
            .columns
            .iter()
            .map(|column| {
                Field::new(column.name, column.kind.data_type(), column.nullable()).with_metadata(
                    HashMap::from([("description".to_owned(), column.doc.to_owned())]),
                )
            })
            .collect();
        let metadata = HashMap::from([("description".to_owned(), self.summary.to_owned())]);
        Arc::new(Schema::new_with_metadata(fields, metadata))
    }

    /// The position of the column of this name.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}
