//! What the planner needs to know about a page of FortiPortal.

use fortilake_models::integer_of;

use crate::{
    OffsetFacts,
    facts::{ParsedResponse, RowsMember, error, pick},
};

pub(super) fn read(endpoint: &str, page: &str) -> serde_json::Result<OffsetFacts> {
    let response = ParsedResponse::read(endpoint, page)?;
    let rows = response.rows()?;
    let total = match response.inside("data")? {
        Some(data) => data
            .into_iter()
            .find(|(name, _)| name == "totalResultsCount")
            .map(|(_, total)| total),
        None => response.member("totalResultsCount"),
    };
    let total = total.and_then(|total| integer_of(total.get()));
    let total = total.and_then(|total| total.try_into().ok());
    if rows.member != RowsMember::List && total.is_none() {
        return Err(error(
            "the response has neither a list of rows nor a row count".to_owned(),
        ));
    }
    let mut ids = Vec::new();
    for row in &rows.objects {
        let [id] = pick(row, [&["id"]])?;
        ids.extend(id.and_then(integer_of));
    }
    Ok(OffsetFacts {
        total,
        missing: rows.len() - rows.nulls - ids.len(),
        ids,
    })
}
