//! Tables and layouts as data: what `places` and `rows` make and `print_tables` prints.

use serde::Deserialize;

/// One table.
#[derive(Debug)]
pub(super) struct Table {
    /// Its name.
    pub(super) name: String,
    /// What a row is.
    pub(super) summary: String,
    /// The columns that tell rows apart.
    pub(super) key: Vec<String>,
    /// The endpoint whose answers feed it.
    pub(super) endpoint: String,
    /// The table of the outermost rows around its rows, if there are any.
    pub(super) root: Option<String>,
    /// What a configuration must include to get it.
    pub(super) include: Option<String>,
    /// Its columns.
    pub(super) columns: Vec<Column>,
}

/// One column; names stand where the runtime has positions.
#[derive(Debug, Clone)]
pub(super) struct Column {
    /// Its name.
    pub(super) name: String,
    /// What it holds.
    pub(super) kind: Kind,
    /// Where its value comes from.
    pub(super) origin: Origin,
    /// The description's text.
    pub(super) doc: String,
}

/// What a column holds; the names are the runtime's.
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

/// Where a column's value comes from; the names are the runtime's.
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

/// How the rows of one endpoint lie in its answers.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// The members of the answer that matter, unless the answer is made of rows.
    pub(super) fields: Vec<Field>,
    /// The table whose rows, or whose only row, the answer itself is.
    pub(super) whole: Option<String>,
    /// The rows of each table.
    pub(super) rows: Vec<Rows>,
    /// How many values are kept for rows further in.
    pub(super) enclosing: usize,
}

/// The rows of one table.
#[derive(Debug)]
pub(super) struct Rows {
    /// The table.
    pub(super) table: String,
    /// The members of a row.
    pub(super) fields: Vec<Field>,
    /// The column for a bare value.
    pub(super) scalar: Option<String>,
}

/// A member of an object.
#[derive(Debug)]
pub(super) struct Field {
    /// The API's spelling.
    pub(super) name: String,
    /// What becomes of its value.
    pub(super) target: Target,
}

/// What becomes of a member's value.
#[derive(Debug)]
pub(super) enum Target {
    /// It fills this column.
    Column(String),
    /// It holds the rows of this table.
    Rows(String),
    /// Its members are looked into.
    Object(Vec<Field>),
    /// It is kept for rows further in.
    Enclosing(usize),
    /// It is dropped.
    Ignored,
}

/// The tables of one endpoint.
#[derive(Debug, Default)]
pub(super) struct Tables {
    /// The tables, parents first.
    pub(super) tables: Vec<Table>,
    /// Where their rows lie.
    pub(super) layout: Layout,
}

impl Table {
    /// The column of this name.
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The position of the column of this name.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}

/// The columns that every table ends with.
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
            "When the answer behind this row arrived.",
        ),
        column(
            "_extra",
            Kind::Json,
            Origin::Extra,
            "What had no column, as a JSON object.",
        ),
    ]
}
