//! Changes as text for people: one line per change, in the language of the tables.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::Write as _;

use arrow_array::RecordBatch;
use fortilake_sink::Result;
use serde_json::{Map, Value};
use tabwriter::TabWriter;

use crate::codec::ACCOUNT;
use crate::feed::{Counts, FEED_COLUMNS, TABLE_COLUMN};
use crate::output::{objects, text};
use crate::plan::SERIAL;

/// The table of devices. All tables with parts of devices come after it.
const DEVICES: &str = "products";

/// Renders the changes of tables.
///
/// If a device is new, is gone or has moved, so have its entitlements and contracts. They get no lines of their own.
#[derive(Debug, Default)]
pub struct ChangesText {
    table: String,
    key: Vec<String>,
    /// The serial numbers of devices that were inserted, deleted or moved.
    devices: HashSet<String>,
    lines: String,
    /// The row before an update, until the row after it arrives.
    before: Option<Map<String, Value>>,
}

impl ChangesText {
    /// Continues with the next table, which has this natural key.
    pub fn begin(&mut self, table: &str, key: Vec<String>) {
        table.clone_into(&mut self.table);
        self.key = key;
    }

    /// Appends changes.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        for row in objects(batch)? {
            self.row(row);
        }
        Ok(())
    }

    /// The lines so far, which are then forgotten. They may contain control characters that the API sent.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.lines)
    }

    /// A line that sums up the table, such as `products: 2 inserted, 1 moved`.
    pub fn summary(&self, counts: &Counts) -> String {
        let counts = [
            (counts.inserted, "inserted"),
            (counts.updated, "updated"),
            (counts.deleted, "deleted"),
            (counts.moved, "moved"),
            (counts.renewed, "renewed"),
        ];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let counts: Vec<_> = counts
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        format!("{}: {}", self.table, counts.join(", "))
    }

    fn row(&mut self, row: Map<String, Value>) {
        let changed: Vec<String> = match &row["changed_columns"] {
            Value::Array(names) => names.iter().map(text).collect(),
            _ => Vec::new(),
        };
        let (event, before) = match row["_change_type"].as_str().unwrap_or_default() {
            "update_preimage" => {
                self.before = Some(row);
                return;
            }
            "update_postimage" => ("updated", self.before.take()),
            "insert" => ("inserted", None),
            "delete" => ("deleted", None),
            event @ ("moved" | "renewed") => {
                let previous = row["_previous"].as_str();
                (
                    event,
                    previous.and_then(|text| serde_json::from_str(text).ok()),
                )
            }
            _ => return,
        };
        if self.is_implied(&row, event, &changed) {
            return;
        }
        let mut line = format!("  {event:8}");
        for name in &self.key {
            let _ = write!(line, "  {}", shown(&row[name]));
        }
        match before {
            Some(before) => {
                for name in &changed {
                    let (old, new) = (shown(&before[name]), shown(&row[name]));
                    let _ = write!(line, "  {name}: {old} -> {new}");
                }
            }
            None => {
                for (name, value) in &row {
                    let is_meta = FEED_COLUMNS.contains(&name.as_str()) || name.starts_with('_');
                    let is_shown = !is_meta && name != TABLE_COLUMN && !self.key.contains(name);
                    if is_shown && !value.is_null() {
                        let _ = write!(line, "  {name}: {}", shown(value));
                    }
                }
            }
        }
        self.lines.push_str(&line);
        self.lines.push('\n');
    }
}

impl ChangesText {
    /// Whether a line about the device says this already. Remembers the devices.
    fn is_implied(&mut self, row: &Map<String, Value>, event: &str, changed: &[String]) -> bool {
        let Some(serial) = row.get(SERIAL).and_then(Value::as_str) else {
            return false;
        };
        let is_whole = matches!(event, "inserted" | "deleted" | "moved");
        if self.table == DEVICES {
            if is_whole {
                self.devices.insert(serial.to_owned());
            }
            return false;
        }
        let says_more = event == "moved" && changed != [ACCOUNT];
        is_whole && !says_more && self.devices.contains(serial)
    }
}

/// A value in one line. Midnight is not shown, because most times of the API are dates.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => {
            let text = text.strip_suffix("T00:00:00").unwrap_or(text);
            text.replace(['\r', '\n', '\t'], " ")
        }
        other => text(other),
    }
}

/// The named columns of a batch as lines, below a header. Empty without rows.
///
/// They are aligned by how wide a terminal shows them, because companies have names in every script.
pub fn aligned(batch: &RecordBatch, columns: &[&str]) -> Result<String> {
    let mut lines = Vec::new();
    for row in objects(batch)? {
        if lines.is_empty() {
            lines.push(columns.join("\t"));
        }
        let cell = |name: &&str| row.get(*name).filter(|value| !value.is_null()).map(shown);
        let cells: Vec<_> = columns
            .iter()
            .map(|name| cell(name).unwrap_or_default())
            .collect();
        lines.push(cells.join("\t"));
    }
    let mut writer = TabWriter::new(Vec::new()).minwidth(0);
    // Writing to memory cannot fail.
    let _ = writer.write_all(lines.join("\n").as_bytes());
    let aligned = writer.into_inner().unwrap_or_default();
    let aligned = String::from_utf8_lossy(&aligned);
    Ok(aligned
        .lines()
        .map(|line| line.trim_end().to_owned() + "\n")
        .collect())
}
