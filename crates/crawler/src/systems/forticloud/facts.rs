//! What the planner needs to know about a page of FortiCloud.

use fortilake_models::{integer_of, text_of};

use super::{ACCOUNTS, DETAILS, FLEX, UNITS};
use crate::{
    DetailsSubject, Facts, Ids, ListFacts, Names,
    facts::{Answer, pick},
};

pub(super) fn read(endpoint: &str, answer: &Answer<'_>, names: Names) -> serde_json::Result<Facts> {
    Ok(match endpoint {
        UNITS => units(answer)?,
        ACCOUNTS => Facts::Accounts(Ids::of(answer, &answer.rows()?)?),
        DETAILS => Facts::Details(details(answer)?),
        // The rows of FortiFlex say what to ask for next.
        _ if FLEX.contains(&endpoint) => Facts::List(ListFacts::of(answer, Names::Wanted)?),
        _ => Facts::List(ListFacts::of(answer, names)?),
    })
}

fn units(answer: &Answer<'_>) -> serde_json::Result<Facts> {
    let rows = answer.rows()?;
    let inside = answer.inside("organizationUnits")?.unwrap_or_default();
    let organization = inside.into_iter().find(|(name, _)| name == "orgId");
    let organization = organization.and_then(|(_, id)| integer_of(id));
    Ok(Facts::Units {
        organization: organization.filter(|&id| id != 0),
        units: Ids::of(answer, &rows)?,
    })
}

/// The products that an answer about one product is about.
fn details(answer: &Answer<'_>) -> serde_json::Result<Vec<DetailsSubject>> {
    let key = answer.key_members();
    let mut subjects = Vec::new();
    for row in answer.rows()?.objects {
        let [serial, account] = pick(row, [&key, &["accountId"]])?;
        subjects.push(DetailsSubject {
            serial: serial.and_then(text_of).unwrap_or_default().into_owned(),
            account: account.and_then(integer_of).filter(|&id| id != 0),
        });
    }
    Ok(subjects)
}
