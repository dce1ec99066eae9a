//! Checks the access to a FortiPortal and estimates the calls of a crawl.

use std::collections::BTreeMap;

use fortilake_client::Client;
use serde_json::json;

use super::{ORGANIZATIONS, SITES, VDOMS};
use crate::{
    Facts, Result,
    systems::{Check, Estimate, ask, count, read},
};

/// Asks for the organizations.
pub(super) async fn check(client: &Client) -> Check {
    let found = ask(client, ORGANIZATIONS, json!({})).await;
    let found = found.map(|facts| {
        count(
            facts.map_or(0, |facts| organizations(&facts)),
            "organization",
        )
    });
    Check::of_one("FortiPortal", found)
}

/// Asks for the organizations, and estimates one list of sites for each and one site in each.
pub(super) async fn estimate(client: &Client) -> Result<Estimate> {
    let organizations = organizations(&read(client, ORGANIZATIONS, json!({})).await?);
    Ok(Estimate {
        calls: BTreeMap::from([
            (ORGANIZATIONS.to_owned(), 1),
            (SITES.to_owned(), organizations),
            (VDOMS.to_owned(), organizations),
        ]),
        basis: format!(
            "{}, assuming one site each",
            count(organizations, "organization")
        ),
    })
}

fn organizations(facts: &Facts) -> u64 {
    match facts {
        Facts::Offset(list) => list.total.unwrap_or(list.ids.len() as u64),
        _ => 0,
    }
}
