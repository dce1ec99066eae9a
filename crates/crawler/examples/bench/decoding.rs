//! Pages of products to rows: into columns as this workspace does it, and by way of values as
//! programs without a decoder do it.

use std::{path::Path, sync::Arc, time::Instant};

use fortilake_crawler::{
    client::models::{self, PageContext, decode},
    state::Journal as _,
};
use serde_json::{Map, Value};

use crate::{
    Figures, Result,
    crawls::{as_float, take_up},
};

/// So much text is decoded at most; more would measure the same once more.
const BYTES: usize = 64 << 20;

/// Into Arrow columns, along the layout.
pub(crate) fn columns(state: &Path) -> Result<Figures> {
    let layout = models::endpoint("products/list")
        .and_then(|endpoint| endpoint.layout)
        .ok_or("no layout")?;
    let context = PageContext {
        source: "acme",
        crawl_id: "bench",
        observed_at: 1_700_000_000_000_000,
        asked: &[("accountId", 710_101)],
        given: &[],
    };
    measure(state, |page| {
        let decoded = decode(layout, page, &context)?;
        Ok(decoded
            .tables
            .iter()
            .map(|table| table.records.num_rows())
            .sum())
    })
}

/// Into a map for each row, by way of a tree of the whole page.
///
/// It does less: no types, no timestamps, no columns, no report of what does not fit.
pub(crate) fn values(state: &Path) -> Result<Figures> {
    measure(state, |page| {
        let page: Value = serde_json::from_str(page)?;
        let mut rows = Vec::new();
        for asset in page["assets"].as_array().into_iter().flatten() {
            flatten(asset, &[], &mut rows);
        }
        Ok(rows.len())
    })
}

/// A row of what is no list, and rows of the lists; each of those has the serial number as well.
fn flatten(value: &Value, inherited: &[(&str, &Value)], rows: &mut Vec<Map<String, Value>>) {
    let Some(members) = value.as_object() else {
        return;
    };
    let mut row: Map<String, Value> = inherited
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.clone()))
        .collect();
    let mut inherited = inherited.to_vec();
    for key in ["accountId", "serialNumber"] {
        inherited.extend(members.get(key).map(|value| (key, value)));
    }
    for (name, member) in members {
        match member {
            Value::Array(children) => {
                for child in children {
                    flatten(child, &inherited, rows);
                }
            }
            other => drop(row.insert(name.clone(), other.clone())),
        }
    }
    rows.push(row);
}

fn measure(state: &Path, rows_of: impl Fn(&str) -> Result<usize>) -> Result<Figures> {
    let journal = take_up(state)?;
    let mut pages: Vec<Arc<str>> = Vec::new();
    let mut bytes = 0;
    for record in journal.records()? {
        let (key, record) = record?;
        if key.contains("products/list") && record.body.len() > 2 {
            bytes += record.body.len();
            pages.push(record.body);
        }
        if bytes > BYTES {
            break;
        }
    }
    let began = Instant::now();
    let mut rows = 0;
    for page in &pages {
        rows += rows_of(page)?;
    }
    let seconds = began.elapsed().as_secs_f64();
    Ok(Figures::from([
        ("MB/s", as_float(bytes as u64) / 1e6 / seconds),
        ("rows", as_float(rows as u64)),
        ("pages", as_float(pages.len() as u64)),
    ]))
}
