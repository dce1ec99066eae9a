//! What the plans of the other two systems have to know of a page.

use fortilake_state::client::models::{integer_of, text_of};
use serde::{Deserialize, de::Error as _};
use serde_json::{Value, value::RawValue};

use super::rows::Rows;
pub(super) use crate::portal::ENDPOINTS;

/// What the plan has to know of a page of a list that counts its rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CountedFacts {
    /// How many rows the answer says there are on all pages.
    pub total: Option<u64>,
    /// The ids of the rows on this page, in the order of the answer.
    pub ids: Vec<i64>,
    /// How many rows have none.
    pub missing: usize,
}

impl CountedFacts {
    pub(super) fn read(page: &str) -> serde_json::Result<Self> {
        let page: CountedPage<'_> = serde_json::from_str(page)?;
        let page = page.data.unwrap_or(Results {
            results: page.results,
            total: page.total,
        });
        let Rows(rows) = page.results;
        let ids: Vec<i64> = rows
            .iter()
            .filter_map(|row| row.id.and_then(integer_of))
            .collect();
        let told = page.total.filter(|total| total.get() != "null");
        let total = told.map(|told| {
            let total = integer_of(told).and_then(|total| total.try_into().ok());
            // A number of rows that cannot be read is no proof of anything.
            total.ok_or_else(|| serde_json::Error::custom("the number of rows is none"))
        });
        let total = total.transpose()?;
        if rows.is_empty() && total.is_none() {
            let message = "it has neither rows nor their number";
            return Err(serde_json::Error::custom(message));
        }
        Ok(Self {
            total,
            missing: rows.len() - ids.len(),
            ids,
        })
    }
}

/// What a unit says of itself, by the names of the columns that it fills.
pub(super) fn unit(page: &str) -> serde_json::Result<Vec<(String, Value)>> {
    let page: UnitPage<'_> = serde_json::from_str(page)?;
    let told = [
        ("serial_number", page.sn),
        ("ha_serial_number", page.ha_sn),
        ("firmware", page.firmware),
    ];
    let known = told
        .into_iter()
        .filter_map(|(column, value)| Some((column.to_owned(), Value::from(text_of(value?)?))));
    Ok(known.collect())
}

/// With `data` around the rows, or without.
#[derive(Deserialize)]
struct CountedPage<'a> {
    #[serde(borrow, default)]
    data: Option<Results<'a>>,
    #[serde(borrow, default)]
    results: Rows<Row<'a>>,
    #[serde(borrow, default, rename = "totalResultsCount")]
    total: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Results<'a> {
    #[serde(borrow, default)]
    results: Rows<Row<'a>>,
    #[serde(borrow, default, rename = "totalResultsCount")]
    total: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct UnitPage<'a> {
    #[serde(borrow, default)]
    sn: Option<&'a RawValue>,
    #[serde(borrow, default)]
    ha_sn: Option<&'a RawValue>,
    #[serde(borrow, default)]
    firmware: Option<&'a RawValue>,
}
