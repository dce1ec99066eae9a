//! The manifest of a snapshot: its tables and files, the crawl that produced it, and what is missing.

use std::collections::BTreeMap;

use fortilake_sink::{Crawl, DataType, Field, Summary, TableSpec, TimeUnit};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Layout;

/// The version of the manifest's format. The first edition wrote 1, which is still read.
const FORMAT_VERSION: u32 = 2;

/// The version of the tables' schemas. It increases when a column is removed or changes its type.
pub const SCHEMA_VERSION: u32 = 1;

/// Describes one published snapshot. It is written once, as the commit, and never changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the manifest's format: 2, or 1 for the first edition.
    pub format_version: u32,
    /// The [`SCHEMA_VERSION`] of the program that wrote it.
    pub schema_version: u32,
    /// The snapshot's name.
    pub snapshot: String,
    /// The crawl that was published.
    pub crawl: MadeBy,
    /// The crawl's outcome: totals, and the scopes that failed.
    pub outcome: Summary,
    /// Facts about the files that their schema does not tell, by format.
    pub notes: BTreeMap<String, Map<String, Value>>,
    /// The tables, including those without rows.
    pub tables: Vec<PublishedTable>,
    /// The token of the attempt that committed, also part of its file names; empty in the first edition's manifests.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub token: String,
}

/// The crawl that produced a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeBy {
    /// The crawl's id.
    pub id: String,
    /// When it started, in RFC 3339.
    pub started_at: String,
    /// The program and its version, such as `fortilake 0.1.0`.
    pub generator: String,
}

/// A table of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedTable {
    /// The table's name.
    pub name: String,
    /// What a row is, in one sentence.
    pub summary: String,
    /// The number of rows.
    pub rows: u64,
    /// The names of the key columns, unique in the snapshot; empty for a table without a key.
    pub key: Vec<String>,
    /// The columns, in the order of the files.
    pub columns: Vec<PublishedColumn>,
    /// The files. Each one holds all rows of the table, in its own format.
    pub files: Vec<File>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedColumn {
    /// The column's name.
    pub name: String,
    /// The Arrow type, as Arrow's C++ and Python libraries print it: `string`, `int64`, `timestamp[us]`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether values can be null.
    pub nullable: bool,
    /// What the column contains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A published file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// The path, relative to the place, with `/` as the separator.
    pub path: String,
    /// The format, such as `parquet`.
    pub format: String,
    /// The layout that the file belongs to. Only manifests of the first edition mix layouts.
    pub layout: Layout,
    /// The number of rows.
    pub rows: u64,
    /// The size in bytes.
    pub bytes: u64,
    /// The SHA-256 digest as 64 lower-case hexadecimal digits.
    pub sha256: String,
}

impl Manifest {
    pub(crate) fn new(
        crawl: &Crawl,
        name: &str,
        token: &str,
        outcome: Summary,
        tables: Vec<PublishedTable>,
    ) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            schema_version: SCHEMA_VERSION,
            snapshot: name.to_owned(),
            crawl: MadeBy {
                id: crawl.id.clone(),
                started_at: crawl.started_at.clone(),
                generator: crawl.generator.clone(),
            },
            outcome,
            notes: BTreeMap::new(),
            tables,
            token: token.to_owned(),
        }
    }

    /// The files that belong to `layout`. A manifest of the first edition may list files of both layouts.
    pub fn files(&self, layout: Layout) -> impl Iterator<Item = &File> {
        let files = self.tables.iter().flat_map(|table| &table.files);
        files.filter(move |file| file.layout == layout)
    }

    /// Whether a newer version of fortilake wrote it, in a format that this one would misread.
    pub(crate) fn is_newer(&self) -> bool {
        self.format_version > FORMAT_VERSION
    }

    /// Whether this is a snapshot of `layout`. The manifest must come from the folder of that layout's manifests.
    ///
    /// The first edition kept the manifests of both layouts in one folder, so its files decide.
    pub(crate) fn is_of(&self, layout: Layout) -> bool {
        !self.token.is_empty() || self.files(layout).next().is_some()
    }

    /// The manifest reduced to the files of `layout`, without tables that then have no file.
    #[must_use]
    pub fn of_layout(mut self, layout: Layout) -> Self {
        for table in &mut self.tables {
            table.files.retain(|file| file.layout == layout);
        }
        self.tables.retain(|table| !table.files.is_empty());
        self
    }
}

impl PublishedTable {
    pub(crate) fn new(spec: &TableSpec, file: File) -> Self {
        let fields = spec.schema.fields().iter();
        Self {
            name: spec.name.clone(),
            summary: spec.summary.clone(),
            rows: file.rows,
            key: spec.key.clone(),
            columns: fields.map(|field| PublishedColumn::new(field)).collect(),
            files: vec![file],
        }
    }
}

impl PublishedColumn {
    /// Describes a column of an Arrow schema.
    pub fn new(field: &Field) -> Self {
        Self {
            name: field.name().clone(),
            kind: type_name(field.data_type()),
            nullable: field.is_nullable(),
            description: field.metadata().get("description").cloned(),
        }
    }
}

/// The type's name as Arrow's C++ and Python libraries print it. The Rust library's names change between versions.
fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 => "string".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::Boolean => "bool".to_owned(),
        DataType::Timestamp(unit, zone) => {
            let unit = match unit {
                TimeUnit::Second => "s",
                TimeUnit::Millisecond => "ms",
                TimeUnit::Microsecond => "us",
                TimeUnit::Nanosecond => "ns",
            };
            match zone {
                None => format!("timestamp[{unit}]"),
                Some(zone) => format!("timestamp[{unit}, tz={zone}]"),
            }
        }
        other => other.to_string().to_lowercase(),
    }
}
