//! What the planner needs to know about a page of FortiCloud.

mod usual;

use std::borrow::Cow;

use fortilake_models::{integer_of, text_of};

use super::{ACCOUNTS, DETAILS, FLEX, UNITS};
use crate::{
    DetailsSubject, Facts, Ids, ListFacts, Names, ProductName,
    facts::{ParsedResponse, Rows, RowsMember, fingerprint, pick},
};

pub(super) fn read(endpoint: &str, page: &str, names: Names) -> serde_json::Result<Facts> {
    let response = || ParsedResponse::read(endpoint, page);
    Ok(match endpoint {
        UNITS => units(&response()?)?,
        ACCOUNTS => accounts(&response()?)?,
        DETAILS => Facts::Details(details(&response()?)?),
        // The rows of FortiFlex say what to ask for next.
        _ if FLEX.contains(&endpoint) => Facts::List(list(endpoint, page, Names::Wanted)?),
        _ => Facts::List(list(endpoint, page, names)?),
    })
}

fn accounts(response: &ParsedResponse<'_>) -> serde_json::Result<Facts> {
    Ok(Facts::Accounts(ids(response, &response.listed_rows()?)?))
}

fn units(response: &ParsedResponse<'_>) -> serde_json::Result<Facts> {
    let rows = response.listed_rows()?;
    for row in &rows.objects {
        response.check_flat(row, "id")?;
    }
    let inside = response.inside("organizationUnits")?.unwrap_or_default();
    let organization = inside.into_iter().find(|(name, _)| name == "orgId");
    let organization = organization.and_then(|(_, id)| integer_of(id.get()));
    Ok(Facts::Units {
        organization: organization.filter(|&id| id != 0),
        units: ids(response, &rows)?,
    })
}

/// The products that a response about one product is about.
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

fn ids(response: &ParsedResponse<'_>, rows: &Rows<'_>) -> serde_json::Result<Ids> {
    let mut known = Vec::new();
    for row in &rows.objects {
        let [id] = pick(row, [&["id"]])?;
        known.extend(id.and_then(integer_of).filter(|&id| id != 0));
    }
    Ok(Ids {
        missing: rows.len() - rows.nulls - known.len(),
        known,
        total: response.number("totalPages"),
        unusable_total: response.unusable_total(),
    })
}

/// Reads the facts of a list, in one pass over the text if the page is a usual one.
fn list(endpoint: &str, page: &str, names: Names) -> serde_json::Result<ListFacts> {
    match usual::list(endpoint, page, names) {
        Some(facts) => Ok(facts),
        None => any_list(&ParsedResponse::read(endpoint, page)?, names),
    }
}

fn any_list(response: &ParsedResponse<'_>, names: Names) -> serde_json::Result<ListFacts> {
    let rows = response.listed_rows()?;
    let total = response.number("totalPages");
    let mut facts = ListFacts {
        page: response.number("pageNumber"),
        total,
        unusable_total: response.unusable_total(),
        rows: rows.len(),
        lacks_rows: rows.member == RowsMember::Absent && total.is_some_and(|total| total > 0),
        ..ListFacts::default()
    };
    let key = response.key_members();
    for row in rows.objects {
        let picked = pick(row, [&key, &["accountId"], &["productModel"]])?;
        add(&mut facts, row.get(), picked, names);
    }
    Ok(facts)
}

/// Adds a row, of which the key, the account and the model were picked.
fn add(facts: &mut ListFacts, row: &str, [key, account, model]: [Option<&str>; 3], names: Names) {
    let account = account.and_then(integer_of).filter(|&account| account != 0);
    if let Some(account) = account
        && !facts.accounts.contains(&account)
    {
        facts.accounts.push(account);
    }
    let name = key.and_then(text_of).filter(|name| !name.trim().is_empty());
    let Some(name) = name else {
        facts.unnamed.push(fingerprint(row));
        return;
    };
    facts.serials.push(fingerprint((account, &name)));
    if names == Names::Wanted {
        facts.products.push(ProductName {
            serial: name.into_owned(),
            model: model.and_then(text_of).map(Cow::into_owned),
        });
    }
}
