//! Tables and layouts as data. `places` and `rows` build them, and `print_tables` prints them.

use serde::Deserialize;

/// A table.
#[derive(Debug)]
pub(super) struct Table {
    /// Its name.
    pub(super) name: String,
    /// One line that says what a row is.
    pub(super) summary: String,
    /// The columns that identify a row.
    pub(super) key: Vec<String>,
    /// The endpoint whose responses fill the table.
    pub(super) endpoint: String,
    /// The table of the outermost rows that contain its rows, if they are inside others.
    pub(super) root: Option<String>,
    /// What a configuration must include to get the table.
    pub(super) include: Option<String>,
    /// Its columns.
    pub(super) columns: Vec<Column>,
}

/// A column. It refers to others by name, where the runtime uses positions.
#[derive(Debug, Clone)]
pub(super) struct Column {
    /// Its name.
    pub(super) name: String,
    /// The type of its values.
    pub(super) kind: Kind,
    /// Where its values come from.
    pub(super) origin: Origin,
    /// The description's text.
    pub(super) doc: String,
}

/// The type of a column's values, with the runtime's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Text,
    Int,
    Id,
    Float,
    Bool,
    Timestamp,
    Instant,
    Json,
}

impl Kind {
    /// All kinds.
    pub(super) const ALL: [Self; 8] = [
        Self::Text,
        Self::Int,
        Self::Id,
        Self::Float,
        Self::Bool,
        Self::Timestamp,
        Self::Instant,
        Self::Json,
    ];

    /// Returns the name in files.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Int => "int",
            Self::Id => "id",
            Self::Float => "float",
            Self::Bool => "bool",
            Self::Timestamp => "timestamp",
            Self::Instant => "instant",
            Self::Json => "json",
        }
    }

    /// Whether values of the other kind can be read as this kind.
    pub(super) fn reads(self, other: Self) -> bool {
        let whole = |kind| matches!(kind, Self::Json | Self::Instant);
        self == other || !(whole(self) || whole(other))
    }
}

/// Where a column's values come from, with the runtime's names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    Field,
    FieldOrAsked(String),
    Asked(String),
    Given,
    Root(String),
    Enclosing(usize),
    Index,
    ParentIndex(usize),
    Source,
    CrawlId,
    ObservedAt,
    Extra,
}

/// Where the rows of one endpoint are in its responses.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// The members of the response that matter, if the response is an object.
    pub(super) fields: Vec<Field>,
    /// The table whose rows the response consists of, if it has no object around them.
    pub(super) whole: Option<String>,
    /// The rows of each table.
    pub(super) rows: Vec<Rows>,
    /// How many values are kept for rows inside.
    pub(super) enclosing: usize,
}

/// The rows of one table.
#[derive(Debug)]
pub(super) struct Rows {
    /// The table.
    pub(super) table: String,
    /// The members of a row.
    pub(super) fields: Vec<Field>,
    /// The column for a plain value.
    pub(super) scalar: Option<String>,
}

/// A member of an object.
#[derive(Debug)]
pub(super) struct Field {
    /// The name as the API spells it.
    pub(super) name: String,
    /// What to do with the value.
    pub(super) target: Target,
}

/// What to do with a member's value.
#[derive(Debug)]
pub(super) enum Target {
    /// Store it in this column.
    Column(String),
    /// Read it as rows of this table.
    Rows(String),
    /// Search its members.
    Object(Vec<Field>),
    /// Keep it for rows inside.
    Enclosing(usize),
    /// Drop it.
    Ignored,
}

/// The tables of one endpoint.
#[derive(Debug, Default)]
pub(super) struct Tables {
    /// The tables, parents first.
    pub(super) tables: Vec<Table>,
    /// Where their rows are.
    pub(super) layout: Layout,
}

impl Table {
    /// Returns the column with this name.
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Returns the position of the column with this name.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}

/// Returns the columns that every table ends with.
pub(super) fn meta_columns() -> [Column; 4] {
    let column = |name: &str, kind, origin, doc: &str| Column {
        name: name.to_owned(),
        kind,
        origin,
        doc: doc.to_owned(),
    };
    [
        column("_source", Kind::Text, Origin::Source, "The source's name."),
        column(
            "_crawl_id",
            Kind::Text,
            Origin::CrawlId,
            "The crawl that read this.",
        ),
        column(
            "_observed_at",
            Kind::Instant,
            Origin::ObservedAt,
            "When the response that contains this row arrived.",
        ),
        column(
            "_extra",
            Kind::Json,
            Origin::Extra,
            "Response fields that have no column, as a JSON object.",
        ),
    ]
}
