//! Rows that share a key but not their values.
//!
//! A list that moves while it is read can show a row twice. If both rows are equal, the second one
//! is a duplicate. If they differ, it is a conflict: the first row is published, and each value
//! that differs becomes an issue with both values, so that no value is dropped silently.

use std::collections::HashMap;

use arrow_array::Array;
use arrow_cast::display::array_value_to_string;
use fortilake_models::{Column, Decoded, DecodedTable, Origin};
use serde_json::{Value, json};

use super::seen::Repeat;
use crate::{Error, Result, error};

/// How many characters of a value an issue shows.
const SHOWN: usize = 200;

/// The rows of `issues` for repeated rows that differ from the first row with their key.
///
/// `decoded` are the pages with this number, and `decode_again` decodes earlier pages by theirs.
pub(super) fn find(
    decoded: &Decoded,
    number: u32,
    repeats: &[Repeat],
    decode_again: impl Fn(u32) -> Result<Decoded>,
) -> Result<Vec<Value>> {
    let mut earlier: HashMap<u32, Decoded> = HashMap::new();
    let mut issues = Vec::new();
    for repeat in repeats {
        let pages = repeat.first.pages;
        if pages != number && !earlier.contains_key(&pages) {
            earlier.insert(pages, decode_again(pages)?);
        }
        let first = earlier.get(&pages).unwrap_or(decoded);
        let second = Outermost {
            pages: decoded,
            table: repeat.table,
            row: repeat.row,
        };
        let name = second.table().table.name;
        let mut tables = first.tables.iter();
        let Some(table) = tables.position(|table| table.table.name == name) else {
            continue;
        };
        let first = Outermost {
            pages: first,
            table,
            row: repeat.first.row,
        };
        compare(&first, &second, &mut issues)?;
    }
    Ok(issues)
}

/// An outermost row and the rows under it.
struct Outermost<'a> {
    pages: &'a Decoded,
    table: usize,
    row: u32,
}

impl Outermost<'_> {
    fn table(&self) -> &DecodedTable {
        &self.pages.tables[self.table]
    }

    /// The rows of an inner table that belong to this row, as sorted strings, so that their order
    /// does not matter.
    fn inner(&self, name: &str) -> Result<Vec<String>> {
        let mut tables = self.pages.tables.iter();
        let Some(table) = tables.find(|table| table.table.name == name) else {
            return Ok(Vec::new());
        };
        let roots = table.roots.iter().enumerate();
        let rows = roots.filter(|(_, root)| table.root == self.table && **root == self.row);
        let mut texts = Vec::new();
        for (row, _) in rows {
            let columns = own_columns(table);
            let values = columns.map(|(at, column)| Ok((column.name, text(table, at, row)?)));
            let values: Vec<(&str, Option<String>)> = values.collect::<Result<_>>()?;
            let set: serde_json::Map<String, Value> = values
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?.into())))
                .collect();
            texts.push(Value::Object(set).to_string());
        }
        texts.sort_unstable();
        Ok(texts)
    }
}

fn compare(first: &Outermost<'_>, second: &Outermost<'_>, issues: &mut Vec<Value>) -> Result<()> {
    let table = second.table();
    let key: Value = serde_json::from_str(&table.key(second.row as usize)).unwrap_or_default();
    for (at, column) in own_columns(table) {
        let kept = text(first.table(), at, first.row as usize)?;
        let other = text(table, at, second.row as usize)?;
        if kept != other {
            issues.push(json!({
                "table_name": table.table.name,
                "key": key,
                "column_name": column.name,
                "value": shown(other.as_deref()),
                "reason": reason(&shown(kept.as_deref())),
            }));
        }
    }
    for (position, inner) in second.pages.tables.iter().enumerate() {
        if position == second.table || inner.root != second.table {
            continue;
        }
        let name = inner.table.name;
        let (kept, other) = (first.inner(name)?, second.inner(name)?);
        if kept != other {
            issues.push(json!({
                "table_name": name,
                "key": key,
                "value": shown(Some(&other.join(", "))),
                "reason": reason(&shown(Some(&kept.join(", ")))),
            }));
        }
    }
    Ok(())
}

/// The columns that the API fills. The others follow from the request and the row's position in the
/// page.
fn own_columns(table: &DecodedTable) -> impl Iterator<Item = (usize, &'static Column)> {
    let columns = table.table.columns.iter().enumerate();
    columns.filter(|(_, column)| {
        matches!(
            column.origin,
            Origin::Field | Origin::FieldOrAsked(_) | Origin::Extra
        )
    })
}

fn text(table: &DecodedTable, column: usize, row: usize) -> Result<Option<String>> {
    let array = table.records.column(column);
    if array.is_null(row) {
        return Ok(None);
    }
    let text = array_value_to_string(array, row).map_err(|error| {
        let message = format!(
            "a value of table `{}` cannot be formatted",
            table.table.name
        );
        Error::new(error::Kind::Unforeseen, message).with_source(error)
    })?;
    Ok(Some(text))
}

fn reason(kept: &str) -> String {
    format!("an earlier row has the same key; its value is published: {kept}")
}

fn shown(value: Option<&str>) -> String {
    let Some(value) = value else {
        return "null".to_owned();
    };
    match value.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}
