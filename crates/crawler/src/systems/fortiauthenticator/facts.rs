//! What the planner needs to know about a response of FortiAuthenticator.

use fortilake_models::{integer_of, text_of};
use serde_json::Value;

use super::{TOKENS, UNIT};
use crate::{
    Facts, ListFacts, OffsetFacts,
    facts::{ParsedResponse, error, fingerprint, pick},
};

/// The columns that the unit's identity fills, and the members that contain the values.
const UNIT_COLUMNS: [(&str, &str); 3] = [
    ("serial_number", "sn"),
    ("ha_serial_number", "ha_sn"),
    ("firmware", "firmware"),
];

pub(super) fn read(endpoint: &str, page: &str) -> serde_json::Result<Facts> {
    let response = &ParsedResponse::read(endpoint, page)?;
    if endpoint == UNIT {
        return Ok(Facts::Unit(unit(response)));
    }
    if endpoint == TOKENS {
        return tokens(response).map(Facts::Offset);
    }
    if !response.is_described() {
        let message = "the response has none of the members that this endpoint returns";
        return Err(error(message));
    }
    Ok(Facts::List(ListFacts {
        rows: 1,
        ..ListFacts::default()
    }))
}

/// The identity of the unit: values by the names of the columns that they fill.
fn unit(response: &ParsedResponse<'_>) -> Vec<(String, Value)> {
    let known = UNIT_COLUMNS.iter().filter_map(|(column, member)| {
        let text = text_of(response.member(member)?.get())?;
        Some(((*column).to_owned(), Value::from(text)))
    });
    known.collect()
}

/// Rows are identified by `id`. Releases that do not send it have it at the end of `resource_uri`,
/// and older ones have only the serial number.
fn tokens(response: &ParsedResponse<'_>) -> serde_json::Result<OffsetFacts> {
    let rows = response.rows()?;
    let meta = response.inside("meta")?.unwrap_or_default();
    let member = |name: &str| {
        let found = meta.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.get())
    };
    let total = member("total_count").and_then(integer_of);
    let next = member("next").and_then(text_of);
    let mut ids = Vec::new();
    for row in &rows.objects {
        let [id, uri, serial] = pick(row, [&["id"], &["resource_uri"], &["serial"]])?;
        let last = |uri: &str| uri.trim_end_matches('/').rsplit('/').next()?.parse().ok();
        let id = id.and_then(integer_of);
        let id = id.or_else(|| last(&uri.and_then(text_of)?));
        let named = || {
            let serial = serial.and_then(text_of)?;
            (!serial.trim().is_empty()).then(|| fingerprint(&*serial).cast_signed())
        };
        ids.extend(id.or_else(named));
    }
    Ok(OffsetFacts {
        total: total.and_then(|total| total.try_into().ok()),
        missing: rows.len() - rows.nulls - ids.len(),
        ids,
        owners: Vec::new(),
        has_next: next.is_some_and(|next| !next.trim().is_empty()),
    })
}
