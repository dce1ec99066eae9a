//! Checks the access to FortiCloud and estimates the calls of a crawl.

use std::collections::{BTreeMap, BTreeSet};

use fortilake_client::{self as client, Client};
use serde_json::json;

use super::{ACCOUNTS, DETAILS, FLEX, PRODUCTS, UNITS};
use crate::{
    Facts, Ids, ListFacts, Result, Settings,
    systems::{Check, Estimate, ask, count, read},
};

/// Asks for the units, the accounts of the first unit, and the products of its first account.
pub(super) async fn check(client: &Client) -> Check {
    let units = ask(client, UNITS, json!({})).await;
    let organization = match &units {
        Ok(Ok(Facts::Units {
            organization,
            units,
        })) => organization.or(units.known.first().copied()),
        _ => None,
    };
    let is_refused = units.is_err();
    // If the user cannot sign in, the other services would fail in the same way, and each failure
    // would use up one error of the hourly limit. So they are not called.
    let cannot_sign_in = matches!(&units, Err(error) if error.kind() == client::Kind::Credentials);
    let units = units.map(|facts| match facts {
        Ok(Facts::Units { units, .. }) => count(units.known.len(), "unit"),
        _ => count(0, "unit"),
    });
    let mut services = vec![("Organization", Some(units))];
    if cannot_sign_in {
        services.extend([("IAM", None), ("Asset Management", None)]);
        return Check {
            services,
            usable: false,
            note: None,
        };
    }
    let mut arguments = json!({ "serialNumber": "%", "status": "Registered" });
    let mut iam = None;
    if let Some(ou) = organization {
        let accounts = ask(client, ACCOUNTS, json!({ "parentId": ou })).await;
        let accounts = accounts.map(|facts| match facts {
            Ok(Facts::Accounts(accounts)) => accounts,
            _ => Ids::default(),
        });
        // The first unit may have no accounts. The organization's id is sent instead: it has no
        // products, but the response still shows whether this user may list any.
        let first = accounts.as_ref().ok().and_then(|found| found.known.first());
        arguments["accountId"] = first.copied().unwrap_or(ou).into();
        let said =
            |found: Ids| format!("{} in the first unit", count(found.known.len(), "account"));
        iam = Some(accounts.map(said));
    }
    if let Some(Err(_)) = iam {
        // No account is known, and a refusal of the organization's id would say nothing about the
        // user's permissions.
        services.extend([("IAM", iam), ("Asset Management", None)]);
        return Check {
            services,
            usable: false,
            note: None,
        };
    }
    let products = ask(client, PRODUCTS, arguments).await;
    let products = products.map(|facts| match facts {
        Ok(Facts::List(list)) => products_found(&list),
        _ => products_found(&ListFacts::default()),
    });
    let usable = products.is_ok();
    services.extend([("IAM", iam), ("Asset Management", Some(products))]);
    Check {
        services,
        usable,
        note: (is_refused && usable).then_some("A crawl reads only this user's own account."),
    }
}

fn products_found(list: &ListFacts) -> String {
    let products = count(list.serials.len(), "product");
    match list.total {
        Some(total) if total > 1 => format!("{products} on page 1 of {total}"),
        _ => format!("{products} in the first account"),
    }
}

/// Asks for units and accounts, and estimates one page for each list of each account.
pub(super) async fn estimate(client: &Client, settings: &Settings) -> Result<Estimate> {
    let units: BTreeSet<i64> = match read(client, UNITS, json!({})).await? {
        Facts::Units {
            organization,
            units,
        } => organization.into_iter().chain(units.known).collect(),
        _ => BTreeSet::new(),
    };
    let mut accounts = BTreeSet::new();
    for &unit in &units {
        let found = read(client, ACCOUNTS, json!({ "parentId": unit })).await?;
        if let Facts::Accounts(found) = found {
            accounts.extend(found.known);
        }
    }
    let (units, accounts) = (units.len() as u64, accounts.len() as u64);
    let lists = settings.statuses.len() as u64;
    let mut calls = BTreeMap::from([
        (UNITS.to_owned(), 1),
        (ACCOUNTS.to_owned(), units),
        (PRODUCTS.to_owned(), accounts * lists),
    ]);
    // How many programs and configurations there are is known only once they are read.
    let each = |endpoint: &str| {
        if FLEX.contains(&endpoint) {
            1
        } else {
            accounts
        }
    };
    let include = settings.endpoints();
    let include = include
        .iter()
        .filter(|endpoint| ![UNITS, ACCOUNTS, PRODUCTS, DETAILS].contains(endpoint));
    calls.extend(include.map(|endpoint| ((*endpoint).to_owned(), each(endpoint))));
    let (units, accounts) = (count(units, "unit"), count(accounts, "account"));
    Ok(Estimate {
        calls,
        basis: format!("{units} and {accounts}, assuming one page for each list"),
    })
}
