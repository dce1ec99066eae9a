//! Tables: names, columns and Arrow schemas.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

/// A table of the catalogue.
#[derive(Debug)]
pub struct Table {
    /// The name that sinks use, for example for files and topics.
    pub name: &'static str,
    /// One line that says what a row is.
    pub summary: &'static str,
    /// The columns that identify a row within a snapshot.
    pub key: &'static [&'static str],
    /// The endpoint whose responses fill the table. `None` for the reports of a crawl.
    pub endpoint: Option<&'static str>,
    /// The columns in their published order. The four meta columns are last.
    pub columns: &'static [Column],
}

/// A column of a [`Table`].
#[derive(Debug)]
pub struct Column {
    /// The column's name in every sink.
    pub name: &'static str,
    /// The type of its values.
    pub kind: Kind,
    /// Where the decoder gets its values from.
    pub origin: Origin,
    /// The text from the API description.
    pub doc: &'static str,
}

/// The schemas of all tables that were asked for, by name and columns.
type Schemas = HashMap<&'static str, Vec<(&'static [Column], SchemaRef)>>;

/// The type of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text without trailing spaces.
    Text,
    /// A 64-bit integer.
    Int,
    /// A 64-bit integer in which zero means "none".
    Id,
    /// A 64-bit float.
    Float,
    /// True or false.
    Bool,
    /// The date and time as the API wrote it, in microseconds. The time zone is unknown.
    Timestamp,
    /// A point in time in UTC, in microseconds.
    Instant,
    /// A JSON value as text.
    Json,
}

/// Where the decoder gets a column's values from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The row's own object.
    Field,
    /// The row's own object or, if it doesn't have this field, the request's argument of this name.
    FieldOrAsked(&'static str),
    /// The request's argument of this name.
    Asked(&'static str),
    /// Something that the crawl knows from another response, under the column's name.
    Given,
    /// The column at this position of the outermost row that contains this one.
    Root(usize),
    /// A field of an object that contains the list of outermost rows.
    Enclosing(usize),
    /// The position in the list, counted from zero.
    Index,
    /// The position of the containing row, this many levels up.
    ParentIndex(usize),
    /// The name of the source; the same on every row.
    Source,
    /// The id of the crawl; the same on every row.
    CrawlId,
    /// When the page arrived; the same on every row of a page.
    ObservedAt,
    /// The members that have no column, as a JSON object.
    Extra,
}

impl Kind {
    /// Returns the Arrow type for columns of this kind.
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
    /// Whether the column may be null.
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
    /// Returns the Arrow schema. Each column's text becomes its field's `description` metadata.
    ///
    /// It is built once per process: every page needs it, and copying the texts would take longer
    /// than decoding a short page.
    pub fn schema(&self) -> SchemaRef {
        static SCHEMAS: LazyLock<Mutex<Schemas>> = LazyLock::new(Mutex::default);
        // Tables of other crates may have the same name, but they have their own columns. A panic
        // leaves a schema missing at worst.
        let mut schemas = SCHEMAS.lock().unwrap_or_else(PoisonError::into_inner);
        let named = schemas.entry(self.name).or_default();
        let known = named
            .iter()
            .find(|(columns, _)| std::ptr::eq(*columns, self.columns));
        if let Some((_, schema)) = known {
            return schema.clone();
        }
        let schema = self.new_schema();
        named.push((self.columns, schema.clone()));
        schema
    }

    fn new_schema(&self) -> SchemaRef {
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

    /// Returns the position of the column with this name.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}
