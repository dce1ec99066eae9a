//! Compares what a reader sees with what was delivered, and describes the differences.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde_json::Value;

use super::load::{Expected, Load, number};
use super::{Part, View};
use crate::Delivery;

/// How many differences a report describes; the rest are counted.
const TOLD: usize = 3;

/// Whether rows may arrive more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Times {
    /// No call failed or was repeated, so every row arrives once.
    Once,
    /// A call failed or was repeated, so an at-least-once sink may have sent rows again.
    Repeated,
}

/// The difference between `view` and the whole snapshot of `load` with the rows `expected`; `None` if there is none.
pub(super) fn difference(
    view: &View,
    load: &Load,
    expected: &Expected,
    delivery: Delivery,
    times: Times,
) -> Option<String> {
    if !view.whole {
        return Some("the destination does not report the snapshot as whole".to_owned());
    }
    let told = load.outcome().summary();
    match &view.summary {
        Some(seen) if *seen != told => Some(format!("the summary is {seen:?}, expected {told:?}")),
        _ => difference_of_rows(view, expected, delivery, times),
    }
}

/// The difference between the rows in `view` and `expected`; `None` if there is none.
pub(super) fn difference_of_rows(
    view: &View,
    expected: &Expected,
    delivery: Delivery,
    times: Times,
) -> Option<String> {
    let mut faults = Vec::new();
    let may_repeat = delivery == Delivery::AtLeastOnce && times == Times::Repeated;
    let parts = distinct(&view.parts, may_repeat, &mut faults);
    for (table, rows) in expected {
        let theirs: Vec<_> = parts.iter().filter(|part| part.table == *table).collect();
        // An at-least-once destination learns of a table without rows from the outcome.
        if theirs.is_empty() && (!rows.is_empty() || delivery != Delivery::AtLeastOnce) {
            faults.push(format!("table `{table}` is missing"));
            continue;
        }
        compare(table, rows, &theirs, may_repeat, &mut faults);
    }
    let tables: BTreeSet<_> = parts.iter().map(|part| &part.table).collect();
    let unknown = tables
        .into_iter()
        .filter(|table| !expected.contains_key(*table));
    faults.extend(unknown.map(|table| format!("table `{table}` exists, but was not delivered")));
    summary(faults)
}

/// What is visible in `view`, where nothing should be; `None` if nothing is.
pub(super) fn visible(view: &View) -> Option<String> {
    if view.whole {
        return Some("the destination reports the snapshot as whole".to_owned());
    }
    let parts = view.parts.iter();
    let told = parts.map(|part| format!("{} rows of table `{}`", part.rows.len(), part.table));
    summary(told.collect())
}

/// The parts without repeated ids, as a reader that drops duplicates sees them.
fn distinct<'a>(parts: &'a [Part], may_repeat: bool, faults: &mut Vec<String>) -> Vec<&'a Part> {
    let mut by_id: BTreeMap<&str, &Part> = BTreeMap::new();
    let mut distinct = Vec::new();
    for part in parts {
        let Some(id) = part.id.as_deref() else {
            distinct.push(part);
            continue;
        };
        match by_id.insert(id, part) {
            None => distinct.push(part),
            Some(before) if before != part => {
                faults.push(format!("id `{id}` arrived twice, with different rows"));
            }
            Some(_) if !may_repeat => faults.push(format!("id `{id}` arrived twice")),
            Some(_) => {}
        }
    }
    distinct
}

fn compare(
    table: &str,
    expected: &BTreeMap<i64, Value>,
    parts: &[&&Part],
    may_repeat: bool,
    faults: &mut Vec<String>,
) {
    let mut seen = BTreeSet::new();
    for (part, row) in parts
        .iter()
        .flat_map(|part| part.rows.iter().map(move |row| (part, row)))
    {
        let Some(key) = number(row) else {
            faults.push(format!(
                "a row of `{table}` has no `row_number`: {}",
                short(row)
            ));
            continue;
        };
        let again = !seen.insert(key);
        // Parts with ids were deduplicated above, and such a reader has no other way to drop duplicates.
        if again && !(may_repeat && part.id.is_none()) {
            faults.push(format!("row {key} of `{table}` appears twice"));
        }
        match expected.get(&key) {
            None => faults.push(format!("row {key} of `{table}` was not delivered")),
            Some(wanted) => columns(table, key, wanted, row, faults),
        }
    }
    let missing = expected.keys().filter(|key| !seen.contains(*key));
    faults.extend(missing.map(|key| format!("row {key} of `{table}` is missing")));
}

fn columns(table: &str, key: i64, wanted: &Value, seen: &Value, faults: &mut Vec<String>) {
    let (Some(wanted), Some(seen)) = (wanted.as_object(), seen.as_object()) else {
        return;
    };
    for (column, wanted) in wanted {
        // A destination without nulls may omit the member.
        let seen = seen.get(column).unwrap_or(&Value::Null);
        if !same(wanted, seen) {
            let (wanted, seen) = (short(wanted), short(seen));
            faults.push(format!(
                "`{table}.{column}` of row {key} is {seen}, expected {wanted}"
            ));
        }
    }
    // A row from an earlier crawl has null in a column that was added later.
    let unknown = seen.iter();
    let unknown =
        unknown.filter(|(column, value)| !value.is_null() && !wanted.contains_key(*column));
    faults.extend(
        unknown.map(|(column, _)| format!("`{table}` has an unexpected column `{column}`")),
    );
}

/// Whether two values are equal. Integers must be exact; floats may differ by the rounding of their text form.
fn same(wanted: &Value, seen: &Value) -> bool {
    if !wanted.is_f64() {
        return wanted == seen;
    }
    let (Some(wanted), Some(seen)) = (wanted.as_f64(), seen.as_f64()) else {
        return false;
    };
    (wanted - seen).abs() <= wanted.abs() * 4.0 * f64::EPSILON
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(80) {
        None => text,
        Some((at, _)) => format!("{}…", &text[..at]),
    }
}

/// The first few faults, and the number of the others; `None` without faults.
fn summary(faults: Vec<String>) -> Option<String> {
    let more = faults.len().saturating_sub(TOLD);
    let mut text = faults.into_iter().take(TOLD).collect::<Vec<_>>().join("; ");
    if more > 0 {
        // Writing to memory does not fail.
        let _ = write!(text, "; and {more} more");
    }
    (!text.is_empty()).then_some(text)
}
