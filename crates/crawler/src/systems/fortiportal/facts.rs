//! What the planner needs to know about a page of FortiPortal.

use fortilake_models::integer_of;

use super::{SITES, VDOMS};
use crate::{
    OffsetFacts,
    facts::{ParsedResponse, RowsMember, error, pick},
};

/// The argument that asks for what the rows of an endpoint belong to, and the member of a row that
/// names it.
///
/// The vendor's documentation calls the argument of the VDOMs both a site and an organization, so a
/// release may return the VDOMs of something else.
const OWNERS: [(&str, &str, &str); 2] = [(SITES, "org", "customer"), (VDOMS, "site", "site")];

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
            "the response has neither a list of rows nor a row count",
        ));
    }
    let owner = OWNERS.iter().find(|(of, ..)| *of == endpoint);
    let (mut ids, mut owners) = (Vec::new(), Vec::new());
    for row in &rows.objects {
        let member = owner.map_or("", |(_, _, member)| member);
        let [id, found] = pick(row, [&["id"], &[member]])?;
        ids.extend(id.and_then(integer_of));
        if let (Some((_, argument, _)), Some(found)) = (owner, found.and_then(integer_of))
            && !owners.contains(&(*argument, found))
        {
            owners.push((*argument, found));
        }
    }
    Ok(OffsetFacts {
        total,
        missing: rows.len() - rows.nulls - ids.len(),
        ids,
        owners,
        has_next: false,
    })
}
