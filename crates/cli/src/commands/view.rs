//! Renders the rows of a response as text or JSON.

use std::{fmt::Write as _, io::Write as _};

use fortilake_auth::{printable, printable_json};
use serde_json::{Map, Value};
use tabwriter::TabWriter;

use crate::args::Format;

#[cfg(test)]
mod tests;

/// Where the rows of a response are, and which of their members are shown as text.
pub(super) struct View {
    /// A JSON pointer to a list of objects, or to one object.
    pub(super) rows: &'static str,
    /// The members to show as columns, in order; if empty, all members are shown line by line.
    pub(super) columns: &'static [&'static str],
}

impl View {
    /// For responses that carry no data beyond success.
    pub(super) const BLANK: Self = Self {
        rows: "/-",
        columns: &[],
    };

    /// Whether responses of this kind carry no rows at all.
    pub(super) fn is_blank(&self) -> bool {
        self.rows == Self::BLANK.rows
    }

    /// Renders the rows of a response. Without rows, text is empty and JSON is an empty list.
    pub(super) fn render(&self, answer: &str, format: Format) -> serde_json::Result<String> {
        let mut answer: Value = serde_json::from_str(answer)?;
        let rows = match answer.pointer_mut(self.rows).map(Value::take) {
            Some(Value::Array(rows)) => rows,
            Some(row @ Value::Object(_)) => vec![row],
            _ => Vec::new(),
        };
        Ok(match format {
            Format::Json if self.is_blank() => String::new(),
            Format::Json => printable_json(&serde_json::to_string_pretty(&rows)?) + "\n",
            Format::Text if self.columns.is_empty() => rows.iter().map(whole).collect(),
            Format::Text => table(self.columns, &rows),
        })
    }
}

/// A header and one line per row, with aligned columns.
fn table(columns: &[&str], rows: &[Value]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut lines = columns.join("\t");
    for row in rows {
        let cell = |name: &&str| row.get(*name).map(text).unwrap_or_default();
        let cells: Vec<String> = columns.iter().map(cell).collect();
        lines += "\n";
        lines += &cells.join("\t");
    }
    aligned(&lines)
}

/// Aligns columns that are separated by tabs, by how wide a terminal shows them.
fn aligned(lines: &str) -> String {
    let mut writer = TabWriter::new(Vec::new()).minwidth(0);
    // Writing to memory cannot fail.
    let _ = writer.write_all(lines.as_bytes());
    let aligned = writer.into_inner().unwrap_or_default();
    let aligned = String::from_utf8_lossy(&aligned);
    aligned
        .lines()
        .map(|line| line.trim_end().to_owned() + "\n")
        .collect()
}

/// One line per member, and one line per item of a list.
fn whole(row: &Value) -> String {
    let mut lines = String::new();
    let members = row.as_object().into_iter().flatten();
    for (name, value) in members {
        let name = plain(name);
        match value {
            Value::Array(items) if items.is_empty() => {}
            Value::Array(items) => {
                let _ = writeln!(lines, "{name}:");
                for item in items {
                    let _ = writeln!(lines, "  {}", text(item));
                }
            }
            Value::Null => {}
            value => {
                let _ = writeln!(lines, "{name}: {}", text(value));
            }
        }
    }
    lines
}

/// A value in one line, without control characters: the API's text must not control the terminal.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => plain(text),
        Value::Array(items) => joined(items.iter().map(text)),
        Value::Object(members) => object(members),
        value => value.to_string(),
    }
}

fn object(members: &Map<String, Value>) -> String {
    let known = members.iter().filter(|(_, value)| !value.is_null());
    joined(known.map(|(name, value)| format!("{} {}", plain(name), text(value))))
}

fn joined(texts: impl Iterator<Item = String>) -> String {
    texts.collect::<Vec<_>>().join(", ")
}

fn plain(text: &str) -> String {
    // The API pads some names with blanks, which would widen the columns.
    printable(text.trim_end())
}
