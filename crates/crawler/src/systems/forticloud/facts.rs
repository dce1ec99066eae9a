//! What the planner needs to know about a page of FortiCloud.

use fortilake_models::{integer_of, text_of};

use super::{ACCOUNTS, DETAILS, FLEX, UNITS};
use crate::{
    DetailsSubject, Facts, Ids, ListFacts, Names,
    facts::{ParsedResponse, pick},
};

pub(super) fn read(
    endpoint: &str,
    response: &ParsedResponse<'_>,
    names: Names,
) -> serde_json::Result<Facts> {
    Ok(match endpoint {
        UNITS => units(response)?,
        ACCOUNTS => Facts::Accounts(Ids::of(response, &response.rows()?)?),
        DETAILS => Facts::Details(details(response)?),
        // The rows of FortiFlex say what to ask for next.
        _ if FLEX.contains(&endpoint) => Facts::List(ListFacts::of(response, Names::Wanted)?),
        _ => Facts::List(ListFacts::of(response, names)?),
    })
}

fn units(response: &ParsedResponse<'_>) -> serde_json::Result<Facts> {
    let rows = response.rows()?;
    let inside = response.inside("organizationUnits")?.unwrap_or_default();
    let organization = inside.into_iter().find(|(name, _)| name == "orgId");
    let organization = organization.and_then(|(_, id)| integer_of(id));
    Ok(Facts::Units {
        organization: organization.filter(|&id| id != 0),
        units: Ids::of(response, &rows)?,
    })
}

/// The products that an answer about one product is about.
fn details(response: &ParsedResponse<'_>) -> serde_json::Result<Vec<DetailsSubject>> {
    let key = response.key_members();
    let mut subjects = Vec::new();
    for row in response.rows()?.objects {
        let [serial, account] = pick(row, [&key, &["accountId"]])?;
        subjects.push(DetailsSubject {
            serial: serial.and_then(text_of).unwrap_or_default().into_owned(),
            account: account.and_then(integer_of).filter(|&id| id != 0),
        });
    }
    Ok(subjects)
}
