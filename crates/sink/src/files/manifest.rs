//! The manifest of a snapshot, and the pointer to the newest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Layout;
use crate::{Crawl, DataType, Field, Outcome, TableSpec, TimeUnit};

/// The version of the manifest's own form.
const FORMAT_VERSION: u32 = 1;

/// The version of the tables' schemas: it rises when a column goes away or changes its type.
pub const SCHEMA_VERSION: u32 = 1;

/// Describes one published snapshot: `_fortilake/snapshots/<snapshot>.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this form.
    pub format_version: u32,
    /// The version of the tables' schemas.
    pub schema_version: u32,
    /// The snapshot's name.
    pub snapshot: String,
    /// The crawl that made it.
    pub crawl: MadeBy,
    /// What became of the crawl.
    pub outcome: Outcome,
    /// What a reader must know of the files, by format.
    pub notes: BTreeMap<String, Map<String, Value>>,
    /// The tables.
    pub tables: Vec<Table>,
}

/// The crawl that made a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeBy {
    /// The crawl's id.
    pub id: String,
    /// When it started.
    pub started_at: String,
    /// The program and its version.
    pub generator: String,
}

/// A table of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// The table's name.
    pub name: String,
    /// What a row is.
    pub summary: String,
    /// How many there are.
    pub rows: u64,
    /// The columns that together are unique.
    pub key: Vec<String>,
    /// The columns.
    pub columns: Vec<Column>,
    /// The files, each of which holds all rows.
    pub files: Vec<File>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The column's name.
    pub name: String,
    /// The type, in Arrow's words: `string`, `int64`, `timestamp[us]`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it can be null.
    pub nullable: bool,
    /// What it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A published file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// The path, relative to the folder that holds `_fortilake`.
    pub path: String,
    /// The format, which is the name of the sink.
    pub format: String,
    /// The layout; a file of [`Layout::Latest`] is replaced by the next snapshot.
    pub layout: Layout,
    /// The rows in it.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
    /// Its digest, in hexadecimal.
    pub sha256: String,
}

/// Names the newest snapshot: `_fortilake/latest.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latest {
    /// The version of the manifest's form.
    pub format_version: u32,
    /// The snapshot's name.
    pub snapshot: String,
    /// The path of its manifest, relative to the folder that holds `_fortilake`.
    pub manifest: String,
    /// The crawl that made it.
    pub crawl_id: String,
    /// Whether no row is missing.
    pub complete: bool,
}

impl Manifest {
    pub(super) fn new(crawl: &Crawl, outcome: &Outcome, tables: Vec<Table>) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            schema_version: SCHEMA_VERSION,
            snapshot: crawl.snapshot.clone(),
            crawl: MadeBy {
                id: crawl.id.clone(),
                started_at: crawl.started_at.clone(),
                generator: crawl.generator.clone(),
            },
            outcome: outcome.clone(),
            notes: BTreeMap::new(),
            tables,
        }
    }

    /// Adds what another sink has published of the same crawl.
    ///
    /// A file that is in both was written anew, so the entry in `self` stands.
    pub(super) fn merge(&mut self, other: Self) {
        for (format, notes) in other.notes {
            self.notes.entry(format).or_insert(notes);
        }
        for theirs in other.tables {
            let Some(ours) = self.tables.iter_mut().find(|ours| ours.name == theirs.name) else {
                self.tables.push(theirs);
                continue;
            };
            for file in theirs.files {
                if !ours.files.iter().any(|ours| ours.path == file.path) {
                    ours.files.push(file);
                }
            }
            // The order must not depend on which sink was faster.
            ours.files.sort_by(|one, two| one.path.cmp(&two.path));
        }
    }
}

impl Table {
    pub(super) fn new(spec: &TableSpec, file: File) -> Self {
        let fields = spec.schema.fields().iter();
        Self {
            name: spec.name.clone(),
            summary: spec.summary.clone(),
            rows: file.rows,
            key: spec.key.clone(),
            columns: fields.map(|field| Column::new(field)).collect(),
            files: vec![file],
        }
    }
}

impl Column {
    fn new(field: &Field) -> Self {
        Self {
            name: field.name().clone(),
            kind: type_name(field.data_type()),
            nullable: field.is_nullable(),
            description: field.metadata().get("description").cloned(),
        }
    }
}

/// The type's name as Arrow's other implementations write it; Rust's changes with the library.
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
