//! Measures turning pages of products into rows: into columns, as this workspace does, and into
//! JSON values, as programs without a decoder do.

use std::{fs, path::Path, sync::Arc, time::Instant};

use fortilake_models::{self as models, PageContext, decode};
use fortilake_state::Journal as _;
use serde_json::{Map, Value};

use crate::{
    Figures, Result,
    crawls::{as_float, take_up},
};

/// The most text to decode, in bytes. More would not change the result.
const BYTES: usize = 64 << 20;

/// Decodes into Arrow columns along the layout.
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

/// Parses each page into a tree of values and flattens it into one map per row.
///
/// This does less work: no types, timestamps, columns or report of values that do not fit.
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

/// Makes a row of all members that are not lists, and further rows of those that are. Each inner
/// row has the serial number as well.
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

/// Writes the pages of products as files, for programs that read files.
pub(crate) fn write(state: &Path, folder: &Path) -> Result<Figures> {
    fs::create_dir_all(folder)?;
    let journal = take_up(state)?;
    let (mut pages, mut bytes) = (0_u64, 0);
    for record in journal.records()? {
        let (key, record) = record?;
        if key.contains("products/list") && record.body.len() > 2 {
            fs::write(folder.join(format!("{pages:07}.json")), &*record.body)?;
            pages += 1;
            bytes += record.body.len();
        }
    }
    Ok(Figures::from([
        ("MB", as_float(bytes as u64) / 1e6),
        ("pages", as_float(pages)),
    ]))
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
